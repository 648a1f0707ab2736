import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { type Format, formats } from '../domain/formats.ts';
import { hasValidMembers, isObject } from '../domain/json.ts';
import { masked } from '../domain/secrets.ts';

/** A saved profile: a management key, its API, and preferences. Unknown members are kept. */
export interface Profile {
  /** The only host that the key is sent to. */
  readonly apiUrl?: string | undefined;
  readonly managementKey?: string | undefined;
  /** Whether the key is in the system keychain. */
  readonly keychain?: boolean | undefined;
  /** The key in the keychain, masked, to show it without opening the keychain. */
  readonly maskedKey?: string | undefined;
  /** The output format of results. */
  readonly output?: Format | undefined;
  /** The longest time that a request may take, as typed: `30s`. */
  readonly timeout?: string | undefined;
  /** The most that all subscriptions together may cost per month, in USD, as typed: `200`. */
  readonly maxMonthlySpend?: string | undefined;
  /** How long a request may still take effect after it was sent, as typed: `120s`. */
  readonly settlingTime?: string | undefined;
  /** The stored key to use by default: its name or ID. */
  readonly defaultKey?: string | undefined;
  /** The age from which `ci status` reports a key, as typed: `90d`. */
  readonly maxKeyAge?: string | undefined;
  /** The URL of the state database. Without its password if that is in the system keychain. */
  readonly stateUrl?: string | undefined;
  /** Whether the password of the state database is in the system keychain. */
  readonly stateKeychain?: boolean | undefined;
}

/** The content of `config.json`. Unknown members are kept. */
export interface ProfilesContent {
  readonly currentProfile?: string | undefined;
  readonly profiles?: Readonly<Record<string, Profile>> | undefined;
}

/** Read-only access to the saved profiles. */
export interface SavedProfiles {
  /** The profile that is used by default; undefined until one is saved. */
  readonly current: string | undefined;
  get(name: string): Profile | undefined;
  names(): string[];
}

/** Reports a `config.json` that this program can't have written. */
export class DamagedFile extends CommandError {
  readonly content: Buffer;

  constructor(file: string, content: Buffer, cause?: unknown) {
    super('file_error', `${file} is damaged, and was left unchanged`, {
      hint: 'Repair it, or run `ci auth login`, which keeps it under another name and creates a new one.',
      cause,
    });
    this.content = content;
  }
}

/** Returns the path of the file that holds the profiles. */
export function profilesFile(folder: string): string {
  return path.join(folder, 'config.json');
}

/**
 * Reads the profiles; a missing file contains none. Every command and every Tab in a shell starts with this, so the file is
 * validated without a library, which would take several times longer to load.
 *
 * @throws DamagedFile; CommandError (file_error) if the file can't be read
 */
export function readProfiles(file: string): ProfilesContent {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    // ENOTDIR: something above the file isn't a directory, as in /dev/null/config.json.
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return {};
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new DamagedFile(file, bytes, error);
  }
  if (!isContent(content)) throw new DamagedFile(file, bytes);
  return content;
}

/** Reads the profiles in a directory. @throws as {@link readProfiles} */
export function savedProfiles(folder: string): SavedProfiles {
  return profilesIn(readProfiles(profilesFile(folder)));
}

/** Returns access to the profiles in a content. */
export function profilesIn({ currentProfile, profiles = {} }: ProfilesContent): SavedProfiles {
  return {
    current: currentProfile,
    get: (name) => (Object.hasOwn(profiles, name) ? profiles[name] : undefined),
    names: () => Object.keys(profiles),
  };
}

/** Returns a profile's key, masked, wherever it is saved; undefined if none exists. */
export function shownKey({ managementKey, keychain, maskedKey = 'mk_…' }: Profile): string | undefined {
  if (managementKey !== undefined) return masked(managementKey);
  return keychain ? maskedKey : undefined;
}

const isText = (value: unknown) => typeof value === 'string';
const members: Readonly<Record<keyof Profile, (value: unknown) => boolean>> = {
  apiUrl: (value) => typeof value === 'string' && URL.canParse(value),
  managementKey: isText,
  keychain: (value) => typeof value === 'boolean',
  maskedKey: isText,
  output: (value) => formats.some((format) => format === value),
  timeout: isText,
  maxMonthlySpend: isText,
  settlingTime: isText,
  maxKeyAge: isText,
  defaultKey: isText,
  stateUrl: isText,
  stateKeychain: (value) => typeof value === 'boolean',
};

function isContent(value: unknown): value is ProfilesContent {
  if (!isObject(value)) return false;
  const { currentProfile, profiles = {} } = value;
  const isCurrent = currentProfile === undefined || isText(currentProfile);
  return isCurrent && isObject(profiles) && Object.values(profiles).every(isProfile);
}

function isProfile(value: unknown): value is Profile {
  return isObject(value) && hasValidMembers(value, members);
}
