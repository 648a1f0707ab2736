import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Hex } from '../domain/chains.ts';
import type { Environment } from '../domain/environment.ts';
import { codeOf } from '../domain/errors.ts';
import { makeFolder } from './folder.ts';
import { withOwnFile } from './own-file.ts';
import { Draft } from './replace-file.ts';

/**
 * The signatures with which payments can be claimed: a directory with one file for each payment that isn't claimed yet. Whoever has
 * one can get the API key that the payment is for, so they aren't in the record, and only their owner can read them.
 */
export class ClaimSignatures {
  readonly #folder: string;
  readonly #env: Environment;

  /** @param folder - the state directory */
  constructor(folder: string, env: Environment) {
    this.#folder = path.join(folder, 'claims');
    this.#env = env;
  }

  /** Stores a signature, synced to disk. @param hash - of the payment @throws the error of the file system */
  add(hash: Hex, signature: Hex): void {
    makeFolder(this.#folder, this.#env);
    new Draft(this.#file(hash)).replace(`${signature}\n`);
  }

  /** Returns the signature for a payment; undefined if there is none. @throws CommandError (file_error) if others can change it */
  of(hash: Hex): Hex | undefined {
    try {
      const text = withOwnFile(this.#file(hash), 'r', (handle) => readFileSync(handle, 'utf8'));
      const [, digits] = /^0x([0-9a-f]{130})\n$/.exec(text) ?? [];
      return digits === undefined ? undefined : `0x${digits}`;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Removes the signature for a payment that was claimed, or can't be. A file that can't be removed stays. */
  remove(hash: Hex): void {
    try {
      rmSync(this.#file(hash), { force: true });
    } catch {
      // Nothing can be claimed with it anymore.
    }
  }

  #file(hash: Hex): string {
    return path.join(this.#folder, hash.toLowerCase());
  }
}
