import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { blockNames } from '../domain/blocks.ts';
import { CommandError, codeOf, messageOf, type Outcome } from '../domain/errors.ts';
import type { Before, Intent } from '../domain/reconcile.ts';
import { redacted } from '../domain/secrets.ts';
import { makeFolder } from './folder.ts';
import { isRunning, type ProcessId, thisProcess } from './process.ts';

const fileName = 'history.jsonl';

/** How much of the record's end is looked through before a change, in bytes: some hundred changes. */
const recentBytes = 256 * 1024;

const intentSchema = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('subscribe'),
    pool: z.string(),
    blocks: z.array(z.enum(blockNames)),
    quantity: z.int(),
    billingCycle: z.enum(['month', 'year']),
    charge: z.optional(z.number()),
  }),
  z.object({
    action: z.literal('create-key'),
    type: z.enum(['subscription', 'credit']),
    name: z.optional(z.string()),
    subscriptionId: z.optional(z.string()),
  }),
  z.object({ action: z.literal('delete-key'), id: z.string(), name: z.optional(z.string()) }),
  z.object({ action: z.literal('cancel'), pool: z.string(), subscription: z.string() }),
  z.object({ action: z.literal('topup'), amount: z.number(), method: z.enum(['stripe', 'usdc']) }),
  z.object({ action: z.literal('verify'), txHash: z.string(), amount: z.number() }),
  z.object({ action: z.literal('card') }),
  z.object({ action: z.literal('checkout-plan'), plan: z.string() }),
  z.object({ action: z.literal('subscribe-plan'), plan: z.string() }),
  z.object({ action: z.literal('cancel-plan'), subscription: z.string() }),
  z.object({ action: z.literal('api'), method: z.string(), path: z.string() }),
]) satisfies z.ZodMiniType<Intent>;

const beforeSchema = z.object({
  ids: z.optional(z.array(z.string())),
  ending: z.optional(z.array(z.string())),
  toppedUp: z.optional(z.number()),
  plans: z.optional(z.string()),
}) satisfies z.ZodMiniType<Before>;

const accountSchema = z.object({
  /** Tells one account from another; a hash. */
  id: z.string(),
  /** For people, the key masked. */
  label: z.string(),
});

const beginSchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  intent: intentSchema,
  before: beforeSchema,
  account: accountSchema,
  process: z.object({ machine: z.string(), pid: z.int(), started: z.string() }),
});

const endSchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  outcome: z.enum(['applied', 'not_applied', 'unknown']),
  /** By the API's answer, or by a look at the account afterwards. */
  by: z.enum(['answer', 'look']),
  /** What was made or changed. */
  ids: z.array(z.string()),
  /** The error, when there was one. */
  code: z.optional(z.string()),
});

/** Whose account a change was made on. */
export type RecordedAccount = z.infer<typeof accountSchema>;

/** What became of a change. */
export interface Settled {
  readonly outcome: Outcome;
  readonly by: 'answer' | 'look';
  readonly ids: readonly string[];
  readonly code?: string | undefined;
}

/** A change as recorded: what was to be done, on what, and what became of it. */
export interface RecordedChange {
  readonly id: string;
  /** RFC 3339, by this machine's clock. */
  readonly at: string;
  readonly intent: Intent;
  readonly before: Before;
  readonly account: RecordedAccount;
  readonly process: ProcessId;
  /** Absent while its process is at work, and when that was killed. */
  readonly settled?: Settled & { readonly at: string };
}

/**
 * The record of changes: one file, appended to and never changed, that only its owner can read. A change is in it, synced to
 * disk, before its request leaves, and what became of it afterwards.
 */
export class History {
  readonly file: string;
  readonly #folder: string;
  readonly #now: () => number;
  #known: { readonly mark: string; readonly changes: RecordedChange[] } | undefined;

