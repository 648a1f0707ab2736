import { Option } from 'commander';
import type { KeyOptions } from '../account/purchase/buy-with-keys.ts';
import type { Destination } from '../account/secrets/destination.ts';
import { type DotenvContext, DotenvFile, defaultVariable } from '../account/secrets/dotenv-file.ts';
import { usageError } from '../domain/errors.ts';
import { namesOf, ValueOption } from './values.ts';

/** Where the secret of a new key goes, as typed. */
export interface SaveOptions {
  readonly save?: string;
  readonly var?: string;
  readonly force?: true;
}

/** `--save FILE`. */
export function saveOption(): Option {
  return new ValueOption(
    '--save <file>',
    'write the secret to this dotenv file, and print it nowhere',
    namesOf('files'),
  );
}

/** `--var NAME`. */
export function variableOption(): Option {
  return new Option('--var <name>', `with --save: the variable (default: ${defaultVariable})`);
}

/** `--force`. */
export function forceOption(): Option {
  return new Option('--force', 'with --save: replace another value of the variable without asking');
}

/**
 * Returns the destination that the options choose; undefined if the secret is to be printed.
 *
 * @throws CommandError (usage) if they choose none that there can be
 */
export async function destinationOf(
  context: DotenvContext,
  { save, var: variable, force }: SaveOptions,
): Promise<Destination | undefined> {
  if (variable !== undefined && save === undefined) throw usageError('--var goes with --save');
  if (force && save === undefined) throw usageError('--force goes with --save');
  if (save === undefined) return undefined;
  if (save.trim() === '') throw usageError('--save is empty', 'Name a dotenv file: --save .env');
  if (variable !== undefined) {
    const { checkVariable } = await import('../output/dotenv.ts');
    checkVariable(variable);
  }
  return new DotenvFile(context, save, { variable, force });
}

/** The key for each seat of a purchase, as typed. */
export interface CreateKeyOptions extends SaveOptions {
  readonly createKey?: string;
}

/** `--create-key NAME`. */
export function createKeyOption(): Option {
  return new Option('--create-key <name>', 'create an API key for each seat');
}

/** Returns the keys to create with a purchase. @throws CommandError (usage) if the options contradict each other */
export async function keyOptionsOf(
  context: DotenvContext,
  { createKey, ...saving }: CreateKeyOptions,
): Promise<KeyOptions> {
  if (createKey?.trim() === '') throw usageError('the name of the key is empty');
  if (saving.save !== undefined && createKey === undefined) throw usageError('--save goes with --create-key');
  const destination = await destinationOf(context, saving);
  return createKey === undefined ? {} : { createKey, destination };
}
