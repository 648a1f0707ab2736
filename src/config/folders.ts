import path from 'node:path';
import { CommandError } from '../domain/errors.ts';
import { homeFolder } from '../state/folder.ts';

const name = 'cheapestinference';

/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The folder of the profiles: `CHEAPESTINFERENCE_CONFIG_DIR`, else the operating system's place for configuration.
 *
 * @throws CommandError (file_error) where there is no home folder
 */
export function configFolder(env: Environment): string {
  const chosen = env.CHEAPESTINFERENCE_CONFIG_DIR;
  return chosen ? path.resolve(chosen) : place('config');
}

/** The folder of the sandbox's state, in the operating system's place for application data. */
export function sandboxFolder(): string {
  return path.join(place('data'), 'sandbox');
}

/**
 * The folder of what must outlive a run: the record of changes, locks, and secrets that could not be delivered. `XDG_STATE_HOME`
 * where it is set, else the operating system's place.
 *
 * @throws CommandError (file_error) where there is no home folder
 */
export function stateFolder(env: Environment): string {
  if (env.XDG_STATE_HOME) return path.join(path.resolve(env.XDG_STATE_HOME), name);
  try {
    return place('state');
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw error.with({
      message: `the record of changes cannot be kept: ${error.message}`,
      hint: 'Nothing was sent. Set HOME, or XDG_STATE_HOME to a folder that can be written.',
    });
  }
}

/** The folder of answers that can be asked for again, in the operating system's place for caches. */
export function cacheFolder(): string {
  return place('cache');
}

/** Where a program's files of one kind go. Sources: XDG Base Directory Specification; on macOS and Windows, what the system does. */
function place(kind: 'config' | 'data' | 'cache' | 'state'): string {
  if (process.platform === 'darwin') {
    const library = path.join(home(), 'Library');
    const support = path.join(library, 'Application Support', name);
    if (kind === 'config') return path.join(library, 'Preferences', name);
    if (kind === 'cache') return path.join(library, 'Caches', name);
    return kind === 'state' ? path.join(support, 'state') : support;
  }
  if (process.platform === 'win32') {
    const { APPDATA, LOCALAPPDATA } = process.env;
    if (kind === 'config') return path.join(APPDATA || path.join(home(), 'AppData', 'Roaming'), name, 'Config');
    const local = path.join(LOCALAPPDATA || path.join(home(), 'AppData', 'Local'), name);
    if (kind === 'cache') return path.join(local, 'Cache');
    return kind === 'state' ? path.join(local, 'Data', 'state') : path.join(local, 'Data');
  }
  const chosen = process.env[`XDG_${kind.toUpperCase()}_HOME`];
  const usual = {
    config: ['.config'],
    data: ['.local', 'share'],
    cache: ['.cache'],
    state: ['.local', 'state'],
  } as const;
  // A relative path is to be taken for none, says the specification.
  const parent = chosen && path.isAbsolute(chosen) ? chosen : path.join(home(), ...usual[kind]);
  return path.join(parent, name);
}

function home(): string {
  const folder = homeFolder();
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
export function completionFolder(): string {
  return path.join(place('data'), 'completion');
}
