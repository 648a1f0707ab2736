import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { CommandError, usageError } from '../domain/errors.ts';

/** A dotenv file into which a value can be written, proven writable when it was opened. */
export interface Dotenv {
  /** The file's absolute path. */
  readonly file: string;
  /** Sets a variable, and leaves every other line as it is. The file is replaced whole, and only its owner can read it. */
  set(variable: string, value: string): Promise<void>;
  /** Lets go of the file without writing. */
  discard(): Promise<void>;
}

/** Refuses what is no name of an environment variable. */
export function checkVariable(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw usageError(`"${name}" is no name of a variable`, 'Use letters, digits and _, and begin with no digit.');
}

/**
 * Opens a dotenv file for one write: its successor is made beside it at once, so that a folder that cannot be written
 * is found out before there is a secret to keep.
 *
 * @throws CommandError (file_error)
 */
export async function openDotenv(file: string): Promise<Dotenv> {
  const named = path.resolve(file);
  try {
    // A link stays a link: what it points to is replaced.
    const target = (await realpath(named).catch(unlessMissing)) ?? named;
    const successor = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    if ((await stat(target).catch(unlessMissing))?.isFile() === false) throw new Error('it is no file');
    const handle = await open(successor, 'wx', 0o600);
    return {
      file: named,
      async set(variable, value) {
        try {
          const before = (await readFile(target, 'utf8').catch(unlessMissing)) ?? '';
          await handle.writeFile(withVariable(before, variable, value));
          await handle.sync();
          await handle.close();
          await rename(successor, target);
        } catch (error) {
          await rm(successor, { force: true });
          throw failure(named, error);
        }
      },
      async discard() {
        await handle.close();
        await rm(successor, { force: true });
      },
    };
  } catch (error) {
    throw failure(named, error);
  }
}

/** A dotenv text with one variable set: its last assignment is replaced, else a line is added at the end. */
export function withVariable(text: string, variable: string, value: string): string {
  const line = `${variable}=${quoted(value)}`;
  const lines = text.split(/(?<=\n)/);
  const assignment = new RegExp(`^(\\s*(?:export\\s+)?)${variable}\\s*=`);
  const at = lines.findLastIndex((each) => assignment.test(each));
  const found = lines[at];
  if (found === undefined) return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
  const prefix = assignment.exec(found)?.[1] ?? '';
  const end = /\r?\n$/.exec(found)?.[0] ?? '';
  return [...lines.slice(0, at), `${prefix}${line}${end}`, ...lines.slice(at + 1)].join('');
}

/** A value on one line: as it is where every reader of dotenv files takes it so, else in double quotes. */
function quoted(value: string): string {
  if (/^[\w.:/@%+=-]*$/.test(value)) return value;
  return `"${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`;
}

function failure(file: string, error: unknown): CommandError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CommandError('file_error', `${file} cannot be written: ${reason}`, { cause: error });
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
