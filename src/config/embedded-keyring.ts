import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import embedded from 'embedded-keyring.node';
import { readCacheBytes, writeCacheFile } from '../state/cache-file.ts';
import { cacheFolder } from './folders.ts';

/**
 * Loads the native binding of the system keychain in a standalone binary, which contains it. The system loads it only from a file, so
 * it is copied to the cache directory.
 *
 * @throws CommandError (file_error) if it can't be written, or other users can write to it
 */
export function keyring(): typeof import('@napi-rs/keyring') {
  const bytes = readFileSync(embedded);
  const file = path.join(cacheFolder(process.env), path.basename(embedded));
  if (!isCopy(file, bytes)) writeCacheFile(file, bytes, process.env);
  return createRequire(import.meta.url)(file);
}

function isCopy(file: string, bytes: Buffer): boolean {
  try {
    return readCacheBytes(file).equals(bytes);
  } catch {
    return false;
  }
}
