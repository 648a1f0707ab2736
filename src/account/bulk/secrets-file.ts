import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { resolved } from '../../config/folders.ts';
import type { World } from '../../context/world.ts';
import type { Environment } from '../../domain/environment.ts';
import { asClause, CommandError, messageOf, usageError } from '../../domain/errors.ts';
import { parsedJson } from '../../domain/json.ts';
import { isWholeKey } from '../../domain/secrets.ts';
import { exactCsv } from '../../output/delimited.ts';
import { gitWarning } from '../../output/git.ts';
import { Batches } from '../../state/batches.ts';
import { statsOf, syncFolder } from '../../state/folder.ts';
import { openOwnFile } from '../../state/own-file.ts';
import { formatOf, RowFile, type RowFormat } from './row-file.ts';

const columns = ['id', 'name', 'apiKey', 'subscriptionId'] as const;
/** The first line of CSV, and how each line of NDJSON starts. */
const header = columns.join();
const lineStart = '{"id":';

/** A key with its secret, as a line of the file. */
export interface SavedKey {
  readonly id: string | undefined;
  readonly name: string;
  readonly apiKey: string;
  readonly subscriptionId?: string | undefined;
}

/**
 * A file with the secrets of many keys: NDJSON, or CSV with a header if its name ends in `.csv`. Only its owner can read it. Each key is
 * one line, written at once and synced to disk, so that the file never has half a line.
 */
export class SecretsFile {
  /** As the user named it. */
  readonly name: string;
  readonly #file: string;
  readonly #format: RowFormat;
  readonly #handle: number;
  readonly #isNew: boolean;
  #hasAdded = false;
  /** The keys that it had when it was opened. */
  readonly #ids: ReadonlySet<string>;
  readonly #byName: ReadonlyMap<string, readonly string[]>;
  /** The secrets by the IDs of their keys, once one was needed. */
  #secrets: Promise<Map<string, string>> | undefined;
  readonly #synced = new Batches<undefined>(() => promisify(fsync)(this.#handle));

  private constructor({ name, file, format, handle, isNew }: OpenedFile, { ids, byName }: Saved) {
    this.name = name;
    this.#file = file;
    this.#format = format;
    this.#handle = handle;
    this.#isNew = isNew;
    this.#ids = ids;
    this.#byName = byName;
  }

  /**
   * Opens or creates the file.
   *
   * @throws CommandError (usage) if it isn't such a file; (file_error) if it can't be written
   */
  static async open(world: Pick<World, 'cwd'>, name: string): Promise<SecretsFile> {
    if (name.trim() === '')
      throw usageError('--save-to is empty', 'Pass the path of a file, such as --save-to secrets.ndjson.');
    const file = resolved(name, world);
    const format = formatOf(name) ?? 'ndjson';
    try {
      const isNew = statsOf(file, lstatSync) === undefined;
      const { handle, saved } = await opened(name, file, format);
      return new SecretsFile({ name, file, format, handle, isNew }, saved);
    } catch (error) {
      throw notWritten(name, error);
    }
  }

  /** The absolute path. */
  get path(): string {
    return this.#file;
  }

