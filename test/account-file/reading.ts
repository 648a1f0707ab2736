import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { readAccountFile } from '../../src/account-file/read.ts';
import { createContext } from '../../src/context/create.ts';
import type { DesiredAccount } from '../../src/domain/desired-account.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { redacted } from '../../src/domain/secrets.ts';
import { harmless } from '../../src/output/text.ts';
import { Buffered } from '../support/buffer.ts';
import { emptyFolder } from '../support/folder.ts';
import { worldWith } from '../support/world.ts';

/** What a test reads besides the content of a file. */
interface Surroundings {
  /** The working directory; by default, a new folder. */
  readonly folder?: string;
  /** Other files, by their paths in the working directory. */
  readonly tables?: Readonly<Record<string, string | Buffer>>;
  /** Relative to the working directory, or `-` for standard input. */
  readonly name?: string;
}

/** Reads a file with a content. */
export function read(
  content: string | Buffer,
  { folder = emptyFolder(), tables = {}, name = 'account.yaml' }: Surroundings = {},
): Promise<DesiredAccount> {
  for (const [file, text] of Object.entries({ ...tables, ...(name === '-' ? {} : { [name]: content }) })) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  return readIn(folder, name, content);
}

/** Reads a file of a folder. @param input - what standard input has */
export function readIn(folder: string, name: string, input: string | Buffer = ''): Promise<DesiredAccount> {
  const stdin = Readable.from([Buffer.from(input)]);
  const world = worldWith({ cwd: folder, stdin, stdout: new Buffered(false) });
  return readAccountFile(
    createContext(world, () => ({ input: false, color: false })),
    name,
  );
}

/** Returns what is wrong with a content, as a terminal shows it: a line for each mistake. */
export async function mistakesIn(content: string | Buffer, surroundings?: Surroundings): Promise<readonly string[]> {
  return (await errorOf(read(content, surroundings))).lines.map((line) => redacted(harmless(redacted(line))));
}

/** Returns the error that a command ends with. @throws anything else */
export async function errorOf(reading: Promise<unknown>): Promise<CommandError> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('It was read.');
}
