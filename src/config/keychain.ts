import { CommandError, firstLineOf } from '../domain/errors.ts';
import { keyring } from './keyring.ts';
import type { Profile } from './saved-profiles.ts';

const service = 'cheapestinference';

/** What to do if the keychain can't be used. */
const alternatives = {
  key: 'To save the key in a file that only you can read instead, run `ci auth login` without --keychain.',
  apiKey:
    'To store keys in a file that only you can read instead, sign in again with `ci auth login` without --keychain.',
  statePassword:
    'To save the password of the state database in a file that only you can read instead, sign in again with `ci auth login` without --keychain, and set state-url again.',
  password: 'Without --keychain, `ci` asks for the password, or reads it from --password-file.',
} as const;

/**
 * An entry in the system keychain: a profile's key for one host, a stored API key, or the password of a state database or a wallet. Blocks
 * while the system asks the user to unlock the keychain.
 */
export class KeychainEntry {
  readonly #account: string;
  readonly #content: keyof typeof alternatives;

  private constructor(account: string, content: keyof typeof alternatives) {
    this.#account = account;
    this.#content = content;
  }

  /** Returns the entry of a profile's key. @param apiUrl - the host that the key is for; another host has another entry */
  static ofKey(profile: string, apiUrl: string): KeychainEntry {
    return new KeychainEntry(`${profile}@${new URL(apiUrl).host}`, 'key');
  }

  /** Returns the entry of a stored API key. @param key - its ID; if it has none, its name */
  static ofApiKey(profile: string, apiUrl: string, key: string): KeychainEntry {
    return new KeychainEntry(`${profile}@${new URL(apiUrl).host} key ${key}`, 'apiKey');
  }

  /**
   * Returns the entry of the password of a profile's state database.
   *
   * @param stateUrl - the URL without the password; if it is changed in the file, such as to another host, it has another entry
   */
  static ofStatePassword(profile: string, stateUrl: string): KeychainEntry {
    return new KeychainEntry(`${profile} state ${stateUrl}`, 'statePassword');
  }

  /** Returns the entry of a wallet's password. @param file - the absolute path of the wallet */
  static ofWallet(file: string): KeychainEntry {
    return new KeychainEntry(`wallet ${file}`, 'password');
  }

  /** Returns whether another entry is a different one. */
  differs(other: KeychainEntry): boolean {
    return this.#account !== other.#account;
  }

  /** Reads the secret; undefined if none exists. @throws CommandError (keychain_error) */
  read(): string | undefined {
    return this.#use((entry) => entry.getPassword()) ?? undefined;
  }

  /** Writes the secret. @throws CommandError (keychain_error) */
  write(secret: string): void {
    this.#use((entry) => entry.setPassword(secret));
  }

  /** Removes the secret if it is there. @throws CommandError (keychain_error) */
  remove(): void {
    this.#use((entry) => entry.deleteCredential());
  }

  #use<Result>(work: (entry: import('@napi-rs/keyring').Entry) => Result): Result {
    const alternative = alternatives[this.#content];
    const { Entry } = loadBinding(alternative);
    try {
      // In the other store on Linux, the key would be lost at the next restart of the machine.
      return work(new Entry(service, this.#account, { linux: { store: 'secret-service' } }));
    } catch (error) {
      throw failure(
        `The system keychain can't be used: ${firstLineOf(error)}`,
        [requirements[process.platform], alternative],
        error,
      );
    }
  }
}

/** Returns the entry in the system keychain with a profile's key; undefined if the key isn't in the keychain. */
export function keychainEntry(name: string, { keychain, apiUrl }: Profile): KeychainEntry | undefined {
  return keychain && apiUrl !== undefined ? KeychainEntry.ofKey(name, apiUrl) : undefined;
}

/** Returns the entry with the password of a profile's state database; undefined if the password isn't in the keychain. */
export function statePasswordEntry(name: string, { stateUrl, stateKeychain }: Profile): KeychainEntry | undefined {
  return stateKeychain && stateUrl !== undefined ? KeychainEntry.ofStatePassword(name, stateUrl) : undefined;
}

const requirements: Partial<Record<NodeJS.Platform, string>> = {
  linux: "On Linux, it is the Secret Service (GNOME Keyring, KWallet or KeePassXC) on your session's D-Bus.",
};

/** Loads the binding. @throws CommandError that also says what else to do */
function loadBinding(alternative: string): typeof import('@napi-rs/keyring') {
  try {
    return keyring();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw failure(error.message, [error.hint, alternative], error);
  }
}

function failure(message: string, hints: readonly (string | undefined)[], cause: unknown): CommandError {
  return new CommandError('keychain_error', message, { hint: hints.filter(Boolean).join(' '), cause });
}
