import { parseDuration } from '../domain/duration.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type Cents, parseUsd } from '../domain/money.ts';
import { isManagementKey, masked } from '../domain/secrets.ts';
import { withPassword } from '../domain/url-password.ts';
import { defaultApiUrl } from './api-url.ts';
import { keychainEntry, statePasswordEntry } from './keychain.ts';
import type { Profiles } from './profiles.ts';
import type { Profile, SavedProfiles } from './saved-profiles.ts';

/** A value and its source: `--api-url`, `CHEAPESTINFERENCE_API_URL`, `profile "work"`, `default`. */
interface Setting<Value> {
  readonly value: Value;
  readonly origin: string;
}

/** The environment variable of the management key, and the origin of a key from it. */
export const managementKeyVariable = 'CHEAPESTINFERENCE_MANAGEMENT_KEY';

/** The environment variable of the state database, and the origin of a URL from it. */
export const stateUrlVariable = 'CHEAPESTINFERENCE_STATE_URL';

/** Returns where a value comes from, to follow the value: `from --profile`, `from the config file`, `by default`. */
export function originInWords(origin: string): string {
  if (origin === 'default') return 'by default';
  return origin === configFile || origin.startsWith(keychain) ? `from the ${origin}` : `from ${origin}`;
}

const configFile = 'config file';
const keychain = 'keychain';

/** The global flags that override settings, as typed. */
export interface SettingFlags {
  readonly profile?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly sandbox?: boolean | undefined;
  readonly timeout?: string | undefined;
}

/** All settings. Each comes from the flag, or else the environment, the profile, or the default. */
export interface Settings {
  readonly profile: Setting<string>;
  readonly apiUrl: Setting<string>;
  /** `undefined` if the user isn't signed in. */
  readonly managementKey: Setting<string> | undefined;
  readonly consumptionKey: Setting<string> | undefined;
  readonly sandbox: Setting<boolean>;
  /** Milliseconds for a request and its retries. */
  readonly timeout: Setting<number>;
  /** The most that all subscriptions together may cost per month, as saved; {@link parseSpendLimit} parses it. */
  readonly maxMonthlySpend: Setting<string> | undefined;
  /** How long a request may still take effect after it was sent, in milliseconds. */
  readonly settlingTime: Setting<number>;
  /** The age from which keys should be rotated, as saved; {@link parseMaxKeyAge} parses it. */
  readonly maxKeyAge: Setting<string> | undefined;
  /** The URL of the state database, with its password; `undefined` if files hold the state. `stateAddress()` parses it. */
  readonly stateUrl: Setting<string> | undefined;
}

/**
 * Resolves every setting.
 *
 * @throws CommandError (usage) for an invalid value; (not_signed_in) if the profile's key was saved for another host
 */
export function resolveSettings(flags: SettingFlags, env: Environment, profiles: SavedProfiles): Settings {
  if (flags.sandbox && flags.apiUrl !== undefined) {
    throw usageError(
      "--sandbox and --api-url can't be combined",
      'The sandbox has its own URL. Leave out one of them.',
    );
  }
  if (flags.profile?.trim() === '') throw usageError('--profile is empty', 'List your profiles with `ci auth list`.');
  const sandbox = sandboxSetting(flags, env);
  const identity = resolveIdentity(flags, env, profiles);
  const saved = profiles.get(identity.profile.value);
  const origin = originOf(identity.profile.value);
  const timeout = given(flags.timeout, '--timeout') ?? given(saved?.timeout, origin) ?? byDefault(defaultTimeout);
  return {
    ...identity,
    consumptionKey: fromEnvironment(env, 'CHEAPESTINFERENCE_API_KEY'),
    sandbox,
    timeout: { value: parseDuration(timeout.value), origin: timeout.origin },
    maxMonthlySpend: given(saved?.maxMonthlySpend, origin),
    settlingTime: settlingTimeOf(given(saved?.settlingTime, origin) ?? byDefault(defaultSettlingTime)),
    maxKeyAge: given(saved?.maxKeyAge, origin),
    stateUrl: fromEnvironment(env, stateUrlVariable) ?? savedStateUrl(identity.profile.value, saved),
  };
}

