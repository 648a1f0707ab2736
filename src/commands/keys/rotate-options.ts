import { parseProgram } from '../../account/rotation/prove.ts';
import type { BulkFlags } from '../../cli/bulk-options.ts';
import { refuseSecret } from '../../cli/key-name.ts';
import { missingOption } from '../../cli/options.ts';
import type { SaveOptions } from '../../cli/save-options.ts';
import { parseDuration } from '../../domain/duration.ts';
import { usageError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import type { Rotation } from '../../state/rotation.ts';

/** The options of `ci keys rotate`, as typed. */
export interface RotateFlags extends SaveOptions, BulkFlags {
  readonly pool?: string;
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly resume?: true;
  /** The program that proves a key. */
  readonly prove?: string;
  /** Milliseconds, or the program that ends the overlap. */
  readonly overlap?: Rotation['overlap'];
  readonly allowGap?: true;
  /** Milliseconds. */
  readonly settle?: number;
}

/** Which keys `ci keys rotate` replaces, and how. */
export interface RotateOptions extends RotateFlags {
  /** IDs, beginnings of IDs, or names. */
  readonly keys: readonly string[];
}

/** Parses the value of `--overlap`: milliseconds, or the program that ends the overlap. @throws CommandError (usage) */
export function parseOverlap(text: string): Rotation['overlap'] {
  if (text.startsWith('command:')) return parseProgram(text, '--overlap', 'a duration such as 1h');
  return parseDuration(text, '--overlap');
}

/** Refuses options that contradict each other, before anything is sent. @throws CommandError (usage) */
export function checkOptions(options: RotateOptions): void {
  const { from, keys, pool, olderThan, resume, save, saveTo, to = [], store, var: variable, force } = options;
  if (keys.some((each) => each.trim() === ''))
    throw usageError('A key name is empty', 'Run `ci keys list` to see your keys.');
  for (const each of keys) refuseSecret(each);
  if (keys.length > 0 && pool !== undefined) throw usageError("Keys and --pool can't be combined", 'Pass one of them.');
  const chosen = keys.length > 0 ? 'keys' : pool !== undefined ? '--pool' : undefined;
  if (from !== undefined && chosen !== undefined)
    throw usageError(`--from and ${chosen} can't be combined`, 'Pass one of them.');
  if (saveTo?.trim() === '')
    throw usageError('--save-to is empty', 'Pass the path of a file, such as --save-to secrets.ndjson.');
  if (variable !== undefined && save === undefined && to.length === 0) throw missingOption('--var', '--save or --to');
  if (force && save === undefined) throw missingOption('--force', '--save');
  const printed = to.find((each) => each.startsWith('kubernetes-manifest'));
  if (printed !== undefined) {
    throw usageError(
      `"${printed}" prints the secret, which doesn't deliver it`,
      'Pass --to kubernetes:NAMESPACE/NAME instead.',
    );
  }
  if (!resume) return;
  const others = [
    ...(keys.length > 0 ? ['key names'] : []),
    ...(pool !== undefined ? ['--pool'] : []),
    ...(olderThan !== undefined ? ['--older-than'] : []),
    ...(from !== undefined ? ['--from'] : []),
    ...(store || save !== undefined || saveTo !== undefined || to.length > 0 ? ['a new place'] : []),
    ...(options.prove !== undefined ? ['--prove'] : []),
    ...(options.overlap !== undefined ? ['--overlap'] : []),
    ...(options.allowGap ? ['--allow-gap'] : []),
  ];
  if (others.length > 0) {
    throw usageError(
      `--resume can't be combined with ${inWords(others)}`,
      'It continues each rotation as it was begun. To change one, run `ci keys rotate NAME` with the new options.',
    );
  }
}
