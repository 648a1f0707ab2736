import { type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { octal, realPathOf } from '../state/folder.ts';

/**
 * Refuses a folder into which others may put files of theirs. On Windows modes say nothing.
 *
 * @throws CommandError (file_error) with the command that mends it
 */
export function refuseOpenFolder(folder: string): void {
  const stats = statsOf(folder);
  if (!stats?.isDirectory() || !canBe(stats, 'written')) return;
  const user = process.getuid?.();
  const isOwn = user === stats.uid || user === 0;
  // /tmp and its like are open to all on purpose.
  const isShared = (stats.mode & 0o1000) !== 0 || !isOwn;
  throw new CommandError('file_error', `${folder} can be written by others (mode ${octal(stats)})`, {
    hint: isShared
      ? 'Set CHEAPESTINFERENCE_CONFIG_DIR to a folder of your own.'
      : `Run \`chmod 700 ${shellWord(folder)}\`, once you know that what is in it is yours.`,
  });
}

/**
 * Refuses a file that others can change, or that holds a secret and others can read.
 *
 * @throws CommandError (file_error) with the command that mends it
 */
export function refuseOpenFile(file: string, { holdsSecret }: { readonly holdsSecret: boolean }): void {
  refuseOpenFolder(path.dirname(file));
  const target = realPathOf(file);
  if (path.dirname(target) !== path.dirname(file)) refuseOpenFolder(path.dirname(target));
  const stats = statsOf(target);
  if (!stats) return;
  const done = canBe(stats, 'written') ? 'written' : holdsSecret && canBe(stats, 'read') ? 'read' : undefined;
  if (!done) return;
  const secret = holdsSecret ? ', and it holds a key' : '';
  throw new CommandError('file_error', `${file} can be ${done} by others (mode ${octal(stats)})${secret}`, {
    hint: `Run \`chmod 600 ${shellWord(target)}\`${holdsSecret ? '; make a new key if somebody may have seen this one' : ''}.`,
  });
}

/** Whether a user who is not its owner may do this to a file or folder. */
function canBe({ mode }: Stats, done: 'read' | 'written'): boolean {
  return process.platform !== 'win32' && (mode & (done === 'read' ? 0o077 : 0o022)) !== 0;
}

function statsOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    // Something above it is no folder.
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
