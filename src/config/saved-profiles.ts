import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { type Format, formats } from '../domain/formats.ts';
import { masked } from '../domain/secrets.ts';

/** One profile as saved: a management key, the API it belongs to, and what is preferred with it. Other members are kept. */
export interface Profile {
  /** The host that the key was saved for; it is sent to no other. */
  readonly apiUrl?: string | undefined;
  readonly managementKey?: string | undefined;
  /** Whether the key is in the system's keychain. */
  readonly keychain?: boolean | undefined;
  /** The key in the keychain, masked, to be shown without opening it. */
  readonly maskedKey?: string | undefined;
  /** How results are printed. */
  readonly output?: Format | undefined;
  /** The longest a request may take, as typed: `30s`. */
  readonly timeout?: string | undefined;
  /** The most that all subscriptions together may cost a month, in USD, as typed: `200`. */
  readonly maxMonthlySpend?: string | undefined;
  /** How long a request that was sent may still take effect, as typed: `120s`. */
  readonly settlingTime?: string | undefined;
}

/** The content of `config.json`. Other members are kept. */
export interface ProfilesContent {
  readonly currentProfile?: string | undefined;
  readonly profiles?: Readonly<Record<string, Profile>> | undefined;
}

/** The saved profiles, to read. */
export interface SavedProfiles {
  /** The profile in use when none is named, once one was saved. */
  readonly current: string | undefined;
  get(name: string): Profile | undefined;
  names(): string[];
}

/** A `config.json` that isn't one of this program's. */
export class DamagedFile extends CommandError {
  readonly content: Buffer;

  constructor(file: string, content: Buffer, cause?: unknown) {
    super('file_error', `${file} is damaged and is left as it is`, {
      hint: 'Mend it, or run `ci auth login`: that keeps it under another name and begins a new one.',
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
 * Reads the profiles; a missing file holds none. Every command and every Tab in a shell starts with this, so the file is checked
 * without a library, which takes several times longer to load.
 *
 * @throws DamagedFile; CommandError (file_error) if the file can't be read
 */
export function readProfiles(file: string): ProfilesContent {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    // ENOTDIR: something above the file isn't a folder, as in /dev/null/config.json.
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return {};
    throw new CommandError('file_error', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
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

/** Reads the profiles in a folder. @throws as {@link readProfiles} */
export function savedProfiles(folder: string): SavedProfiles {
  return profilesIn(readProfiles(profilesFile(folder)));
}

/** Returns the profiles in a content. */
export function profilesIn({ currentProfile, profiles = {} }: ProfilesContent): SavedProfiles {
  return {
    current: currentProfile,
    get: (name) => (Object.hasOwn(profiles, name) ? profiles[name] : undefined),
    names: () => Object.keys(profiles),
  };
}

/** A profile's key, masked, wherever it is; undefined when there is none. */
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
};

function isContent(value: unknown): value is ProfilesContent {
  if (!isObject(value)) return false;
  const { currentProfile, profiles = {} } = value;
  const isCurrent = currentProfile === undefined || isText(currentProfile);
  return isCurrent && isObject(profiles) && Object.values(profiles).every(isProfile);
}

function isProfile(value: unknown): value is Profile {
  return isObject(value) && Object.entries(members).every(([name, is]) => value[name] === undefined || is(value[name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
