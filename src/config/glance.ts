import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Surroundings } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';
import { defaultApiUrl } from './api-url.ts';
import { configFolder } from './folders.ts';

/** The global flags that decide whom the tool speaks for, as typed. */
interface Flags {
  readonly profile?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly sandbox?: boolean | undefined;
}

/** Whom the tool would speak for. */
export interface Glance {
  /** Masked; undefined when not signed in. */
  readonly managementKey: string | undefined;
  /** Where the key came from, in words. */
  readonly origin: string;
  readonly host: string;
  readonly sandbox: boolean;
}

/**
 * Whom the tool would speak for, told at once: in a tenth of the time that the settings take, as nothing is checked, no keychain is
 * opened, and what is damaged is taken for nothing. For show alone.
 */
export function glance({ profile, apiUrl, sandbox }: Flags, surroundings: Surroundings): Glance {
  const { env } = surroundings;
  const file = saved(surroundings);
  const name = profile ?? (env.CHEAPESTINFERENCE_PROFILE || textAt(file, 'currentProfile')) ?? 'default';
  const inFile = memberOf(memberOf(file, 'profiles'), name);
  const key = textAt(inFile, 'managementKey');
  const inEnvironment = profile === undefined ? env.CHEAPESTINFERENCE_MANAGEMENT_KEY || undefined : undefined;
  const inKeychain = memberOf(inFile, 'keychain') === true ? (textAt(inFile, 'maskedKey') ?? 'mk_…') : undefined;
  const url = apiUrl ?? (env.CHEAPESTINFERENCE_API_URL || textAt(inFile, 'apiUrl')) ?? defaultApiUrl;
  const sandboxWord = env.CHEAPESTINFERENCE_SANDBOX ?? '';
  return {
    managementKey: inEnvironment ? masked(inEnvironment) : key === undefined ? inKeychain : masked(key),
    origin: inEnvironment ? 'CHEAPESTINFERENCE_MANAGEMENT_KEY' : `profile "${name}"`,
    host: URL.canParse(url) ? new URL(url).host : url,
    sandbox: sandbox ?? (apiUrl === undefined && ['1', 'true'].includes(sandboxWord)),
  };
}

/** What the file of profiles holds; undefined when it cannot be read. */
function saved(surroundings: Surroundings): unknown {
  try {
    return JSON.parse(readFileSync(path.join(configFolder(surroundings), 'config.json'), 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof CommandError || isSystemError(error)) return undefined;
    throw error;
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function textAt(value: unknown, name: string): string | undefined {
  const member = memberOf(value, name);
  return typeof member === 'string' ? member : undefined;
}
