import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tools } from '../../src/tools/tools.ts';

const names = new Set(tools.flatMap(({ programs }) => programs));

/** Returns the directories of a PATH, but without the tools that `ci setup` offers, which a developer may have installed. */
export function withoutTools(folders: readonly string[]): string[] {
  return folders.map((folder) =>
    [...names].some((name) => existsSync(path.join(folder, name))) ? copyOf(folder) : folder,
  );
}

const copies = new Map<string, string>();

/** Returns a directory with links to all programs of another, except for the tools. */
function copyOf(folder: string): string {
  const known = copies.get(folder);
  if (known !== undefined) return known;
  const copy = mkdtempSync(path.join(tmpdir(), 'ci-path-'));
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  for (const name of readdirSync(folder)) {
    if (!names.has(name)) symlinkSync(path.join(folder, name), path.join(copy, name));
  }
  copies.set(folder, copy);
  return copy;
}
