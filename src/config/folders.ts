import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import envPaths from 'env-paths';

const name = 'cheapestinference';

/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes a folder, and those it lies in, for its owner alone. The `recursive` of Node.js tries for ever where a folder cannot be
 * made in one that is there, as in /proc.
 *
 * @throws the error of the file system
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return;
    const parent = path.dirname(folder);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    makeFolder(parent);
    makeFolder(folder);
  }
}

/** The folder of the profiles: `CHEAPESTINFERENCE_CONFIG_DIR`, else the operating system's place for configuration. */
export function configFolder(env: Environment): string {
  const chosen = env.CHEAPESTINFERENCE_CONFIG_DIR;
  return chosen ? path.resolve(chosen) : envPaths(name, { suffix: '' }).config;
}

/** The folder of the sandbox's state, in the operating system's place for application data. */
export function sandboxFolder(): string {
  return path.join(envPaths(name, { suffix: '' }).data, 'sandbox');
}

/**
 * The folder of what must outlive a run: the record of changes, locks, and secrets that could not be delivered. `XDG_STATE_HOME`
 * where it is set, else the operating system's place.
 */
export function stateFolder(env: Environment): string {
  if (env.XDG_STATE_HOME) return path.join(path.resolve(env.XDG_STATE_HOME), name);
  const { log, data } = envPaths(name, { suffix: '' });
  return process.platform === 'linux' ? log : path.join(data, 'state');
}

/** The folder of answers that can be asked for again, in the operating system's place for caches. */
export function cacheFolder(): string {
  return envPaths(name, { suffix: '' }).cache;
}
