import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { codeOf } from '../domain/errors.ts';
import { draftOf, removeLeftovers } from './drafts.ts';
import { realPathOf, statsOf, syncFolder } from './folder.ts';

/** The permissions of a file. */
interface Permissions {
  /** As `chmod` takes it. */
  readonly mode: number;
  /** Whether the umask applies; by default it doesn't. */
  readonly umask?: boolean;
  /** The file to take the owner and group from; by default, this user and their group. */
  readonly owner?: Stats | undefined;
}

const ownerOnly: Permissions = { mode: 0o600 };

/**
 * The next content of a file, next to it under another name. Once it is complete, it replaces the file in one step, so that whatever
 * fails, and whenever the process is killed, the file is whole: either old or new. If it is never used, discard it.
 */
export class Draft {
  readonly #target: string;
  readonly #file: string;
  #handle: number | undefined;

  /**
   * Creates the draft, and removes drafts that killed processes left in the directory.
   *
   * @param target - the file to replace; if it is a link, the link is replaced
   * @throws the error of the file system
   */
  constructor(target: string, permissions = ownerOnly) {
    removeLeftovers(path.dirname(target));
    this.#target = target;
    this.#file = draftOf(target);
    this.#handle = openNew(this.#file, permissions);
  }

  /** Fills the draft, so that there is room for a content of this size, in bytes. @throws the error of the file system */
  reserve(size: number): void {
    this.#orDiscard((handle) => {
      overwrite(handle, Buffer.alloc(size));
      fsyncSync(handle);
    });
  }

  /** Checks that the draft is still in its directory, because otherwise whatever is written to it is lost. @throws Error if it isn't */
  requireInPlace(): void {
    this.#orDiscard((handle) => {
      const open = fstatSync(handle, { bigint: true });
      const there = entryAt(this.#file);
      if (there?.ino === open.ino && there.dev === open.dev) return;
      const folder = entryAt(path.dirname(this.#file));
      throw new Error(`${folder ? 'the temporary file next to it' : 'its directory'} was removed in the meantime`);
    });
  }

  /**
   * Writes the content and replaces the file.
   *
   * @param sync - whether the content has to survive a power failure
   * @throws the error of the file system; the file is then unchanged, and the draft is removed
   */
  replace(content: string | Buffer, { sync = true }: { readonly sync?: boolean } = {}): void {
    this.#orDiscard((handle) => {
      fill(handle, content);
      if (sync) fsyncSync(handle);
      this.#close();
      renameSync(this.#file, this.#target);
    });
    if (sync) syncEntries(this.#target);
  }

  /**
   * Writes the content and creates the file, unless it exists. A process that is killed may leave the draft as a second link to the
   * file, which {@link removeLeftovers} removes. In a file system without hard links (FAT), it may leave a part of the file.
   *
   * @throws the error of the file system, which is EEXIST if the file exists, even as a link to nowhere; the draft is then removed
   */
  create(content: string | Buffer): void {
    this.#orDiscard((handle) => {
      fill(handle, content);
      fsyncSync(handle);
      this.#close();
      linkOrCopy(this.#file, this.#target);
    });
    try {
      this.discard();
    } catch {
      // The file is complete, and the draft only another link to it.
    }
    syncEntries(this.#target);
  }

  /** Removes the draft, unless it replaced the file. */
  discard(): void {
    this.#close();
    rmSync(this.#file, { force: true });
  }

  #orDiscard(work: (handle: number) => void): void {
    try {
      if (this.#handle === undefined) throw new Error('the draft was used or discarded');
      work(this.#handle);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  #close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }
}

/**
 * Replaces a file of the user's as a whole. A link stays a link. If root does it, the file keeps its owner.
 *
 * @param mode - the permissions; by default those that the file has, and for a new file 0644 less the umask
 * @throws the error of the file system; the file is then as it was
 */
export function replaceFile(file: string, content: string, { mode }: { readonly mode?: number } = {}): void {
  const target = realPathOf(file);
  const before = statsOf(target, statSync);
  const owner = process.getuid?.() === 0 ? before : undefined;
  const kept = mode ?? before?.mode;
  const permissions = kept === undefined ? { mode: 0o644, umask: true } : { mode: kept, owner };
  new Draft(target, permissions).replace(content);
}

/**
 * Checks that a file of the user's can be replaced as a whole; its directory may be missing.
 *
 * @param size - of the new content, in bytes
 * @throws the error of the file system
 */
export function checkReplaceable(file: string, size: number): void {
  const target = realPathOf(file);
  let folder = path.dirname(target);
  while (!statsOf(folder, statSync) && folder !== path.dirname(folder)) folder = path.dirname(folder);
  const draft = new Draft(path.join(folder, path.basename(target)));
  draft.reserve(size);
  draft.discard();
}

/**
 * Keeps a content in a new file next to another, named after the time. Only its owner can read it.
 *
 * @param why - follows the name of the other file: `damaged`
 * @returns the new file
 * @throws the error of the file system
 */
export function keepAside(file: string, content: Buffer, why: string, now: Date): string {
  const moment = now.toISOString().replace(/[-:]|\.\d+/g, '');
  for (let count = 1; ; count++) {
    const aside = `${file}.${why}-${moment}${count > 1 ? `-${count}` : ''}`;
    let handle: number;
    try {
      handle = openNew(aside, ownerOnly);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue;
      throw error;
    }
    try {
      overwrite(handle, content);
      fsyncSync(handle);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    } finally {
      closeSync(handle);
    }
    syncEntries(aside);
    return aside;
  }
}

function openNew(file: string, { mode, umask = false, owner }: Permissions): number {
  const handle = openSync(file, 'wx', mode);
  try {
    if (owner) fchownSync(handle, owner.uid, owner.gid);
    if (!umask) fchmodSync(handle, mode & 0o7777);
    return handle;
  } catch (error) {
    closeSync(handle);
    rmSync(file, { force: true });
    throw error;
  }
}

/** Gives a file a second name, or copies it where hard links don't work. @throws EEXIST if something has that name */
function linkOrCopy(file: string, other: string): void {
  try {
    linkSync(file, other);
  } catch (error) {
    // Linux, macOS and Windows report different ones.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) throw error;
    copyFileSync(file, other, constants.COPYFILE_EXCL);
    const copy = openSync(other, 'r+');
    try {
      fsyncSync(copy);
    } catch (failure) {
      rmSync(other, { force: true });
      throw failure;
    } finally {
      closeSync(copy);
    }
  }
}

/** Makes this the whole content of a file. */
function fill(handle: number, content: string | Buffer): void {
  const bytes = Buffer.from(content);
  overwrite(handle, bytes);
  ftruncateSync(handle, bytes.length);
}

/** Writes from the beginning of a file. */
function overwrite(handle: number, content: Buffer): void {
  for (let at = 0; at < content.length; ) at += writeSync(handle, content, at, content.length - at, at);
}

/** Syncs the directory of a file that is in place and complete: if that fails, only a power failure could undo it. */
function syncEntries(file: string): void {
  try {
    syncFolder(path.dirname(file));
  } catch {
    // Some network file systems can't sync directories.
  }
}

function entryAt(file: string) {
  try {
    return lstatSync(file, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
