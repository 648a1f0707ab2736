import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { draftOf, removeLeftovers } from '../state/drafts.ts';

/**
 * Replaces a file whole, for its owner alone: whatever fails, and at whatever moment, what was there is there still. A link
 * stays a link. Drafts that killed processes left beside it are removed.
 *
 * @throws whatever the operating system says
 */
export function replaceFile(file: string, content: string): void {
  const target = realPathOf(file);
  const folder = path.dirname(target);
  removeLeftovers(folder);
  // Drafts of earlier versions. Only one process at a time replaces the file, so these are from killed processes.
  const drafts = `${path.basename(target)}.draft-`;
  for (const left of readdirSync(folder)) if (left.startsWith(drafts)) rmSync(path.join(folder, left));
  const draft = draftOf(target);
  try {
    writeNewFile(draft, Buffer.from(content), ownerOf(target));
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  sync(folder);
}

/**
 * Keeps what a file held in another beside it, named after the moment, and never in the place of one that is there.
 *
 * @returns the other file
 */
export function keepAside(file: string, content: Buffer, why: string, now: Date): string {
  const moment = now.toISOString().replace(/[-:]|\.\d+/g, '');
  for (let count = 1; ; count++) {
    const aside = `${file}.${why}-${moment}${count > 1 ? `-${count}` : ''}`;
    try {
      writeNewFile(aside, content);
      sync(path.dirname(aside));
      return aside;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue;
      rmSync(aside, { force: true });
      throw error;
    }
  }
}

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

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function writeNewFile(file: string, content: Buffer, owner?: Stats): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    // Whatever the umask was.
    fchmodSync(descriptor, 0o600);
    if (owner) fchownSync(descriptor, owner.uid, owner.gid);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Whose a file is to stay when the administrator changes it. */
function ownerOf(file: string): Stats | undefined {
  return process.getuid?.() === 0 ? statsOf(file) : undefined;
}

/** Has a folder's entries outlive a loss of power, where folders can be synced. */
function sync(folder: string): void {
  try {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Windows cannot; the file itself is on the disk.
  }
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
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
