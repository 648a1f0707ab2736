import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** A file, a directory or a link of a folder. */
type Entry = { readonly stats: Stats } & (
  | { readonly kind: 'file'; readonly content: Buffer }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder'; readonly entries: Files }
);

/** What is in a folder, by name. */
export type Files = ReadonlyMap<string, Entry>;

/** Remembers everything in a folder. */
export function remembered(folder: string): Files {
  return new Map(readdirSync(folder).map((name) => [name, entryAt(path.join(folder, name))]));
}

function entryAt(file: string): Entry {
  const stats = lstatSync(file);
  if (stats.isDirectory()) return { stats, kind: 'folder', entries: remembered(file) };
  if (stats.isSymbolicLink()) return { stats, kind: 'link', target: readlinkSync(file) };
  if (stats.isFile()) return { stats, kind: 'file', content: readFileSync(file) };
  throw new Error(`${file} is neither a file nor a directory nor a link`);
}

/** Gives a folder what was in it, with the same permissions and times of change. */
export function putBack(folder: string, files: Files): void {
  for (const name of readdirSync(folder)) {
    const entry = files.get(name);
    const file = path.join(folder, name);
    if (entry === undefined || !isSame(entry, lstatSync(file))) rmSync(file, { recursive: true });
  }
  for (const [name, entry] of files) putEntry(path.join(folder, name), entry);
}

/** Whether what is there now needs nothing but perhaps other entries in it. Anything that changes a file changes its ctime. */
function isSame({ kind, stats }: Entry, now: Stats): boolean {
  if (kind === 'folder') return now.isDirectory();
  return now.ino === stats.ino && now.ctimeMs === stats.ctimeMs;
}

function putEntry(file: string, entry: Entry): void {
  const isThere = lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  if (isThere && entry.kind !== 'folder') return;
  if (entry.kind === 'link') {
    symlinkSync(entry.target, file);
    return;
  }
  if (entry.kind === 'file') writeFileSync(file, entry.content);
  else {
    if (!isThere) mkdirSync(file);
    putBack(file, entry.entries);
  }
  chmodSync(file, entry.stats.mode);
  utimesSync(file, entry.stats.atime, entry.stats.mtime);
}
