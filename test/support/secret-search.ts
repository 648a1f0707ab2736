import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Returns the files below a directory that contain a text, relative to it. */
export function filesWith(text: string, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => contentOf(file).includes(text))
    .map((file) => path.relative(folder, file));
}

/** Returns the ids of the processes that have a text in their arguments or their environment, except this one. */
export function processesWith(text: string, what: 'cmdline' | 'environ'): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => contentOf(`/proc/${pid}/${what}`).includes(text))
    .map(Number);
}

/** Returns the content of a file; empty if it can't be read, as that of a process that has ended. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
