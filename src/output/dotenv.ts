import { constants } from 'node:fs';
import { lstat, open, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { CommandError, codeOf, messageOf, usageError } from '../domain/errors.ts';
import { type Lock, withLock } from '../state/lock.ts';
import { Draft } from '../state/replace-file.ts';
import { variableIn, withVariable } from './dotenv-text.ts';

/** Bytes reserved for variables that aren't known yet: the keys of 20 seats. */
const room = 4096;

/** How long to wait for other processes that write the same file, in milliseconds. */
const patience = 30_000;

/** What writing a dotenv file needs. */
export type DotenvWorld = Pick<Lock, 'env' | 'monotonic' | 'pause'>;

/** A dotenv file that can be written. Opening it has proven that. */
export interface Dotenv {
  /** The file's absolute path. */
  readonly file: string;
  /** Returns the value that a variable had when the file was opened; undefined if it was unset or empty. */
  get(variable: string): string | undefined;
  /**
   * Sets variables, and keeps every other byte. Replaces the file in one step. Only its owner can read it then.
   *
   * @param values - by variable
   * @param replaceable - the values that may be replaced, by variable; default: any
   * @throws CommandError (file_error); the file is unchanged
   */
  set(values: Readonly<Record<string, string>>, replaceable?: ReadonlyMap<string, string>): Promise<void>;
  /** Returns a warning if Git would commit the file. */
  gitWarning(): Promise<string | undefined>;
  /** Closes the file without writing it. */
  discard(): Promise<void>;
}

/** Checks the name of an environment variable. @throws CommandError (usage) */
export function checkVariable(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw usageError(
    `"${name}" is not a valid variable name`,
    'Use letters, digits and underscores, and no digit at the start.',
  );
}

/**
 * Opens a dotenv file to write it once. Creates the new version next to it right away, as large as it can become, so that a read-only
 * directory or a full disk is noticed before there is a secret. Removes versions that killed processes left in the directory.
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
    // Fails now if the lock can't be taken.
    await alone(() => Promise.resolve());
    const draft = new Draft(target);
    draft.reserve(content.length + room);
    return {
      file: named,
      get: (variable) => variableIn(content, variable),
      async set(values, replaceable) {
        try {
          // Check before locking, because the lock would create a directory again that the user removed.
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

/** Checks that no value would be replaced that was written in the meantime. @throws CommandError (file_error) */
function checkReplaceable(
  file: string,
  content: Buffer,
  values: Readonly<Record<string, string>>,
  replaceable: ReadonlyMap<string, string>,
): void {
  for (const [variable, value] of Object.entries(values)) {
    const before = variableIn(content, variable);
    if (before === undefined || before === value || before === replaceable.get(variable)) continue;
    throw new CommandError('file_error', `${file} was changed in the meantime: ${variable} now has another value`, {
      hint: 'Nothing was written.',
    });
  }
}

function withVariables(content: Buffer, values: Readonly<Record<string, string>>): Buffer {
  return Object.entries(values).reduce((text, [variable, value]) => withVariable(text, variable, value), content);
}

/**
 * Returns the file that a path leads to, which may not exist. Follows a link to a file in its own directory or below. A directory in the
 * path may be a link to anywhere, because that is where the user wants the file.
 *
 * @throws CommandError (file_error) if the file is a link that leads out of its directory
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
      throw new CommandError('file_error', `${named} is a link to ${end}, which is in another directory`, {
        hint: 'Nothing was written. Pass the path of that file, or replace the link with a file.',
      });
    }
  }
  throw new Error('its links form a loop');
}

function isOutside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative);
}

/** Returns the content of a file; empty if it doesn't exist. Doesn't follow a link. */
async function contentOf(file: string): Promise<Buffer> {
  const stats = await lstat(file).catch(unless('ENOENT'));
  if (!stats) return Buffer.alloc(0);
  if (!stats.isFile()) throw new Error(stats.isDirectory() ? 'it is a directory' : "it isn't a regular file");
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const content = await handle.readFile();
    if (/^(?:\xff\xfe|\xfe\xff)/.test(content.toString('latin1', 0, 2)))
      throw new Error('it is in UTF-16. Save it as UTF-8');
    return content;
  } finally {
    await handle.close();
  }
}

function failure(file: string, error: unknown): CommandError {
  const reason = messageOf(error);
  return new CommandError('file_error', `Can't write ${file}: ${reason}`, { cause: error });
}

function unless(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (codes.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  };
}
