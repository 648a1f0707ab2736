import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../../domain/environment.ts';
import { CommandError, codeOf, messageOf } from '../../domain/errors.ts';
import { parsedJson } from '../../domain/json.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { makeFolder, namesIn, syncFolder } from '../folder.ts';
import { withOwnFile } from '../own-file.ts';
import { Draft } from '../replace-file.ts';
import { type Rotation, rotationSchema } from '../rotation.ts';
import type { RotationStore } from '../rotation-store.ts';

/** Matches the names of files, but not those of drafts. */
const fileName = /^[0-9a-f]{30}\.json$/;

/** The rotations that aren't finished: one small file for each key, which only its owner can read. */
export class RotationFiles implements RotationStore {
  readonly #folder: string;
  readonly #env: Environment;

  /** @param folder - the state directory */
  constructor(folder: string, env: Environment) {
    this.#folder = path.join(folder, 'rotations');
    this.#env = env;
  }

  /**
   * Returns the rotations of an account, oldest first.
   *
   * @throws CommandError (file_error) if a file is damaged, or if other users could have changed it
   */
  async of(account: string): Promise<Rotation[]> {
    const folders = namesIn(this.#folder).map((name) => path.join(this.#folder, name));
    const files = folders.flatMap((folder) =>
      namesIn(folder).flatMap((name) => (fileName.test(name) ? [path.join(folder, name)] : [])),
    );
    return files
      .flatMap((file) => this.#read(file) ?? [])
      .filter((rotation) => rotation.account === account)
      .sort((one, other) => one.startedAt - other.startedAt);
  }

  /** Stores a rotation, and syncs it to disk. @throws CommandError (file_error) */
  async save(rotation: Rotation): Promise<void> {
    const file = this.#fileOf(rotation);
    try {
      makeFolder(path.dirname(file), this.#env);
      new Draft(file).replace(`${JSON.stringify(rotation)}\n`);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError('file_error', `Can't write ${file}: ${messageOf(error)}`, {
        hint: 'Free up disk space, or set XDG_STATE_HOME to a directory that you can write to.',
        cause: error,
      });
    }
  }

  /** Removes a rotation that is finished. */
  async remove(rotation: Rotation): Promise<void> {
    const file = this.#fileOf(rotation);
    rmSync(file, { force: true });
    syncFolder(path.dirname(file));
  }

  #read(file: string): Rotation | undefined {
    let text: string;
    try {
      text = withOwnFile(file, 'r', (handle) => readFileSync(handle, 'utf8'));
    } catch (error) {
      // Another process finished it.
      if (codeOf(error) === 'ENOENT') return undefined;
      if (error instanceof CommandError) throw error;
      throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
    }
    const { success, data } = rotationSchema().safeParse(parsedJson(text));
    if (success) return data;
    throw new CommandError('file_error', `${file} is damaged, and was left unchanged`, {
      hint: `It describes an unfinished rotation of a key. Compare \`ci keys list\`, then move it away: \`mv ${shellWord(file)} ${shellWord(`${file}.old`)}\`.`,
    });
  }

  /** Returns the file of a rotation. The files are in several directories, because each write searches its directory. */
  #fileOf({ account, old }: Rotation): string {
    const name = createHash('sha256').update(`${account} ${old.id}`).digest('hex').slice(0, 32);
    return path.join(this.#folder, name.slice(0, 2), `${name.slice(2)}.json`);
  }
}