/** Resolves the profile, the API URL and the key, without checking them. The keychain is opened only when the key is read. */
export function resolveIdentity(
  flags: SettingFlags,
  env: Environment,
  profiles: SavedProfiles,
): Pick<Settings, 'profile' | 'apiUrl' | 'managementKey'> {
  const profile =
    given(flags.profile, '--profile') ??
    fromEnvironment(env, 'CHEAPESTINFERENCE_PROFILE') ??
    given(profiles.current, configFile) ??
    byDefault('default');
  const saved = profiles.get(profile.value);
  const origin = originOf(profile.value);
  const apiUrl =
    given(flags.apiUrl, '--api-url') ??
    fromEnvironment(env, 'CHEAPESTINFERENCE_API_URL') ??
    given(saved?.apiUrl, origin) ??
    byDefault(defaultApiUrl);
  // A profile that is named on the command line takes precedence over a key in the environment.
  const managementKey =
    (flags.profile === undefined ? fromEnvironment(env, managementKeyVariable) : undefined) ??
    given(saved?.managementKey, origin) ??
    inKeychain(profile.value, saved);
  return { profile, apiUrl, managementKey };
}

/** Resolves whether the sandbox is used. @throws CommandError (usage) if the environment variable is invalid */
export function sandboxSetting({ sandbox, apiUrl }: SettingFlags, env: Environment): Setting<boolean> {
  if (sandbox) return { value: true, origin: '--sandbox' };
  const variable = 'CHEAPESTINFERENCE_SANDBOX';
  return apiUrl === undefined && isOn(env, variable) ? { value: true, origin: variable } : byDefault(false);
}

/** Parses a limit of monthly spending in USD. @throws CommandError (usage) */
export function parseSpendLimit(text: string): Cents {
  if (/^\$?\d+(\.\d{1,2})?$/.test(text)) return parseUsd(text);
  throw usageError(
    `"${text}" is not a valid value for max-monthly-spend`,
    'Use an amount in USD such as 200 or 199.50, or default for no limit.',
  );
}

/** The default of `timeout`. */
export const defaultTimeout = '30s';

/**
 * The default of `settling-time`. It covers the usual time limits between `ci` and the card issuer: nginx waits 60 s for a server
 * (`proxy_read_timeout`), Stripe's own client 80 s for one attempt (`timeout` of stripe-node), Cloudflare 120 s ("Connection
 * limits", Proxy Read Timeout).
 */
export const defaultSettlingTime = '120s';

/** Maximum settling time, in milliseconds. No server is a day late, and each repeated command would wait that long. */
const longestSettlingTime = 24 * 3_600_000;

/** Parses the settling time. @returns milliseconds @throws CommandError (usage) */
export function parseSettlingTime(text: string): number {
  const time = parseDuration(text, 'settling-time');
  if (time <= longestSettlingTime) return time;
  throw usageError(`"${text}" is too long for settling-time`, 'Use at most one day, such as 120s or 5m.');
}

/** Parses the maximum age of keys. @returns milliseconds @throws CommandError (usage) */
export function parseMaxKeyAge(text: string): number {
  return parseDuration(text, 'max-key-age');
}

function settlingTimeOf({ value, origin }: Setting<string>): Setting<number> {
  // Parsed only when needed, so that an invalid saved value doesn't stop the command that replaces it.
  return {
    origin,
    get value() {
      return parseSettlingTime(value);
    },
  };
}

/** Returns a text that identifies the account on this machine, to name its files with. It contains the key. */
export function accountOf({ apiUrl, managementKey, sandbox }: Settings, sandboxFolder: string): string {
  if (sandbox.value) return sandboxAccount(sandboxFolder);
  // The origin is the same for https://host and https://host/.
  return `${new URL(apiUrl.value).origin} ${managementKey?.value ?? ''}`;
}

/** Returns the same for the sandbox's account. @param folder - the directory of its state */
export function sandboxAccount(folder: string): string {
  return `sandbox ${folder}`;
}

