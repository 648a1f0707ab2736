import { constants } from 'node:fs';
import { lstat, open, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { CommandError, codeOf, messageOf, usageError } from '../domain/errors.ts';
import { type Lock, withLock } from '../state/lock.ts';
import { Draft } from '../state/replace-file.ts';
import { variableIn, withVariable } from './dotenv-text.ts';

/** Bytes kept free for variables before they are known: the keys of 20 seats. */
const room = 4096;

/** How long other processes that write the same file are waited for, milliseconds: each holds it for a moment. */
const patience = 30_000;

/** What writing a dotenv file depends on. */
export type DotenvWorld = Pick<Lock, 'env' | 'monotonic' | 'pause'>;

/** A dotenv file into which values can be written, proven writable when it was opened. */
export interface Dotenv {
  /** The file's absolute path. */
  readonly file: string;
  /** Returns the value that a variable had when the file was opened; undefined if it was unset or empty. */
  get(variable: string): string | undefined;
  /**
   * Sets variables, and leaves every other byte as it is then. The file is replaced whole, and only its owner can read it.
   *
   * @param values - by variable
   * @param replaceable - the values that may be replaced, by variable; default: any
   * @throws CommandError (file_error); the file is then as it was
   */
  set(values: Readonly<Record<string, string>>, replaceable?: ReadonlyMap<string, string>): Promise<void>;
  /** What to tell the user when git would commit the file. */
  gitWarning(): Promise<string | undefined>;
  /** Lets go of the file without writing. */
  discard(): Promise<void>;
}

/** Refuses what is no name of an environment variable. */
export function checkVariable(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw usageError(`"${name}" is no name of a variable`, 'Use letters, digits and _, and begin with no digit.');
}

/**
 * Opens a dotenv file for one write: its successor is made beside it at once, as large as it may become, so that a folder
 * that cannot be written and a disk that is full are found out before there is a secret to keep. Successors that killed processes
 * left in the folder are removed.
 *
 * @param named - absolute
 * @throws CommandError (file_error)
 */
export async function openDotenv(named: string, { env, monotonic, pause }: DotenvWorld): Promise<Dotenv> {
  try {
    const target = await targetOf(named);
    const [folder, name] = [path.dirname(target), path.basename(target)];
    const alone = <Result>(work: () => Promise<Result>) =>
      withLock({ folder, name, env, patience, monotonic, pause }, work);
    const content = await contentOf(target);
    // What is refused to the lock is refused now.
    await alone(() => Promise.resolve());
    const draft = new Draft(target);
    draft.reserve(content.length + room);
    return {
      file: named,
      get: (variable) => variableIn(content, variable),
      async set(values, replaceable) {
        try {
          // Check before locking: the lock would create its folder again, but if the folder is gone, that is up to the user.
          draft.requireInPlace();
          await alone(async () => {
            const now = await contentOf(target);
            if (replaceable) checkReplaceable(named, now, values, replaceable);
            draft.replace(withVariables(now, values));
          });
        } catch (error) {
          draft.discard();
          throw error instanceof CommandError ? error : failure(named, error);
        }
      },
      async gitWarning() {
        const { gitWarning } = await import('./git.ts');
        return gitWarning(target, env);
      },
      discard: async () => draft.discard(),
    };
  } catch (error) {
    throw error instanceof CommandError ? error : failure(named, error);
  }
}

/** Refuses to replace a value that was written to the file in the meantime. @throws CommandError (file_error) */
function checkReplaceable(
  file: string,
  content: Buffer,
  values: Readonly<Record<string, string>>,
  replaceable: ReadonlyMap<string, string>,
): void {
  for (const [variable, value] of Object.entries(values)) {
    const before = variableIn(content, variable);
    if (before === undefined || before === value || before === replaceable.get(variable)) continue;
    throw new CommandError('file_error', `${file} was changed in the meantime: ${variable} has another value now`, {
      hint: 'Nothing was written.',
    });
  }
}

function withVariables(content: Buffer, values: Readonly<Record<string, string>>): Buffer {
  return Object.entries(values).reduce((text, [variable, value]) => withVariable(text, variable, value), content);
}

/**
 * The file that a path stands for, which need not be there. A link is followed to a file in its own folder or below; a
 * folder on the way may be a link, as whoever names `folder/.env` means what lies there.
 *
 * @throws CommandError (file_error) when the file is a link that leads elsewhere
 */
async function targetOf(named: string): Promise<string> {
  const folder = await realpath(path.dirname(named));
  let at = path.join(folder, path.basename(named));
  for (let links = 0; links < 40; links += 1) {
    const link = await readlink(at).catch(unless('ENOENT', 'EINVAL'));
    if (link === undefined) return at;
    const next = path.isAbsolute(link) ? link : `${path.dirname(at)}${path.sep}${link}`;
    const holder = await realpath(path.dirname(next)).catch(unless('ENOENT'));
    at = holder === undefined ? path.resolve(next) : path.join(holder, path.basename(next));
    if (isOutside(folder, at)) {
      const end = (await realpath(at).catch(unless('ENOENT'))) ?? at;
      throw new CommandError('file_error', `${named} is a link that leads out of its folder, to ${end}`, {
        hint: 'Nothing was written. Name the file that is meant itself, or put a file in place of the link.',
      });
    }
  }
  throw new Error('its links lead in a circle');
}

function isOutside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative);
}

/** What a file holds, nothing when it is not there. A link is not followed. */
async function contentOf(file: string): Promise<Buffer> {
  const stats = await lstat(file).catch(unless('ENOENT'));
  if (!stats) return Buffer.alloc(0);
  if (!stats.isFile()) throw new Error(stats.isDirectory() ? 'it is a folder' : 'it is no regular file');
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const content = await handle.readFile();
    if (/^(?:\xff\xfe|\xfe\xff)/.test(content.toString('latin1', 0, 2)))
      throw new Error('it is UTF-16: save it as UTF-8');
    return content;
  } finally {
    await handle.close();
  }
}

function failure(file: string, error: unknown): CommandError {
  const reason = messageOf(error);
  return new CommandError('file_error', `${file} cannot be written: ${reason}`, { cause: error });
}

function unless(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (codes.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  };
}
