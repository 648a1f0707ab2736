import { statSync } from 'node:fs';
import path from 'node:path';
import { resolved } from '../../config/folders.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import { checkReplaceable, replaceFile } from '../../state/replace-file.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';
import { oneSecret, type ProgramContext, type ProgramOfSecrets, programRunner } from './program-destination.ts';
import { agreeToReplaceFile } from './replacement.ts';

const systemdCreds: ProgramOfSecrets = {
  name: 'systemd-creds',
  setUp: 'It is part of systemd 250 and later, and needs root to encrypt for the services of the system.',
};

/** The size that an encrypted key has at most, in bytes. */
const encryptedSize = 4096;

/** A file that systemd decrypts for a service. It is encrypted with a key of this machine. */
export class SystemdCredential implements Destination {
  readonly #context: ProgramContext;
  readonly #named: string;
  readonly #force: boolean;
  #agreed = false;

  /** @param file - as the user named it */
  constructor(context: ProgramContext, file: string, force: boolean) {
    this.#context = context;
    this.#named = file;
    this.#force = force;
  }

  async prove(): Promise<Reservation> {
    const details = { hint: `Nothing was created. ${systemdCreds.setUp}`, outcome: 'not_applied' } as const;
    await programRunner(this.#context, systemdCreds, this.#failure, details)(this.#arguments, 'placeholder');
    const exists = this.#checkFile();
    if (exists && !this.#force && !this.#agreed) {
      await agreeToReplaceFile(this.#context, this.#named);
      this.#agreed = true;
    }
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const secret = oneSecret(keys);
    const run = programRunner(this.#context, systemdCreds, this.#failure, { secret });
    const encrypted = await run(this.#arguments, secret);
    // A program that fails without saying so must not empty the file.
    if (encrypted.trim() === '')
      throw new CommandError('file_error', `${this.#failure}: systemd-creds printed nothing`);
    try {
      replaceFile(this.#file, encrypted, { mode: 0o600 });
    } catch (error) {
      throw new CommandError('file_error', `${this.#failure}: ${messageOf(error)}`, { cause: error });
    }
  }

  async warning(): Promise<string | undefined> {
    return `To pass the key to a service, load the credential ${this.#name} from ${this.#file} with LoadCredentialEncrypted in its unit.`;
  }

  describe(count: number): Description {
    const file = this.#file;
    return { count, words: `in the encrypted credential ${file}`, savedTo: `systemd:${file}`, shownAs: this.#named };
  }

  /** Checks that the file can be written. @returns whether it exists @throws CommandError (file_error) */
  #checkFile(): boolean {
    try {
      // A missing directory isn't created, because it is likely a mistake.
      const folder = path.dirname(this.#file);
      if (!statSync(folder, { throwIfNoEntry: false })) throw new Error(`the directory ${folder} doesn't exist`);
      const there = statSync(this.#file, { throwIfNoEntry: false });
      if (there && !there.isFile())
        throw new Error(there.isDirectory() ? 'it is a directory' : "it isn't a regular file");
      checkReplaceable(this.#file, encryptedSize);
      return there !== undefined;
    } catch (error) {
      throw new CommandError('file_error', `${this.#failure}: ${messageOf(error)}`, {
        hint: 'Nothing was created.',
        outcome: 'not_applied',
        cause: error,
      });
    }
  }

  /** The name that systemd expects in the file, and that a unit refers to. */
  get #name(): string {
    return credentialName(this.#named);
  }

  get #file(): string {
    return resolved(this.#named, this.#context.world);
  }

  get #failure(): string {
    return `Can't write ${this.#file}`;
  }

  get #arguments(): readonly string[] {
    return ['encrypt', `--name=${this.#name}`, '-', '-'];
  }
}

/** Returns the name of the credential in a file: `api-key` for `/etc/credstore.encrypted/api-key.cred`. */
export function credentialName(file: string): string {
  return path.basename(file, '.cred');
}
