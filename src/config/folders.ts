import path from 'node:path';
import type { Environment, Surroundings } from '../domain/environment.ts';
import { asClause, CommandError } from '../domain/errors.ts';
import { homeFolder, refuseForeignFolder } from '../state/folder.ts';

const name = 'cheapestinference';

/**
 * Returns the config directory: `CHEAPESTINFERENCE_CONFIG_DIR`, or else the system's place for configuration.
 *
 * @throws CommandError (file_error) if there is no home directory
 */
export function configFolder(surroundings: Surroundings): string {
  const { env } = surroundings;
  const chosen = env.CHEAPESTINFERENCE_CONFIG_DIR;
  return chosen ? resolved(chosen, surroundings) : place('config', env);
}

/**
 * Returns the absolute path of a file that the user named.
 *
 * @throws CommandError (file_error) for a relative path if the working directory was removed
 */
export function resolved(file: string, surroundings: Pick<Surroundings, 'cwd'>): string {
  if (path.isAbsolute(file)) return path.resolve(file);
  const folder = workingDirectory(surroundings);
  if (folder !== undefined) return path.resolve(folder, file);
  throw new CommandError('file_error', `The working directory was removed, so ${file} can't be found`, {
    hint: 'Change to another directory, or use an absolute path.',
    outcome: 'not_applied',
  });
}

/** Returns the working directory; undefined if it was removed. */
export function workingDirectory(surroundings: Pick<Surroundings, 'cwd'>): string | undefined {
  try {
    return surroundings.cwd;
  } catch {
    return undefined;
  }
}

/** Returns the directory of the sandbox's state, in the system's place for application data. */
export function sandboxFolder(env: Environment): string {
  return path.join(place('data', env), 'sandbox');
}

/**
 * Returns the state directory, which keeps the record of changes, locks, and secrets that couldn't be delivered. `XDG_STATE_HOME`
 * chooses it on every system, or else the system's place. Each call checks it again.
 *
 * @throws CommandError (file_error) if there is no home directory, or if other users could redirect what is written to it
 */
export function stateFolder(env: Environment): string {
  const folder = placeOfState(env);
  refuseForeignFolder(folder, 'XDG_STATE_HOME');
  return folder;
}

/**
 * Returns the value of an XDG Base Directory variable; undefined if it is not set or is a relative path. The specification says
 * to ignore relative paths, which would mean another directory in each working directory.
 */
export function xdgFolder(env: Environment, variable: `XDG_${string}_HOME`): string | undefined {
  const folder = env[variable];
  return folder && path.isAbsolute(folder) ? folder : undefined;
}

function placeOfState(env: Environment): string {
  const chosen = xdgFolder(env, 'XDG_STATE_HOME');
  if (chosen) return path.join(path.normalize(chosen), name);
  try {
    return place('state', env);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw error.with({
      message: `The record of changes can't be kept: ${asClause(error.message)}`,
      hint: 'Nothing was sent. Set HOME, or set XDG_STATE_HOME to a directory that you can write to.',
    });
  }
}

/** Returns the cache directory, in the system's place for caches. */
export function cacheFolder(env: Environment): string {
  return place('cache', env);
}

/** Returns the place for files of one kind. Sources: XDG Base Directory Specification; the conventions of macOS and Windows. */
function place(kind: 'config' | 'data' | 'cache' | 'state', env: Environment): string {
  if (process.platform === 'darwin') {
    const library = path.join(home(env), 'Library');
    const support = path.join(library, 'Application Support', name);
    if (kind === 'config') return path.join(library, 'Preferences', name);
    if (kind === 'cache') return path.join(library, 'Caches', name);
    return kind === 'state' ? path.join(support, 'state') : support;
  }
  if (process.platform === 'win32') {
    const { APPDATA, LOCALAPPDATA } = env;
    if (kind === 'config') return path.join(APPDATA || path.join(home(env), 'AppData', 'Roaming'), name, 'Config');
    const local = path.join(LOCALAPPDATA || path.join(home(env), 'AppData', 'Local'), name);
    if (kind === 'cache') return path.join(local, 'Cache');
    return kind === 'state' ? path.join(local, 'Data', 'state') : path.join(local, 'Data');
  }
  const usual = {
    config: ['.config'],
    data: ['.local', 'share'],
    cache: ['.cache'],
    state: ['.local', 'state'],
  } as const;
  const variables = {
    config: 'XDG_CONFIG_HOME',
    data: 'XDG_DATA_HOME',
    cache: 'XDG_CACHE_HOME',
    state: 'XDG_STATE_HOME',
  } as const;
  return path.join(xdgFolder(env, variables[kind]) ?? path.join(home(env), ...usual[kind]), name);
}

/** Returns the home directory: `HOME`, or else what the system knows. @throws CommandError (file_error) if none exists */
export function homeOf(env: Environment): string {
  const { HOME } = env;
  return HOME && path.isAbsolute(HOME) ? HOME : home(env);
}

function home(env: Environment): string {
  const folder = homeFolder(env);
  if (folder && path.isAbsolute(folder)) return folder;
  throw new CommandError(
    'file_error',
    folder === undefined
      ? "Your home directory isn't known: HOME is not set, and the system has no entry for this user"
      : `Your home directory isn't known: "${folder}" in HOME is not an absolute path`,
    { hint: 'Set HOME to your home directory.' },
  );
}

/** Returns the directory for completion scripts of shells that have no directory for them. */
export function completionFolder(env: Environment): string {
  return path.join(place('data', env), 'completion');
}
