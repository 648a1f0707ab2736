import { lstatSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../domain/environment.ts';
import { makeFolder, namesIn, refuseForeignFolder, statsOf } from './folder.ts';
import { withOwnFile } from './own-file.ts';
import { Draft } from './replace-file.ts';

/** The environment variable that chooses the cache directory. */
const cacheVariable = 'XDG_CACHE_HOME';

/**
 * Writes a file atomically, readable only by its owner. Doesn't sync it, so use it only for data that may be lost.
 *
 * @throws CommandError (file_error) if other users can write to the directory; as {@link makeFolder}
 */
export function writeCacheFile(file: string, content: string | Buffer, env: Environment): void {
  const folder = path.dirname(file);
  refuseForeignFolder(folder, cacheVariable);
  makeFolder(folder, env);
  removeOldDrafts(folder);
  new Draft(file).replace(content, { sync: false });
}

/** Reads a file of {@link writeCacheFile}. @throws CommandError (file_error) if other users can write to it; file system errors */
export function readCacheFile(file: string): string {
  return readCacheBytes(file).toString('utf8');
}

/** Reads a file as bytes. @throws as {@link readCacheFile} */
export function readCacheBytes(file: string): Buffer {
  refuseForeignFolder(path.dirname(file), cacheVariable);
  return withOwnFile(file, 'r', (handle) => readFileSync(handle));
}

/** Matches drafts of earlier versions. Their process may be in another container, so they are removed once they are a day old. */
const oldDraft = /^(?:update|usage-[0-9a-f]{16}|completion-[a-z]+-[0-9a-f]{16})\.json\.\d+$/;
const day = 24 * 3_600_000;

function removeOldDrafts(folder: string): void {
  for (const name of namesIn(folder)) {
    const file = path.join(folder, name);
    const stats = oldDraft.test(name) ? statsOf(file, lstatSync) : undefined;
    if (stats && Date.now() - stats.mtimeMs > day) rmSync(file, { force: true });
  }
}
