import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { Environment } from '../domain/environment.ts';
import { redacted } from '../domain/secrets.ts';
import type { RecordedChange } from './change-log.ts';
import { accountSchema, beforeSchema, intentSchema, processSchema, settledSchema } from './change-schema.ts';
import { draftOf } from './drafts.ts';
import { makeFolder, namesIn } from './folder.ts';
import { openOwnFile } from './own-file.ts';

const changeSchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  sentAt: z.optional(z.iso.datetime()),
  intent: intentSchema,
  before: beforeSchema,
  account: accountSchema,
  process: processSchema,
  settled: z.optional(settledSchema),
});

/**
 * The changes that a state database lacks, one file for each: they were made while it couldn't be reached, or their outcomes couldn't be
 * recorded there.
 */
export class UnsyncedChanges {
  readonly folder: string;
  readonly #env: Environment;

  /**
   * @param folder - the state directory
   * @param database - what identifies the database; each has changes of its own
   */
  constructor(folder: string, env: Environment, database: string) {
    this.folder = path.join(folder, 'unsynced', createHash('sha256').update(database).digest('hex').slice(0, 16));
    this.#env = env;
  }

  /** Returns how many there are. */
  get count(): number {
    return this.#files().length;
  }

  /** Returns them, without damaged ones. */
  all(): RecordedChange[] {
    return this.#files().flatMap((file) => changeIn(textIn(file)) ?? []);
  }

  /** Returns one of them; undefined if it isn't there, or can't be read. */
  get(id: string): RecordedChange | undefined {
    return changeIn(textIn(this.#fileOf(id)));
  }

  /** Adds a change, or replaces what is known about it. @throws the error of the file system */
  keep(change: RecordedChange): void {
    makeFolder(this.folder, this.#env);
    const file = this.#fileOf(change.id);
    const draft = draftOf(file);
    const handle = openOwnFile(draft, 'wx');
    try {
      const { id, at, sentAt, intent, before, account, process, settled } = change;
      const bytes = Buffer.from(textOf({ id, at, sentAt, intent, before, account, process, settled }));
      if (writeSync(handle, bytes) < bytes.length) throw new Error('the disk is full');
      fsyncSync(handle);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    } finally {
      closeSync(handle);
    }
    renameSync(draft, file);
  }

  /**
   * Passes the changes on, and then removes them. Those that are replaced meanwhile stay.
   *
   * @param send - if it throws, all stay
   * @returns how many were passed on
   * @throws the error of `send`
   */
  async sync(send: (changes: readonly RecordedChange[]) => Promise<void>): Promise<number> {
    const files = this.#files().map((file) => ({ file, text: textIn(file) }));
    const changes = files.flatMap(({ text }) => changeIn(text) ?? []);
    if (changes.length === 0) return 0;
    await send(changes);
    for (const { file, text } of files) if (changeIn(text) && textIn(file) === text) rmSync(file, { force: true });
    return changes.length;
  }

  #fileOf(id: string): string {
    return path.join(this.folder, `${id}.json`);
  }

  #files(): string[] {
    return namesIn(this.folder)
      .filter((name) => /^[\w-]{1,64}\.json$/.test(name))
      .map((name) => path.join(this.folder, name));
  }
}

function textOf(change: object): string {
  return `${JSON.stringify(change, (_, value: unknown) => (typeof value === 'string' ? redacted(value) : value))}\n`;
}

function textIn(file: string): string | undefined {
  try {
    const handle = openOwnFile(file, 'r');
    try {
      return readFileSync(handle, 'utf8');
    } finally {
      closeSync(handle);
    }
  } catch {
    // Another process has just removed it.
    return undefined;
  }
}

function changeIn(text: string | undefined): RecordedChange | undefined {
  try {
    const change = changeSchema.safeParse(JSON.parse(text ?? ''));
    return change.success ? change.data : undefined;
  } catch {
    // Not ours.
    return undefined;
  }
}