  /** Returns a warning if Git would commit the file. */
  gitWarning(env: Environment): Promise<string | undefined> {
    return gitWarning(this.#file, env);
  }

  /** Returns whether the file had the secret of a key when it was opened, by its ID. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Returns the IDs of the keys of a name whose secrets the file had when it was opened. */
  idsOf(name: string): readonly string[] {
    return this.#byName.get(name) ?? [];
  }

  /** Returns the secret of a key that the file had when it was opened. @throws the error of the file system */
  async secretOf(id: string): Promise<string | undefined> {
    if (!this.#ids.has(id)) return undefined;
    this.#secrets ??= this.#readSecrets();
    return (await this.#secrets).get(id);
  }

  async #readSecrets(): Promise<Map<string, string>> {
    const secrets = new Map<string, string>();
    for await (const { values } of RowFile.of(this.name, readFileSync(this.#file), this.#format).rows()) {
      const [id, secret] = [values.get('id'), values.get('apiKey')];
      if (typeof id === 'string' && typeof secret === 'string' && !secrets.has(id)) secrets.set(id, secret);
    }
    return secrets;
  }

  /**
   * Appends a key. When this function returns, the line is in the file; its promise resolves when it is on disk.
   *
   * @throws CommandError (file_error); the file then doesn't have the key
   */
  add(key: SavedKey): Promise<void> {
    try {
      const values = columns.map((column) => key[column] ?? null);
      const line = this.#format === 'csv' ? exactCsv([values]) : `${JSON.stringify(memberOf(key))}\n`;
      const { size, nlink } = fstatSync(this.#handle);
      if (nlink === 0) throw new Error('it was removed in the meantime');
      const bytes = Buffer.from(line);
      if (writeSync(this.#handle, bytes) < bytes.length) {
        ftruncateSync(this.#handle, size);
        throw new Error('the disk is full');
      }
    } catch (error) {
      return Promise.reject(notWritten(this.name, error));
    }
    this.#hasAdded = true;
    return this.#synced.add(undefined).catch((error: unknown) => {
      throw notWritten(this.name, error);
    });
  }

  /** Removes the file if it didn't exist before, because no key will be created. Another process may have added keys to it. */
  discard(): void {
    if (this.#isNew && !this.#hasAdded && fstatSync(this.#handle).size === this.#emptySize)
      rmSync(this.#file, { force: true });
  }

  /** The size of a file without keys, in bytes. */
  get #emptySize(): number {
    return this.#format === 'csv' ? Buffer.byteLength(exactCsv([columns])) : 0;
  }

  close(): void {
    closeSync(this.#handle);
  }
}

interface OpenedFile {
  readonly name: string;
  readonly file: string;
  readonly format: RowFormat;
  readonly handle: number;
  /** Whether it didn't exist before. */
  readonly isNew: boolean;
}

/** The keys that a file has. */
interface Saved {
  readonly ids: Set<string>;
  readonly byName: Map<string, string[]>;
}

function remember({ ids, byName }: Saved, name: string, id: string): void {
  ids.add(id);
  const others = byName.get(name);
  if (others) others.push(id);
  else byName.set(name, [id]);
}

function memberOf({ id, name, apiKey, subscriptionId }: SavedKey): object {
  return { id: id ?? null, name, apiKey, ...(subscriptionId === undefined ? {} : { subscriptionId }) };
}

/** Reads which keys a file has. @throws CommandError (usage) if it isn't a file with secrets; the error of the file system */
async function savedIn(bytes: Buffer, name: string, format: RowFormat): Promise<Saved> {
  const saved: Saved = { ids: new Set(), byName: new Map() };
  for await (const { line, values, problem } of RowFile.of(name, bytes, format).rows()) {
    const [id, key, secret] = [values.get('id'), values.get('name'), values.get('apiKey')];
    if (problem !== undefined || typeof secret !== 'string' || !isWholeKey(secret)) {
      throw usageError(
        `Line ${line} of ${name} isn't a key with its secret${problem === undefined ? '' : `: ${problem}`}`,
        'Choose another file for --save-to. Nothing was sent.',
      );
    }
    if (typeof id === 'string') remember(saved, typeof key === 'string' ? key.trim() : '', id);
  }
  return saved;
}

/** Matches a whole line of CSV: as many values as columns. */
const wholeCsvLine = /^(?:"(?:[^"]|"")*"|[^",]*)(?:,(?:"(?:[^"]|"")*"|[^",]*)){3}$/;

/** Returns the bytes of a file without a last line that a full disk or a crash cut off. */
function withoutTornLine(bytes: Buffer, format: RowFormat): Buffer {
  const start = bytes.lastIndexOf(0x0a) + 1;
  const last = bytes.toString('utf8', start).trim();
  return isTorn(last, format, start === 0) ? bytes.subarray(0, start) : bytes;
}

/** Returns whether a last line without a line break is the beginning of one that this program wrote. */
function isTorn(line: string, format: RowFormat, isFirst: boolean): boolean {
  if (format === 'ndjson') {
    const isOurs = line.startsWith(lineStart) || (line !== '' && lineStart.startsWith(line));
    return isOurs && parsedJson(line) === undefined;
  }
  return isFirst ? line !== header && header.startsWith(line) : line !== '' && !wholeCsvLine.test(line);
}

/** Refuses a CSV file with other columns. @throws CommandError (usage) */
function checkHeader(bytes: Buffer, name: string): void {
  const [first = ''] = bytes
    .toString('utf8', 0, 4096)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/, 1);
  if (first.trim() === header) return;
  throw usageError(
    `${name} is another CSV file: its first line isn't "${header}"`,
    'Choose another file for --save-to. Nothing was sent.',
  );
}

/** Opens a file that only its owner can read, and completes its last line. @returns the keys that it has */
async function opened(name: string, file: string, format: RowFormat): Promise<{ handle: number; saved: Saved }> {
  const handle = openOwnFile(file, 'a+', { hint: 'Choose another file for --save-to.' });
  try {
    const bytes = readFileSync(handle);
    const whole = withoutTornLine(bytes, format);
    if (format === 'csv' && whole.length > 0) checkHeader(whole, name);
    const saved = await savedIn(whole, name, format);
    if (process.platform !== 'win32' && (fstatSync(handle).mode & 0o077) !== 0) fchmodSync(handle, 0o600);
    if (whole.length < bytes.length) ftruncateSync(handle, whole.length);
    const needsNewline = whole.length > 0 && whole.at(-1) !== 0x0a;
    const start = whole.length === 0 && format === 'csv' ? exactCsv([columns]) : needsNewline ? '\n' : '';
    if (writeSync(handle, start) < Buffer.byteLength(start)) throw new Error('the disk is full');
    fsyncSync(handle);
    syncFolder(path.dirname(file));
    return { handle, saved };
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

function notWritten(name: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error.with({ outcome: 'not_applied' });
  return new CommandError('file_error', `Can't write to ${name}: ${asClause(messageOf(error))}`, {
    outcome: 'not_applied',
    cause: error,
  });
}
