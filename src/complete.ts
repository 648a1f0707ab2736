import path from 'node:path';
import { complete as completeNames } from './completion/complete.ts';

/** Prints the names that a completion script asks for. */
export function complete(args: readonly string[]): Promise<void> {
  return completeNames(args, [path.join(import.meta.dirname, 'refresh.js')]);
}
