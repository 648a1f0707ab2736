import { parseDuration } from '../domain/duration.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type Cents, parseUsd } from '../domain/money.ts';
import { isManagementKey, masked } from '../domain/secrets.ts';
import { defaultApiUrl } from './api-url.ts';
import { keychainEntry } from './keychain.ts';
import type { Profiles } from './profiles.ts';
import type { Profile, SavedProfiles } from './saved-profiles.ts';

/** A value and where it came from, in words: `--api-url`, `CHEAPESTINFERENCE_API_URL`, `profile "work"`, `default`. */
interface Setting<Value> {
  readonly value: Value;
  readonly origin: string;
}

/** The global flags that decide whom the tool speaks for, as typed. */
export interface SettingFlags {
  readonly profile?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly sandbox?: boolean | undefined;
  readonly timeout?: string | undefined;
}

/** Whom the tool speaks for and to whom. Each is the flag, else the environment, else the profile, else the default. */
export interface Settings {
  readonly profile: Setting<string>;
  readonly apiUrl: Setting<string>;
  /** `undefined` when not signed in. */
  readonly managementKey: Setting<string> | undefined;
  readonly consumptionKey: Setting<string> | undefined;
  readonly sandbox: Setting<boolean>;
  /** Milliseconds for a whole request. */
  readonly timeout: Setting<number>;
  /** The most that all subscriptions together may cost a month, as saved, when the profile limits it; see {@link parseSpendLimit}. */
  readonly maxMonthlySpend: Setting<string> | undefined;
  /** How long a request that was sent may still take effect, milliseconds. */
  readonly settlingTime: Setting<number>;
}

/**
 * Resolves every setting.
 *
 * @throws CommandError (usage) for a value that is none; (not_signed_in) when the profile's key was saved for another host
 */
export function resolveSettings(flags: SettingFlags, env: Environment, profiles: SavedProfiles): Settings {
  if (flags.sandbox && flags.apiUrl !== undefined) {
    throw usageError('--sandbox and --api-url exclude each other', 'The sandbox runs in the command itself.');
  }
  if (flags.profile?.trim() === '') throw usageError('--profile is empty', '`ci auth list` shows the profiles.');
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
  };
}

/** Resolves whom the tool speaks for and to whom. Nothing is checked, and the keychain stays closed until the key is asked for. */
export function resolveIdentity(
  flags: SettingFlags,
  env: Environment,
  profiles: SavedProfiles,
): Pick<Settings, 'profile' | 'apiUrl' | 'managementKey'> {
  const profile =
    given(flags.profile, '--profile') ??
    fromEnvironment(env, 'CHEAPESTINFERENCE_PROFILE') ??
    given(profiles.current, 'configuration file') ??
    byDefault('default');
  const saved = profiles.get(profile.value);
  const origin = originOf(profile.value);
  const apiUrl =
    given(flags.apiUrl, '--api-url') ??
    fromEnvironment(env, 'CHEAPESTINFERENCE_API_URL') ??
    given(saved?.apiUrl, origin) ??
    byDefault(defaultApiUrl);
  // A profile that is named on the command line brings its own key.
  const managementKey =
    (flags.profile === undefined ? fromEnvironment(env, 'CHEAPESTINFERENCE_MANAGEMENT_KEY') : undefined) ??
    given(saved?.managementKey, origin) ??
    inKeychain(profile.value, saved);
  return { profile, apiUrl, managementKey };
}

/** Resolves whether the sandbox is used. @throws CommandError (usage) if the environment variable is neither on nor off */
export function sandboxSetting({ sandbox, apiUrl }: SettingFlags, env: Environment): Setting<boolean> {
  if (sandbox) return { value: true, origin: '--sandbox' };
  const variable = 'CHEAPESTINFERENCE_SANDBOX';
  return apiUrl === undefined && isOn(env, variable) ? { value: true, origin: variable } : byDefault(false);
}

/** Reads a limit of monthly spending, in USD. @throws CommandError (usage) */
export function parseSpendLimit(text: string): Cents {
  if (/^\$?\d+(\.\d{1,2})?$/.test(text)) return parseUsd(text);
  throw usageError(`max-monthly-spend is "${text}"`, 'Write an amount of USD, 200 or 199.50, or default for no limit.');
}

