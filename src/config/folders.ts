import path from 'node:path';
import envPaths from 'env-paths';

const name = 'cheapestinference';

/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

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
