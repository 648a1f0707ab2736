import type { Environment } from '../domain/environment.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';

/** What is known of newer versions, times in epoch milliseconds. */
export interface Known {
  /** When the registry was asked last, whatever came of it. */
  readonly askedAt?: number;
  /** The newest version that the registry has told of. */
  readonly latest?: string;
  /** When a person was told last. */
  readonly toldAt?: number;
}

/** A version to be told of; one that is being tried out (`1.0.0-beta.1`) is not. */
const released = /^\d{1,6}\.\d{1,6}\.\d{1,6}$/;

/** Reads what is known; what is not there or damaged is nothing. */
export function readKnown(file: string): Known {
  try {
    const saved: unknown = JSON.parse(readCacheFile(file));
    if (typeof saved !== 'object' || saved === null) return {};
    const { askedAt, latest, toldAt }: Record<string, unknown> = { ...saved };
    return {
      ...(typeof askedAt === 'number' ? { askedAt } : {}),
      ...(isReleased(latest) ? { latest } : {}),
      ...(typeof toldAt === 'number' ? { toldAt } : {}),
    };
  } catch {
    return {};
  }
}

/** Writes what is known, whole. @returns whether it could be */
export function writeKnown(file: string, known: Known, env: Environment): boolean {
  try {
    writeCacheFile(file, JSON.stringify(known), env);
    return true;
  } catch {
    return false;
  }
}

export function isReleased(version: unknown): version is string {
  return typeof version === 'string' && released.test(version);
}

/** Whether a version comes after another. */
export function isNewer(version: string, other: string): boolean {
  const numbers = version.split('.').map(Number);
  const others = other.split('.').map((part) => Number.parseInt(part, 10));
  const at = numbers.findIndex((number, index) => number !== others[index]);
  return at >= 0 && (numbers[at] ?? 0) > (others[at] ?? 0);
}