/** The default of `timeout`. */
export const defaultTimeout = '30s';

/**
 * The default of `settling-time`. It covers the usual time limits between `ci` and the card issuer: nginx waits 60 s for a server
 * (`proxy_read_timeout`), Stripe's own client 80 s for one attempt (`timeout` of stripe-node), Cloudflare 120 s ("Connection
 * limits", Proxy Read Timeout).
 */
export const defaultSettlingTime = '120s';

/** Longest settling time, in milliseconds. No server is a day late, and each repeated command would wait as long. */
const longestSettlingTime = 24 * 3_600_000;

/** Reads how long a request may take to settle, in milliseconds. @throws CommandError (usage) */
export function parseSettlingTime(text: string): number {
  const time = parseDuration(text, 'settling-time');
  if (time <= longestSettlingTime) return time;
  throw usageError(
    `settling-time is "${text}", which is longer than a day`,
    'Use a length of time such as 120s or 5m.',
  );
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

/** What tells an account from any other, on this machine: for the names of what is kept of it. Holds the key. */
export function accountOf({ apiUrl, managementKey, sandbox }: Settings, sandboxFolder: string): string {
  if (sandbox.value) return sandboxAccount(sandboxFolder);
  // Of a host however it is written: https://host and https://host/.
  return `${new URL(apiUrl.value).origin} ${managementKey?.value ?? ''}`;
}

/** Returns the same for the sandbox's account. @param folder - where it keeps its state */
export function sandboxAccount(folder: string): string {
  return `sandbox ${folder}`;
}

/** Returns the account that commands use, in words. */
export function accountLabel({ profile, apiUrl, managementKey, sandbox }: Settings): string {
  if (sandbox.value) return 'the sandbox: no money moves';
  const key = managementKey ? masked(managementKey.value) : 'no key';
  return `${key} (${managementKey?.origin ?? `profile "${profile.value}"`}) at ${new URL(apiUrl.value).host}`;
}

/**
 * The management key, when it may be sent to the API URL in use: a saved key goes to the host that it was saved for.
 *
 * @throws CommandError (usage) for an environment variable that holds no management key; (not_signed_in) for another host;
 * (file_error) when others could have put the key or its host there, or read it; (keychain_error)
 */
export function keyFor(settings: Settings, profiles: Profiles): string | undefined {
  const { managementKey, apiUrl, profile } = settings;
  if (managementKey === undefined) return undefined;
  const saved = profiles.get(profile.value);
  if (managementKey.origin === 'CHEAPESTINFERENCE_MANAGEMENT_KEY') {
    if (apiUrl.origin === originOf(profile.value)) profiles.requirePrivate(false);
  } else {
    const savedFor = saved?.apiUrl ?? defaultApiUrl;
    if (new URL(savedFor).origin !== new URL(apiUrl.value).origin) {
      throw new CommandError(
        'not_signed_in',
        `the key of ${originOf(profile.value)} was saved for ${savedFor} and is not sent to ${apiUrl.value} (from ${apiUrl.origin})`,
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
      `${managementKey.origin} holds "${masked(value)}", which is no management key: such a key begins with mk_`,
      'Make one in the dashboard, tab Management Keys.',
    );
  }
  return value;
}

/** The key that a profile has in the system's keychain; the keychain is opened when the value is asked for, and once. */
function inKeychain(name: string, profile: Profile = {}): Setting<string> | undefined {
  const entry = keychainEntry(name, profile);
  if (!entry) return undefined;
  let key: string | undefined;
  return {
    origin: `keychain (${originOf(name)})`,
    get value() {
      key ??= entry.read();
      if (key !== undefined) return key;
      throw new CommandError('not_signed_in', `the key of ${originOf(name)} is in the system's keychain no more`, {
        hint: 'Sign in again with `ci auth login --keychain`.',
      });
    },
  };
}

function originOf(profile: string): string {
  return `profile "${profile}"`;
}

/** Whether a variable is set to `1` or `true`; unset, empty, `0` and `false` are no. */
function isOn(env: Environment, name: string): boolean {
  const value = env[name] ?? '';
  if (['', '0', 'false'].includes(value)) return false;
  if (['1', 'true'].includes(value)) return true;
  throw usageError(`${name} is "${value}"`, 'Set it to 1 or 0.');
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
