import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { shellWord } from '../domain/shell-word.ts';

/**
 * Returns a warning if Git would commit a file that holds a secret; undefined if not, or without Git or a work tree.
 *
 * @param file - absolute, without links
 * @param env - the environment of git
 * @param timeout - the timeout, in milliseconds
 */
export async function gitWarning(file: string, env: Environment, timeout = 10_000): Promise<string | undefined> {
  const git = (...args: readonly string[]) => exitCodeOfGit(path.dirname(file), args, env, timeout);
  const [folder, name] = [path.dirname(file), path.basename(file)];
  if (!isBelowRepository(folder)) return undefined;
  const pattern = `/${name.replace(/[\\*?[\]!# ]/g, '\\$&')}`;
  const ignoring = `${pattern} to ${path.join(folder, '.gitignore')} to prevent that.`;
  // 0: in the index, 1: not in it, 128: no work tree.
  const found = await git('--literal-pathspecs', 'ls-files', '--error-unmatch', '--', name);
  if (found === 0) {
    const literal = /^[\w.-]+$/.test(name) ? '' : '--literal-pathspecs ';
    // Without --force, git refuses files that were added but never committed. --cached keeps the file itself.
    const untrack = `git -C ${shellWord(folder)} ${literal}rm --cached --force -- ${shellWord(name)}`;
    return `Warning: Git tracks ${file} and would commit the secret. Run \`${untrack}\`, and add ${ignoring}`;
  }
  // 0: ignored, 1: not ignored. ./ keeps the name from being read as an option or a magic pathspec.
  if (found !== 1 || (await git('check-ignore', '--quiet', '--no-index', '--', `./${name}`)) !== 1) return undefined;
  return `Warning: Git would commit ${file} with the secret. Add ${ignoring}`;
}

/** Returns whether a folder or one above it has a `.git`, without which git finds no work tree. Takes far less time than git. */
function isBelowRepository(folder: string): boolean {
  for (let at = folder; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, '.git'))) return true;
    if (at === path.dirname(at)) return false;
  }
}

/** Runs git without output or prompts. Returns its exit code; undefined if it couldn't run or timed out. */
function exitCodeOfGit(
  folder: string,
  args: readonly string[],
  env: Environment,
  timeout: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(
      'git',
      // A repository can configure a program to watch its files. Don't run it.
      ['-C', folder, '-c', 'core.fsmonitor=false', ...args],
      { env: withoutRepository(env), timeout, killSignal: 'SIGKILL', windowsHide: true },
      (error) => resolve(error === null ? 0 : typeof error.code === 'number' ? error.code : undefined),
    );
  });
}

/** Returns the environment without the variables that select a repository, as in a git hook. The user's settings stay. */
function withoutRepository(env: Environment): Environment {
  const kept = /^GIT_(?:CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GIT_') || kept.test(name)));
}
