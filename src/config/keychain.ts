import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import type { Profile } from './saved-profiles.ts';

const service = 'cheapestinference';
const binding = '@napi-rs/keyring';

/**
 * The entry in the system keychain for one profile's key and one host. Blocks while the system asks the user to unlock the keychain.
 * The native binding isn't a dependency of this package; it is loaded when needed, and may be missing.
 */
export class KeychainEntry {
  readonly #account: string;

  /** @param apiUrl - the host that the key is for; the entry of another host is another one */
  constructor(profile: string, apiUrl: string) {
    this.#account = `${profile}@${new URL(apiUrl).host}`;
  }

  /** Returns whether another entry is a different one. */
  differs(other: KeychainEntry): boolean {
    return this.#account !== other.#account;
  }

  /** Reads the key; undefined if none exists. @throws CommandError (keychain_error) */
  read(): string | undefined {
    return this.#use((entry) => entry.getPassword()) ?? undefined;
  }

  /** Writes the key. @throws CommandError (keychain_error) */
  write(key: string): void {
    this.#use((entry) => entry.setPassword(key));
  }

  /** Removes the key if it is there. @throws CommandError (keychain_error) */
  remove(): void {
    this.#use((entry) => entry.deleteCredential());
  }

  #use<Result>(work: (entry: import('@napi-rs/keyring').Entry) => Result): Result {
    const { Entry } = loadBinding();
    try {
      // In the other store on Linux, the key would be lost at the next restart of the machine.
      return work(new Entry(service, this.#account, { linux: { store: 'secret-service' } }));
    } catch (error) {
      throw failure(`The system keychain can't be used: ${firstLine(error)}`, requirements[process.platform], error);
    }
  }
}

/** Returns the entry in the system keychain with a profile's key; undefined if the key isn't in the keychain. */
export function keychainEntry(name: string, { keychain, apiUrl }: Profile): KeychainEntry | undefined {
  return keychain && apiUrl !== undefined ? new KeychainEntry(name, apiUrl) : undefined;
}

const requirements: Partial<Record<NodeJS.Platform, string>> = {
  linux: "On Linux, it is the Secret Service (GNOME Keyring, KWallet or KeePassXC) on your session's D-Bus.",
};

function loadBinding(): typeof import('@napi-rs/keyring') {
  try {
    return process.getBuiltinModule('node:module').createRequire(import.meta.url)(binding);
  } catch (error) {
    const isMissing = codeOf(error) === 'MODULE_NOT_FOUND';
    throw failure(
      `The system keychain needs the package ${binding}, which ${isMissing ? "isn't installed" : `can't be loaded: ${firstLine(error)}`}`,
      `Install it next to ci: \`npm install --global ${binding}\`.`,
      error,
    );
  }
}

function failure(message: string, hint: string | undefined, cause: unknown): CommandError {
  const alternative =
    'To save the key in a file that only you can read instead, run `ci auth login` without --keychain.';
  return new CommandError('keychain_error', message, { hint: [hint, alternative].filter(Boolean).join(' '), cause });
}

function firstLine(error: unknown): string {
  const [line = ''] = messageOf(error).split('\n');
  return line;
}
