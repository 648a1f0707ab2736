import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import embedded from 'embedded-keyring.node';
import { CommandError, firstLineOf } from '../domain/errors.ts';
import { readCacheBytes, writeCacheFile } from '../state/cache-file.ts';
import { cacheFolder } from './folders.ts';

/**
 * Loads the native binding of the system keychain, which a standalone binary contains. The system loads a binding only from a file, so
 * it is copied to the cache directory.
 *
 * @throws CommandError (keychain_error) if it can't be loaded; (file_error) if other users can write to the cache directory
 */
export function keyring(): typeof import('@napi-rs/keyring') {
  const bytes = readFileSync(embedded);
  const file = path.join(cacheFolder(process.env), path.basename(embedded));
  try {
    if (!isCopy(file, bytes)) writeCacheFile(file, bytes, process.env);
    return createRequire(import.meta.url)(file);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError('keychain_error', `The system keychain can't be used: ${firstLineOf(error)}`, {
      hint: `It needs the file ${file}.`,
      cause: error,
    });
  }
}

function isCopy(file: string, bytes: Buffer): boolean {
  try {
    return readCacheBytes(file).equals(bytes);
  } catch {
    return false;
  }
}
