import type { Environment } from '../domain/environment.ts';
import { readCacheFile, writeCacheFile } from '../state/cache-file.ts';

/** What is known about newer versions. Times are epoch milliseconds. */
export interface Known {
  /** When the registry was last asked, even without success. */
  readonly askedAt?: number;
  /** The newest version that the registry has. */
  readonly latest?: string;
  /** When a newer version was last announced. */
  readonly announcedAt?: number;
}

/** Matches a version that is announced. A prerelease such as `1.0.0-beta.1` is not. */
const released = /^\d{1,6}\.\d{1,6}\.\d{1,6}$/;

/** Reads what is known. Nothing, if the file is missing or damaged. */
export function readKnown(file: string): Known {
  try {
    const saved: unknown = JSON.parse(readCacheFile(file));
    if (typeof saved !== 'object' || saved === null) return {};
    const { askedAt, latest, announcedAt }: Record<string, unknown> = { ...saved };
    return {
      ...(typeof askedAt === 'number' ? { askedAt } : {}),
      ...(isReleased(latest) ? { latest } : {}),
      ...(typeof announcedAt === 'number' ? { announcedAt } : {}),
    };
  } catch {
    return {};
  }
}

/** Replaces what is known. @returns whether it was written */
export function writeKnown(file: string, known: Known, env: Environment): boolean {
  try {
    writeCacheFile(file, JSON.stringify(known), env);
    return true;
  } catch {
    return false;
  }
}

/** Returns whether this is a version of a release. */
export function isReleased(version: unknown): version is string {
  return typeof version === 'string' && released.test(version);
}

/** Returns whether a version is newer than another. */
export function isNewer(version: string, other: string): boolean {
  const numbers = version.split('.').map(Number);
  const others = other.split('.').map((part) => Number.parseInt(part, 10));
  const at = numbers.findIndex((number, index) => number !== others[index]);
  return at >= 0 && (numbers[at] ?? 0) > (others[at] ?? 0);
}
