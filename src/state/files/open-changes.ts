import { fsyncSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../../domain/environment.ts';
import { codeOf } from '../../domain/errors.ts';
import { makeFolder, syncFolder } from '../folder.ts';
import { withOwnFile } from '../own-file.ts';
import { type ChangeState, entryOf, merged } from './record-line.ts';

/** After this time, in milliseconds, a file that is still incomplete counts as abandoned. */
const abandonedAfter = 3_600_000;

/**
 * The changes without a final outcome: a directory with one file for each. The first line of a file is the whole change, the other
 * lines record what happened to it since.
 */
export class OpenChanges {
  readonly #folder: string;
  readonly #env: Environment;
  readonly #cache = new Map<string, { readonly mark: string; readonly state: ChangeState | undefined }>();

  constructor(folder: string, env: Environment) {
    this.#folder = folder;
    this.#env = env;
  }

  /** Returns the ids of the open changes. @throws the error of the file system */
  ids(): string[] {
    try {
      return readdirSync(this.#folder).flatMap((name) => /^([\w-]{1,64})\.json$/.exec(name)?.[1] ?? []);
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
      throw error;
    }
  }

  /** Returns when a change was last added or removed, in epoch milliseconds; undefined if the directory is missing. */
  changedAt(): number | undefined {
    return statSync(this.#folder, { throwIfNoEntry: false })?.mtimeMs;
  }

  /** Reads a change; undefined if its file is missing or incomplete. */
  read(id: string): ChangeState | undefined {
    try {
      return withOwnFile(this.#file(id), 'r', (handle, { ino, size, mtimeMs }) => {
        const mark = `${ino} ${size} ${mtimeMs}`;
        const cached = this.#cache.get(id);
        if (cached?.mark === mark) return cached.state;
        const state = stateIn(readFileSync(handle, 'utf8'), id);
        this.#cache.set(id, { mark, state });
        return state;
      });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.#cache.delete(id);
      return undefined;
    }
  }

  /**
   * Adds a change.
   *
   * @param text - the lines of its file
   * @param isSynced - whether to sync the file to disk, for a change that the record doesn't hold in full
   * @throws the error of the file system
   */
  add(id: string, text: string, isSynced: boolean): void {
    if (this.changedAt() === undefined) {
      makeFolder(this.#folder, this.#env);
      syncFolder(path.dirname(this.#folder));
    }
    try {
      withOwnFile(this.#file(id), 'wx', (handle) => {
        write(handle, `${text}\n`);
        if (isSynced) fsyncSync(handle);
      });
      if (isSynced) syncFolder(this.#folder);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') this.remove(id);
      throw error;
    }
  }

  /** Adds a line to a change that stays open; the record has the line already. */
  note(id: string, text: string): void {
    try {
      // The newline in front keeps this line apart from one that was cut off.
      withOwnFile(this.#file(id), 'append existing', (handle) => write(handle, `\n${text}\n`));
    } catch {
      // Another process settled the change, or the disk is full.
    }
  }

  /** Removes a change. If its file can't be removed, the outcome in the record overrides it. */
  remove(id: string): void {
    this.#cache.delete(id);
    try {
      rmSync(this.#file(id), { force: true });
    } catch {
      // On Windows another process may be reading it.
    }
  }

  /** Removes an incomplete file once no process can be writing it: its process was killed before it sent anything. */
  removeAbandoned(id: string): void {
    const { mtimeMs = Number.NaN } = statSync(this.#file(id), { throwIfNoEntry: false }) ?? {};
    if (Math.abs(Date.now() - mtimeMs) > abandonedAfter) this.remove(id);
  }

  #file(id: string): string {
    return path.join(this.#folder, `${id}.json`);
  }
}

function stateIn(text: string, id: string): ChangeState | undefined {
  const state = text
    .split('\n')
    .map((line) => entryOf(line))
    .reduce<ChangeState | undefined>((sum, entry) => (entry?.id === id ? merged(sum, entry.state) : sum), undefined);
  return state?.begun && state;
}

function write(handle: number, text: string): void {
  const bytes = Buffer.from(text);
  if (writeSync(handle, bytes) < bytes.length) throw new Error('the disk is full');
}