  /** @param now - this machine's clock, epoch milliseconds */
  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.file = path.join(folder, fileName);
    this.#now = now;
  }

  /**
   * Records what is about to be asked for.
   *
   * @returns the change's id in the record
   * @throws CommandError (file_error) when it cannot be recorded
   */
  begin(change: { readonly intent: Intent; readonly before: Before; readonly account: RecordedAccount }): string {
    const id = randomBytes(6).toString('hex');
    const entry = { id, at: this.#time(), process: thisProcess(), ...change };
    try {
      this.#append(entry);
    } catch (error) {
      const reason = messageOf(error);
      throw new CommandError('file_error', `the change cannot be recorded in ${this.file}: ${reason}`, {
        hint: 'Nothing was sent. Make room, or set XDG_STATE_HOME to a folder that can be written.',
        outcome: 'not_applied',
        cause: error,
      });
    }
    return id;
  }

  /** Records what became of a change. @throws the error of the file system */
  settle(id: string, settled: Settled): void {
    this.#append({ id, at: this.#time(), ...settled });
  }

  /** The latest changes, oldest first: enough of them to know what is under way and what was just done. */
  recent(): RecordedChange[] {
    const mark = this.mark();
    if (mark === undefined) return this.#read(recentBytes);
    if (this.#known?.mark !== mark) this.#known = { mark, changes: this.#read(recentBytes) };
    return this.#known.changes;
  }

  /** Is another once anything was recorded, by whatever process; undefined while there is no record. */
  mark(): string | undefined {
    try {
      const { ino, size } = statSync(this.file);
      return `${ino} ${size}`;
    } catch {
      return undefined;
    }
  }

  /** All changes, oldest first. @throws CommandError (file_error) when the record cannot be read */
  all(): RecordedChange[] {
    return this.#read(Number.POSITIVE_INFINITY);
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }

  /** One write a line, so that lines of several processes do not mix. */
  #append(entry: object): void {
    makeFolder(this.#folder);
    const file = openSync(this.file, 'a+', 0o600);
    try {
      const { size, mode } = fstatSync(file);
      if ((mode & 0o077) !== 0) fchmodSync(file, 0o600);
      // A line that was cut off by a full disk or a crash must not swallow this one.
      const last = Buffer.alloc(1);
      const torn = size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
      // Text by text: what looks like the beginning of a secret in one must not take the end of the line with it.
      const text = JSON.stringify(entry, (_, value: unknown) => (typeof value === 'string' ? redacted(value) : value));
      const line = Buffer.from(`${torn ? '\n' : ''}${text}\n`);
      const written = writeSync(file, line);
      if (written < line.length) throw new Error('the disk is full');
      fsyncSync(file);
      if (size === 0) syncFolder(this.#folder);
    } finally {
      closeSync(file);
    }
  }

  #read(bytes: number): RecordedChange[] {
    const changes = new Map<string, RecordedChange>();
    for (const line of this.#lines(bytes)) {
      const value = parsed(line);
      const begin = beginSchema.safeParse(value);
      if (begin.success) {
        changes.set(begin.data.id, begin.data);
        continue;
      }
      const end = endSchema.safeParse(value);
      const change = end.success ? changes.get(end.data.id) : undefined;
      if (end.success && change) {
        const { id: _id, ...settled } = end.data;
        changes.set(change.id, { ...change, settled });
      }
    }
    return [...changes.values()];
  }

  #lines(bytes: number): string[] {
    try {
      return this.#end(bytes).split('\n');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return [];
      const reason = messageOf(error);
      throw new CommandError('file_error', `${this.file} cannot be read: ${reason}`, { cause: error });
    }
  }

  /** The file's last bytes, as text. */
  #end(bytes: number): string {
    const file = openSync(this.file, 'r');
    try {
      const { size } = fstatSync(file);
      const length = Math.min(size, bytes);
      const buffer = Buffer.alloc(length);
      const read = readSync(file, buffer, 0, length, size - length);
      return buffer.toString('utf8', 0, read);
    } finally {
      closeSync(file);
    }
  }
}

/** Whether a change was left behind: nothing says what became of it, and its process is not at work on it any more. */
export function isLeftBehind({ settled, process }: RecordedChange): boolean {
  return settled === undefined && isRunning(process) !== true;
}

/**
 * Whether what became of a change is still to be found out. Of a raw request nobody knows what it was to change: once its outcome
 * is recorded as unknown, there is nothing left to find out.
 */
export function isOpen(change: RecordedChange): boolean {
  const { settled, intent } = change;
  return (settled?.outcome === 'unknown' && intent.action !== 'api') || isLeftBehind(change);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Cut off in the writing, or not ours.
    return undefined;
  }
}

/** A new file is on disk once its folder is; where a folder cannot be opened, as on Windows, there is nothing to sync. */
function syncFolder(folder: string): void {
  let handle: number;
  try {
    handle = openSync(folder, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