/** Describes the account that commands use. */
export function accountLabel({ profile, apiUrl, managementKey, sandbox }: Settings): string {
  if (sandbox.value) return 'the sandbox: nothing is charged';
  const key = managementKey ? masked(managementKey.value) : 'no key';
  return `${key} (${managementKey?.origin ?? `profile "${profile.value}"`}) at ${new URL(apiUrl.value).host}`;
}

/**
 * Returns the management key, checked. A saved key may be sent only to the host that it was saved for.
 *
 * @throws CommandError (usage) for an invalid key; (not_signed_in) for another host; (file_error) if other users could have changed
 *   or read the saved key; (keychain_error)
 */
export function keyFor(settings: Settings, profiles: Profiles): string | undefined {
  const { managementKey, apiUrl, profile } = settings;
  if (managementKey === undefined) return undefined;
  const saved = profiles.get(profile.value);
  if (managementKey.origin === managementKeyVariable) {
    if (apiUrl.origin === originOf(profile.value)) profiles.requirePrivate(false);
  } else {
    const savedFor = saved?.apiUrl ?? defaultApiUrl;
    if (new URL(savedFor).origin !== new URL(apiUrl.value).origin) {
      throw new CommandError(
        'not_signed_in',
        `The key of ${originOf(profile.value)} was saved for ${savedFor}, so it isn't sent to ${apiUrl.value} (${originInWords(apiUrl.origin)})`,
        {
          hint: `Sign in there with \`ci auth login --profile NAME --api-url ${apiUrl.value}\`, or set CHEAPESTINFERENCE_MANAGEMENT_KEY.`,
        },
      );
    }
    profiles.requirePrivate(saved?.managementKey !== undefined);
  }
  const { value } = managementKey;
  if (!isManagementKey(value)) {
    throw usageError(
      `"${masked(value)}" ${originInWords(managementKey.origin)} is not a valid management key`,
      'Management keys start with mk_. Create one in the dashboard (Management Keys).',
    );
  }
  return value;
}

/** Returns the key that a profile has in the system keychain, which is opened once, when the value is first read. */
function inKeychain(name: string, profile: Profile = {}): Setting<string> | undefined {
  const entry = keychainEntry(name, profile);
  if (!entry) return undefined;
  let key: string | undefined;
  return {
    origin: `${keychain} (${originOf(name)})`,
    get value() {
      key ??= entry.read();
      if (key !== undefined) return key;
      throw new CommandError('not_signed_in', `The key of ${originOf(name)} is no longer in the system keychain`, {
        hint: 'Sign in again with `ci auth login --keychain`.',
      });
    },
  };
}

/** Returns a profile's state URL. If its password is in the system keychain, opens it once, when the value is first read. */
function savedStateUrl(name: string, profile: Profile = {}): Setting<string> | undefined {
  const { stateUrl } = profile;
  const entry = statePasswordEntry(name, profile);
  if (stateUrl === undefined || !entry) return given(stateUrl, originOf(name));
  let password: string | undefined;
  return {
    origin: originOf(name),
    get value() {
      password ??= entry.read();
      if (password !== undefined) return withPassword(stateUrl, password);
      throw new CommandError(
        'keychain_error',
        `The password of the state database of ${originOf(name)} is no longer in the system keychain`,
        { hint: 'Set the URL again with `ci config set state-url -`.' },
      );
    },
  };
}

/** Returns the origin of a setting of a profile. */
export function originOf(profile: string): string {
  return `profile "${profile}"`;
}

/** Returns whether a variable is `1` or `true`. It may also be unset, empty, `0` or `false`. */
function isOn(env: Environment, name: string): boolean {
  const value = env[name] ?? '';
  if (['', '0', 'false'].includes(value)) return false;
  if (['1', 'true'].includes(value)) return true;
  throw usageError(`"${value}" is not a valid value for ${name}`, 'Use 1 or 0.');
}

function given(value: string | undefined, origin: string): Setting<string> | undefined {
  return value === undefined ? undefined : { value, origin };
}

function fromEnvironment(env: Environment, variable: `CHEAPESTINFERENCE_${string}`): Setting<string> | undefined {
  return given(env[variable] || undefined, variable);
}

function byDefault<Value>(value: Value): Setting<Value> {
  return { value, origin: 'default' };
}
