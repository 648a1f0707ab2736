import { writeSync } from 'node:fs';
import { quickKey } from './key.ts';
import { parseSimple } from './words.ts';

/**
 * Prints the secret for `ci keys secret NAME`. Returns false, before anything was printed, if the whole program has to do it.
 *
 * @param args - the words after `secret`
 * @throws CommandError, or the error of the file system; the whole program then does it, and reports why it fails
 */
export function quickSecret(args: readonly string[]): boolean {
  const line = parseSimple(args, ['profile']);
  const [key, other] = line?.words ?? [];
  if (!line || key === undefined || other !== undefined) return false;
  const use = quickKey({ key }, line.options.profile);
  if (!use) return false;
  const bytes = Buffer.from(`${use.secret}\n`);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
  return true;
}
