import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { resolved } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { readChunks } from '../context/input-stream.ts';
import type { World } from '../context/world.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { messageOf, usageError } from '../domain/errors.ts';
import { parseUsd } from '../domain/money.ts';
import { isWholeKey, masked } from '../domain/secrets.ts';
import { desiredKeys } from './desired-keys.ts';
import { desiredSeats } from './desired-seats.ts';
import { FileMistakes } from './file-mistakes.ts';
import { type AccountFile, accountFile } from './schema.ts';
import { reportIssues } from './schema-problems.ts';
import { parsedTree, type Tree } from './yaml-tree.ts';

/** The largest file that is read, in bytes: 4 MiB. */
const largest = 4 * 1024 * 1024;
/** Size of the parts in which a file is read, in bytes. */
const chunkSize = 64 * 1024;
/** The shortest text that is taken for a management key, in characters. */
const shortestSecret = 20;

type Report = (offset: number, problem: string) => void;

/**
 * Reads a file that says what an account should have, with its tables.
 *
 * @param name - the path of the file, or `-` for standard input
 * @throws CommandError (usage) with the places of all mistakes, or if it can't be read; (interrupted)
 */
export async function readAccountFile(
  context: Pick<Context, 'output' | 'prompts' | 'world'>,
  name: string,
): Promise<DesiredAccount> {
  const { world } = context;
  const file = name === '-' ? 'standard input' : name;
  const bytes = name === '-' ? await bytesOfStdin(world) : bytesOf(world, name);
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  const mistakes = new FileMistakes(file, text);
  const report = mistakes.add.bind(mistakes);
  reportForm(bytes, text, report);
  mistakes.check();
  const tree = parsedTree(text, report);
  if (!tree && mistakes.count === 0)
    report(0, 'the file is empty; start it with version: 1, or write it with `ci export`');
  const content = tree && contentOf(tree, report);
  if (!tree || !content) throw mistakes.error();
  const seats = desiredSeats(content, tree.fields?.get('seats'), mistakes);
  const keys = await desiredKeys(content, tree.fields?.get('keys'), {
    world,
    file: name,
    mistakes,
    checkDestination: async (to) => {
      const { destinationOfRow } = await import('../account/secrets/parse-destination.ts');
      return destinationOfRow(context, to, {});
    },
  });
  mistakes.check();
  const ceiling = content.ceilings?.maxMonthlySpend;
  return {
    file,
    maxMonthlySpend: ceiling === undefined ? undefined : parseUsd(ceiling),
    managedPrefix: content.managed?.prefix,
    seats,
    keys,
  };
}

/** Returns the content of a file; undefined if it doesn't match the schema. */
function contentOf(tree: Tree, report: Report): AccountFile | undefined {
  const { success, data, error } = accountFile.safeParse(tree.value);
  if (!success) reportIssues(error.issues, tree, report);
  return data;
}

/** Reports bytes that aren't text, and secrets. */
function reportForm(bytes: Buffer, text: string, report: Report): void {
  if (bytes.length > largest) {
    report(text.length, 'the file is larger than 4 MiB; move keys to a table, as in from: tenants.csv');
  } else if (/^(?:\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))) {
    report(0, 'the file is UTF-16; save it as UTF-8');
  } else if (!isUtf8(bytes)) {
    report(firstInvalid(bytes, text), "this isn't UTF-8; save the file as UTF-8");
  } else {
    for (const { 0: word, index } of text.matchAll(/(?<![A-Za-z0-9])(?:sk[_-]|mk_)[\w-]+/g)) {
      const isSecret = word.startsWith('mk_') ? word.length >= shortestSecret : isWholeKey(word);
      if (isSecret)
        report(index, `${masked(word)} is a secret, which this file must not have; remove it, and replace the key`);
    }
  }
}

/** Returns where the first character is that isn't UTF-8. @param text - the bytes, decoded, without a byte order mark */
function firstInvalid(bytes: Buffer, text: string): number {
  const replacement = Buffer.from('\ufffd');
  const mark = Buffer.from('\ufeff');
  const has = (bytesThere: Buffer, at: number) => bytes.subarray(at, at + bytesThere.length).equals(bytesThere);
  let position = has(mark, 0) ? mark.length : 0;
  let from = 0;
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) {
    position += Buffer.byteLength(text.slice(from, at));
    if (!has(replacement, position)) return at;
    from = at;
  }
  return 0;
}

function bytesOf(world: Pick<World, 'cwd'>, name: string): Buffer {
  const advice = 'Pass the path of a YAML file, or - for standard input. To write one, run `ci export > account.yaml`.';
  if (name.trim() === '') throw usageError('The path of the file is empty', advice);
  try {
    const handle = openSync(resolved(name, world), 'r');
    try {
      return firstBytes(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw usageError(`Can't read ${name}: ${messageOf(error)}`, advice);
  }
}

/** Reads a file up to the first byte that is too many. */
function firstBytes(handle: number): Buffer {
  const chunks: Buffer[] = [];
  for (let left = largest + 1; left > 0; ) {
    const chunk = Buffer.alloc(Math.min(left, chunkSize));
    const length = readSync(handle, chunk);
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    left -= length;
  }
  return Buffer.concat(chunks);
}

async function bytesOfStdin(world: Pick<World, 'stdin' | 'interrupt'>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  await readChunks(world, (chunk) => {
    if (length <= largest) chunks.push(chunk);
    length += chunk.length;
  });
  return Buffer.concat(chunks).subarray(0, largest + 1);
}
