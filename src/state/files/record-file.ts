import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsync,
  lstatSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../../domain/environment.ts';
import { codeOf } from '../../domain/errors.ts';
import { Batches } from '../batches.ts';
import { makeFolder, syncFolder } from '../folder.ts';
import { openOwnFile, openPrivateFile, withOwnFile } from '../own-file.ts';

const fileName = 'history.jsonl';
const rotatedName = /^history-(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3}Z)-[0-9a-f]{8}\.jsonl$/;

/** A file of this size or more is rotated, in bytes. */
const fullSize = 4 * 1024 * 1024;

/** Number of full rotated files to keep. */
const keptFiles = 5;

/**
 * The largest file that is read as a whole, in bytes. Only version 0.1 wrote larger ones. They are kept forever, because they would
 * have to be searched for open changes before they are removed.
 */
const largestRead = 2 * fullSize;

const chunkSize = 64 * 1024;

/** How much before a position is compared, in bytes: about a line. */
const comparedBytes = 256;

const newlineByte = 0x0a;

/** The longest line that is read, in bytes. Version 0.1 wrote lines of several hundred kilobytes. */
const longestRead = 64 * 1024 * 1024;

/** Where reading the record stopped. */
export interface Position {
  readonly ino: number;
  /** Size of the file, in bytes. */
  readonly size: number;
  /** Offset after the last whole line, in bytes. */
  readonly end: number;
  /** The bytes before it, which tell whether the file was replaced by another with the same inode. */
  readonly last: Buffer;
}

/**
 * The files of the record. Lines are appended to the current file; a full file is renamed and kept for a while. Any number of
 * processes can append, rotate and read at once.
 */
export class RecordFile {
  readonly file: string;
  readonly #folder: string;
  readonly #env: Environment;
  readonly #lines = new Batches<string>((lines) => this.#appendAll(lines));

  constructor(folder: string, env: Environment) {
    this.#folder = folder;
    this.#env = env;
    this.file = path.join(folder, fileName);
  }

  /** Returns the stats of the current file; undefined if none exists. */
  stats(): Stats | undefined {
    try {
      return statSync(this.file);
    } catch {
      return undefined;
    }
  }

  /**
   * Appends a line and syncs it to disk, together with those that are appended meanwhile. They are one write, so that lines of several
   * processes don't mix.
   *
   * @throws the error of the file system
   */
  append(text: string): Promise<void> {
    return this.#lines.add(text);
  }

  async #appendAll(lines: readonly string[]): Promise<void> {
    makeFolder(this.#folder, this.#env);
    const text = lines.join('\n');
    const written = await this.#write(text);
    // Readers don't look for new lines in a rotated file, so if this one was just rotated, the new file gets the lines as well.
    if (this.stats()?.ino !== written) await this.#write(text);
  }

  /** Writes lines to the current file and syncs it. @returns its inode */
  async #write(text: string): Promise<number> {
    const { handle, stats } = openPrivateFile(this.file, 'a+');
    try {
      writeLines(handle, stats.size, text);
      await promisify(fsync)(handle);
      if (stats.size === 0) syncFolder(this.#folder);
      return stats.ino;
    } finally {
      closeSync(handle);
    }
  }

