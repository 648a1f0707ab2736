import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import type { Profile } from './saved-profiles.ts';

const service = 'cheapestinference';
const binding = '@napi-rs/keyring';

/**
 * The place in the system's keychain of one profile's key, for one host. Blocks while the system asks its user to unlock it.
 * The binding is no part of this package: it is loaded when it is needed, and need not be there.
 */
export class KeychainEntry {
  readonly #account: string;

  /** @param apiUrl - whom the key is for: a key is found again for no other host */
  constructor(profile: string, apiUrl: string) {
    this.#account = `${profile}@${new URL(apiUrl).host}`;
  }

  /** Whether it is another's place. */
  differs(other: KeychainEntry): boolean {
    return this.#account !== other.#account;
  }

  /** The key, when there is one. @throws CommandError (keychain_error) */
  read(): string | undefined {
    return this.#ask((entry) => entry.getPassword()) ?? undefined;
  }

  /** @throws CommandError (keychain_error) */
  write(key: string): void {
    this.#ask((entry) => entry.setPassword(key));
  }

  /** Removes the key; one that is not there is no failure. @throws CommandError (keychain_error) */
  remove(): void {
    this.#ask((entry) => entry.deleteCredential());
  }

  #ask<Answer>(question: (entry: import('@napi-rs/keyring').Entry) => Answer): Answer {
    const { Entry } = loaded();
    try {
      // Elsewhere on Linux a key would be gone with the next start of the machine.
      return question(new Entry(service, this.#account, { linux: { store: 'secret-service' } }));
    } catch (error) {
      throw failure(`the system's keychain cannot be used: ${firstLine(error)}`, needs[process.platform], error);
    }
  }
}

/** Where in the system's keychain a profile's key is; undefined when it is not there. */
export function keychainEntry(name: string, { keychain, apiUrl }: Profile): KeychainEntry | undefined {
  return keychain && apiUrl !== undefined ? new KeychainEntry(name, apiUrl) : undefined;
}

const needs: Partial<Record<NodeJS.Platform, string>> = {
  linux: "It is the Secret Service of your session (GNOME Keyring, KWallet, KeePassXC), on the session's D-Bus.",
};

function loaded(): typeof import('@napi-rs/keyring') {
  try {
    return process.getBuiltinModule('node:module').createRequire(import.meta.url)(binding);
  } catch (error) {
    const isMissing = codeOf(error) === 'MODULE_NOT_FOUND';
    throw failure(
      `the system's keychain needs the package ${binding}, which ${isMissing ? 'is not installed' : `cannot be loaded: ${firstLine(error)}`}`,
      `Install it beside ci: \`npm install --global ${binding}\`.`,
      error,
    );
  }
}

function failure(message: string, hint: string | undefined, cause: unknown): CommandError {
  const instead = 'A key saved without --keychain is in a file that only you can read.';
  return new CommandError('keychain_error', message, { hint: [hint, instead].filter(Boolean).join(' '), cause });
}

function firstLine(error: unknown): string {
  const [line = ''] = messageOf(error).split('\n');
  return line;
}
