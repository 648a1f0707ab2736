import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import { Readable } from 'node:stream';
import { resolved } from '../../config/folders.ts';
import { readChunks } from '../../context/input-stream.ts';
import type { World } from '../../context/world.ts';
import { messageOf, usageError } from '../../domain/errors.ts';
import { parsedJson } from '../../domain/json.ts';

/** A row of a file: a record of CSV, or a JSON object of NDJSON. */
export interface FileRow {
  /** The number of its last line, from 1. */
  readonly line: number;
  /** Its values by column. Those of CSV are text; empty ones are absent. */
  readonly values: ReadonlyMap<string, unknown>;
  /** The line with the names of the columns, in CSV. */
  readonly header?: { readonly line: number; readonly columns: readonly string[] };
  /** Why the row can't be read, as a clause. It then has no values. */
  readonly problem?: string;
}

/** How rows are written. */
export type RowFormat = 'csv' | 'ndjson';

/** Size of the parts in which a file is parsed, in bytes. */
const chunkSize = 64 * 1024;

/**
 * A file of rows: CSV with a header, or NDJSON. Its bytes are read once, so that what is checked is what is used; its rows are parsed one
 * at a time, each time that they are read.
 */
export class RowFile {
  /** As the user named it. */
  readonly name: string;
  readonly format: RowFormat;
  readonly #bytes: Buffer;

  private constructor(name: string, bytes: Buffer, format = formatOf(name)) {
    this.name = name;
    this.#bytes = bytes;
    this.format = format ?? (/^\s*\{/.test(bytes.toString('utf8', 0, 1024).replace('\ufeff', '')) ? 'ndjson' : 'csv');
  }

  /**
   * Reads a file, or standard input for `-`.
   *
   * @throws CommandError (usage) if it can't be read; (interrupted)
   */
  static async read(world: Pick<World, 'cwd' | 'interrupt' | 'stdin'>, name: string): Promise<RowFile> {
    if (name !== '-') return RowFile.open(world, name);
    const chunks: Buffer[] = [];
    await readChunks(world, (chunk) => chunks.push(chunk));
    return new RowFile('standard input', Buffer.concat(chunks)).#checked();
  }

  /** Reads a file. @throws CommandError (usage) if it can't be read */
  static open(world: Pick<World, 'cwd'>, name: string): RowFile {
    return new RowFile(name, bytesOf(world, name)).#checked();
  }

  /** Returns a file whose content was read already. */
  static of(name: string, bytes: Buffer, format: RowFormat): RowFile {
    return new RowFile(name, bytes, format);
  }

  /** Refuses what would change when it is read as text. @throws CommandError (usage) */
  #checked(): this {
    // The parser of CSV decodes UTF-16, which spreadsheets write.
    const isUtf16 = this.format === 'csv' && this.#bytes[0] === 0xff && this.#bytes[1] === 0xfe;
    if (isUtf16 || isUtf8(this.#bytes)) return this;
    throw usageError(`${this.name} isn't UTF-8`, 'Save it as UTF-8, and run the command again.');
  }

  /** Parses the rows, in their order. Empty lines are left out. */
  rows(): AsyncIterable<FileRow> {
    return this.format === 'csv' ? csvRows(this.#bytes) : ndjsonRows(this.#bytes);
  }
}

/** Returns the format that the name of a file says; undefined if it says none. */
export function formatOf(name: string): RowFormat | undefined {
  if (/\.csv$/i.test(name)) return 'csv';
  return /\.(?:ndjson|jsonl|json)$/i.test(name) ? 'ndjson' : undefined;
}

function bytesOf(world: Pick<World, 'cwd'>, name: string): Buffer {
  if (name.trim() === '')
    throw usageError('--from is empty', 'Pass the path of a CSV or NDJSON file, or - for standard input.');
  try {
    const file = resolved(name, world);
    // Most devices never end.
    if (statSync(file).isCharacterDevice() && file !== devNull) throw new Error('it is a device');
    return readFileSync(file);
  } catch (error) {
    throw usageError(
      `Can't read ${name}: ${messageOf(error)}`,
      'Pass the path of a CSV or NDJSON file, or - for standard input.',
    );
  }
}

async function* csvRows(bytes: Buffer): AsyncGenerator<FileRow> {
  const { CsvError, parse } = await import('csv-parse');
  const parser = Readable.from(chunksOf(bytes), { objectMode: false }).pipe(
    parse({
      bom: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      info: true,
      // An editor may have added lines that end in another way than the first.
      record_delimiter: ['\r\n', '\n', '\r'],
    }),
  );
  let header: FileRow['header'];
  try {
    for await (const each of parser) {
      const { record, info }: { readonly record: readonly string[]; readonly info: { readonly lines: number } } = each;
      if (!header) {
        header = { line: info.lines, columns: record };
        const repeated = firstRepeated(record);
        if (repeated !== undefined) yield unreadable(info.lines, `column "${repeated}" appears twice`);
      } else if (record.join('\n') === header.columns.join('\n')) {
        // Files with headers were put together.
      } else if (record.length > header.columns.length) {
        yield unreadable(info.lines, `it has ${record.length} values, but there are ${header.columns.length} columns`);
      } else {
        const named = header.columns.flatMap((column, at) => (record[at] ? [[column, record[at]] as const] : []));
        yield { line: info.lines, values: new Map(named), header };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    yield unreadable(typeof error.lines === 'number' ? error.lines : 1, `it isn't CSV (${messageOf(error)})`);
  }
}

async function* ndjsonRows(bytes: Buffer): AsyncGenerator<FileRow> {
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const text = bytes
      .toString('utf8', start, end)
      .replace(/^\ufeff/, '')
      .trim();
    start = end + 1;
    line++;
    if (text === '') continue;
    const value = parsedJson(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      yield unreadable(line, "it isn't a JSON object");
    } else {
      yield { line, values: new Map(Object.entries(value).filter(([, each]) => each !== null && each !== '')) };
    }
  }
}

/** Returns the first column that appears a second time. */
function firstRepeated(columns: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return columns.find((column) => seen.size === seen.add(column).size);
}

function unreadable(line: number, problem: string): FileRow {
  return { line, values: new Map(), problem };
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += chunkSize) yield bytes.subarray(start, start + chunkSize);
}
