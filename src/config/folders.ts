import path from 'node:path';
import type { Environment, Surroundings } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import { homeFolder, refuseForeignFolder } from '../state/folder.ts';

const name = 'cheapestinference';

/**
 * The folder of the profiles: `CHEAPESTINFERENCE_CONFIG_DIR`, else the operating system's place for configuration.
 *
 * @throws CommandError (file_error) where there is no home folder
 */
export function configFolder(surroundings: Surroundings): string {
  const { env } = surroundings;
  const chosen = env.CHEAPESTINFERENCE_CONFIG_DIR;
  return chosen ? resolved(chosen, surroundings) : place('config', env);
}

/**
 * Returns the absolute path of a file that was named by the user.
 *
 * @throws CommandError (file_error) for a relative path if the working directory was removed
 */
export function resolved(file: string, surroundings: Pick<Surroundings, 'cwd'>): string {
  if (path.isAbsolute(file)) return path.resolve(file);
  const folder = workingDirectory(surroundings);
  if (folder !== undefined) return path.resolve(folder, file);
  throw new CommandError('file_error', `the working directory was removed, so ${file} cannot be found`, {
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

/** The folder of the sandbox's state, in the operating system's place for application data. */
export function sandboxFolder(env: Environment): string {
  return path.join(place('data', env), 'sandbox');
}

/**
 * The folder of what must outlive a run: the record of changes, locks, and secrets that could not be delivered. `XDG_STATE_HOME`
 * where it is set, on macOS and Windows too, else the operating system's place. Vetted each time.
 *
 * @throws CommandError (file_error) if there is no home folder, or if the folder would let others redirect what the tool writes
 */
export function stateFolder(env: Environment): string {
  const folder = placeOfState(env);
  refuseForeignFolder(folder, 'XDG_STATE_HOME');
  return folder;
}

/**
 * Returns the value of an XDG Base Directory variable; undefined if it is not set or is a relative path. The specification says
 * to ignore relative paths, which would mean a different folder in each working directory.
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
      message: `the record of changes cannot be kept: ${error.message}`,
      hint: 'Nothing was sent. Set HOME, or XDG_STATE_HOME to a folder that can be written.',
    });
  }
}

/** The folder of answers that can be asked for again, in the operating system's place for caches. */
export function cacheFolder(env: Environment): string {
  return place('cache', env);
}

/** Where a program's files of one kind go. Sources: XDG Base Directory Specification; on macOS and Windows, what the system does. */
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

/** Returns the home folder: `HOME`, else what the system knows. @throws CommandError (file_error) if there is none */
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
      ? 'there is no home folder: HOME is not set, and the system knows none for this user'
      : `there is no home folder: HOME is "${folder}"`,
    { hint: 'Set HOME to a folder of your own.' },
  );
}

/** The folder of the completion scripts of shells that have no folder for them. */
export function completionFolder(env: Environment): string {
  return path.join(place('data', env), 'completion');
}
