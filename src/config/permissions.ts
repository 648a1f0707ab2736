import { type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { octal, realPathOf } from '../state/folder.ts';

/**
 * Refuses a directory that other users can write to. Windows has no such modes.
 *
 * @throws CommandError (file_error) with the command that fixes it
 */
export function refuseOpenFolder(folder: string): void {
  const stats = statsOf(folder);
  if (!stats?.isDirectory() || !isOpenTo('write', stats)) return;
  const user = process.getuid?.();
  const isOwn = user === stats.uid || user === 0;
  // Folders such as /tmp are open to all on purpose.
  const isShared = (stats.mode & 0o1000) !== 0 || !isOwn;
  throw new CommandError('file_error', `Other users can write to ${folder} (mode ${octal(stats)})`, {
    hint: isShared
      ? 'Set CHEAPESTINFERENCE_CONFIG_DIR to a directory of your own.'
      : `Check that everything in it is yours, then run \`chmod 700 ${shellWord(folder)}\`.`,
  });
}

/**
 * Refuses a file that other users can change, or that contains a secret and that other users can read.
 *
 * @throws CommandError (file_error) with the command that fixes it
 */
export function refuseOpenFile(
  file: string,
  { holdsSecret, secret = 'key' }: { readonly holdsSecret: boolean; readonly secret?: 'key' | 'token' },
): void {
  refuseOpenFolder(path.dirname(file));
  const target = realPathOf(file);
  if (path.dirname(target) !== path.dirname(file)) refuseOpenFolder(path.dirname(target));
  const stats = statsOf(target);
  if (!stats) return;
  const access = isOpenTo('write', stats) ? 'write to' : holdsSecret && isOpenTo('read', stats) ? 'read' : undefined;
  if (!access) return;
  const renewal = {
    key: ' Create a new key if someone may have seen this one.',
    token: ' To get a new token if someone may have seen this one, remove the file instead.',
  }[secret];
  const what = holdsSecret ? `, which contains a ${secret}` : '';
  throw new CommandError('file_error', `Other users can ${access} ${file} (mode ${octal(stats)})${what}`, {
    hint: `Run \`chmod 600 ${shellWord(target)}\`.${holdsSecret ? renewal : ''}`,
  });
}

/** Returns whether users other than the owner have this access to a file or directory. Windows has no such modes. */
export function isOpenTo(access: 'read' | 'write', { mode }: Pick<Stats, 'mode'>): boolean {
  return process.platform !== 'win32' && (mode & (access === 'read' ? 0o077 : 0o022)) !== 0;
}

function statsOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    // Something above it isn't a directory.
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