  /**
   * Renames the current file if it is full. If two processes do so at once, the second may rename the new file too, after a few
   * lines; no line is lost.
   *
   * @param now - epoch milliseconds
   * @returns whether the current file was renamed
   */
  rotate(now: number): boolean {
    try {
      const stats = lstatSync(this.file, { throwIfNoEntry: false });
      if (!stats?.isFile() || stats.size < fullSize) return false;
      const target = this.#nextRotated(now);
      renameSync(this.file, target);
      // Another process has renamed the full file since its size was read. This is the new file, which has to sort after the full one.
      if (statSync(target).size < fullSize) renameSync(target, this.#nextRotated(now));
      return true;
    } catch {
      // A file that is too large is better than a change that can't be made.
      return false;
    }
  }

  /** Returns the path for the next rotated file. It sorts after the others even if the clock was set back. */
  #nextRotated(now: number): string {
    const latest = momentOf(this.#rotatedNames().at(-1) ?? '');
    const moment = new Date(Math.max(now, latest + 1)).toISOString().replaceAll(':', '-');
    return path.join(this.#folder, `history-${moment}-${randomBytes(4).toString('hex')}.jsonl`);
  }

  /** Returns the rotated files, oldest first. */
  rotated(): string[] {
    return this.#rotatedNames().map((name) => path.join(this.#folder, name));
  }

  /** Returns the rotated files that needn't be kept, oldest first. */
  outdated(): string[] {
    const sizes = this.rotated().map((file) => ({ file, size: statSync(file, { throwIfNoEntry: false })?.size ?? 0 }));
    return sizes
      .filter(({ size }, at) => {
        const newer = sizes.slice(at + 1).filter((each) => each.size >= fullSize);
        return newer.length >= keptFiles && size <= largestRead;
      })
      .map(({ file }) => file);
  }

  remove(file: string): void {
    rmSync(file, { force: true });
  }

  #rotatedNames(): string[] {
    try {
      return readdirSync(this.#folder)
        .filter((name) => rotatedName.test(name))
        .sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  /**
   * Reads the record backward, chunk by chunk, through all of its files.
   *
   * @returns the lines of each chunk, in file order
   * @throws the error of the file system
   */
  *chunks(): Generator<string[]> {
    const read = new Set<number>();
    // The rotated files are listed once the current one is open, so that a rotation in between hides nothing.
    let older: string[] | undefined;
    for (let file: string | undefined = this.file; file !== undefined; file = older.pop()) {
      const handle = openPresent(file);
      older ??= this.rotated();
      if (handle === undefined) continue;
      try {
        const { ino, size } = fstatSync(handle);
        if (!read.has(ino)) yield* chunksBefore(handle, size);
        read.add(ino);
      } finally {
        closeSync(handle);
      }
    }
  }

  /** Reads all lines of a file. @throws Error if it is too large; the error of the file system */
  lines(file: string): string[] {
    return withOwnFile(file, 'r', (handle, { size }) => {
      if (size > largestRead) throw new Error(`${file} is too large`);
      return readFileSync(handle, 'utf8').split('\n');
    });
  }

  /** Returns where the current file ends; undefined if none exists. @throws the error of the file system */
  end(): Position | undefined {
    const handle = openPresent(this.file);
    if (handle === undefined) return undefined;
    try {
      const { ino, size } = fstatSync(handle);
      return positionAt(handle, ino, size, lastLineEnd(handle, size));
    } finally {
      closeSync(handle);
    }
  }

  /**
   * Reads the lines appended since.
   *
   * @returns undefined if the current file was replaced
   * @throws the error of the file system
   */
  linesAfter(position: Position): { readonly lines: readonly string[]; readonly position: Position } | undefined {
    const stats = this.stats();
    if (stats?.ino === position.ino && stats.size === position.size) return { lines: [], position };
    const handle = openPresent(this.file);
    if (handle === undefined) return undefined;
    try {
      const { ino, size } = fstatSync(handle);
      const { end, last } = position;
      if (ino !== position.ino || size < end || size - end > largestRead) return undefined;
      if (!bytesAt(handle, end - last.length, last.length).equals(last)) return undefined;
      const bytes = bytesAt(handle, end, size - end);
      const next = end + bytes.lastIndexOf(newlineByte) + 1;
      return { lines: bytes.toString('utf8').split('\n'), position: positionAt(handle, ino, size, next) };
    } finally {
      closeSync(handle);
    }
  }
}

/** Writes lines in one write. A newline in front keeps them apart from a line that a full disk or a crash cut off. */
function writeLines(handle: number, size: number, text: string): void {
  const last = Buffer.alloc(1);
  const isTorn = size > 0 && readSync(handle, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
  const lines = Buffer.from(`${isTorn ? '\n' : ''}${text}\n`);
  if (writeSync(handle, lines) < lines.length) throw new Error('the disk is full');
}

/** Reads a file backward, chunk by chunk. */
function* bytesBefore(handle: number, size: number): Generator<{ readonly from: number; readonly bytes: Buffer }> {
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - chunkSize);
    yield { from, bytes: bytesAt(handle, from, end - from) };
    end = from;
  }
}

/** Returns the offset after the last whole line: a line without a newline may still be being written. */
function lastLineEnd(handle: number, size: number): number {
  for (const { from, bytes } of bytesBefore(handle, size)) {
    const newline = bytes.lastIndexOf(newlineByte);
    if (newline >= 0) return from + newline + 1;
    if (size - from > longestRead) break;
  }
  return 0;
}

/** Reads the lines of a file backward, chunk by chunk. Lines within a chunk are in file order. */
function* chunksBefore(handle: number, size: number): Generator<string[]> {
  // The parts of a line that begins in an earlier chunk.
  let rest: Buffer[] = [];
  let length = 0;
  for (const { from, bytes } of bytesBefore(handle, size)) {
    const isTooLong = length > longestRead;
    const newline = from === 0 ? 0 : bytes.indexOf(newlineByte) + 1;
    if (from > 0 && newline === 0) {
      rest = isTooLong ? [] : [bytes, ...rest];
      length += bytes.length;
      continue;
    }
    const end = isTooLong ? bytes.lastIndexOf(newlineByte) + 1 : bytes.length;
    yield Buffer.concat([bytes.subarray(newline, end), ...rest])
      .toString('utf8')
      .split('\n');
    rest = [bytes.subarray(0, newline)];
    length = newline;
  }
}

function positionAt(handle: number, ino: number, size: number, end: number): Position {
  const length = Math.min(comparedBytes, end);
  return { ino, size, end, last: bytesAt(handle, end - length, length) };
}

function bytesAt(handle: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const more = readSync(handle, bytes, read, length - read, from + read);
    if (more === 0) break;
    read += more;
  }
  return bytes.subarray(0, read);
}

function openPresent(file: string): number | undefined {
  try {
    return openOwnFile(file, 'r');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');
}

function momentOf(name: string): number {
  const [, day = '', hour = '', minute = '', second = ''] = rotatedName.exec(name) ?? [];
  const moment = Date.parse(`${day}${hour}:${minute}:${second}`);
  return Number.isNaN(moment) ? 0 : moment;
}
