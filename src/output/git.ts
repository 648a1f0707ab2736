import { execFile } from 'node:child_process';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { quoted } from '../domain/shell-word.ts';

/**
 * What to tell whoever saves a secret in a file that git would commit; undefined where it would not, and where there is no
 * git or no work tree.
 *
 * @param file - absolute, without links
 * @param env - the environment that git runs in
 * @param patience - the longest that git may take to say, milliseconds
 */
export async function gitWarning(file: string, env: Environment, patience = 10_000): Promise<string | undefined> {
  const git = (...args: readonly string[]) => exitCodeOfGit(path.dirname(file), args, env, patience);
  const [folder, name] = [path.dirname(file), path.basename(file)];
  const pattern = `/${name.replace(/[\\*?[\]!# ]/g, '\\$&')}`;
  const advice = `add ${pattern} to ${path.join(folder, '.gitignore')}`;
  // 0: in the index, 1: not in it, 128: no work tree.
  const found = await git('--literal-pathspecs', 'ls-files', '--error-unmatch', '--', name);
  if (found === 0) {
    const literal = /^[\w.-]+$/.test(name) ? '' : '--literal-pathspecs ';
    // Without --force git refuses what was added and never committed; with --cached the file itself stays.
    const untrack = `git -C ${shellWord(folder)} ${literal}rm --cached --force -- ${shellWord(name)}`;
    return `Warning: git tracks ${file}, and would commit the secret with it: run \`${untrack}\` and ${advice}`;
  }
  // 0: ignored, 1: not ignored. A name after ./ is no option and no pathspec's magic.
  if (found !== 1 || (await git('check-ignore', '--quiet', '--no-index', '--', `./${name}`)) !== 1) return undefined;
  return `Warning: git would commit ${file}, and the secret with it: ${advice}`;
}

/** Runs git, which asks nobody and says nothing; its exit code, or undefined when it could not be run to its end. */
function exitCodeOfGit(
  folder: string,
  args: readonly string[],
  env: Environment,
  patience: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(
      'git',
      // A repository can name a program to watch its files; nothing of its choosing is run here.
      ['-C', folder, '-c', 'core.fsmonitor=false', ...args],
      { env: withoutRepository(env), timeout: patience, killSignal: 'SIGKILL', windowsHide: true },
      (error) => resolve(error === null ? 0 : typeof error.code === 'number' ? error.code : undefined),
    );
  });
}

/** The environment without what points git at another repository, as in its hooks; the user's own settings stay. */
function withoutRepository(env: Environment): Environment {
  const kept = /^GIT_(?:CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('GIT_') || kept.test(name)));
}

function shellWord(text: string): string {
  return /^[\w./@%+=:-]+$/.test(text) ? text : quoted(text);
}
