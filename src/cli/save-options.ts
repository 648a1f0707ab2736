import { Option } from 'commander';
import type { KeyOptions } from '../account/purchase/buy-with-keys.ts';
import type { Destination } from '../account/secrets/destination.ts';
import { type DotenvContext, DotenvFile, defaultVariable } from '../account/secrets/dotenv-file.ts';
import { usageError } from '../domain/errors.ts';
import { missingOption } from './options.ts';
import { namesOf, ValueOption } from './values.ts';

/** The options for where the secret of a new key goes, as typed. */
export interface SaveOptions {
  readonly save?: string;
  readonly var?: string;
  readonly force?: true;
}

/** What `--save` does where `--create-key` creates a key for each seat. */
export const saveSeats = 'With --create-key, write the secrets to this dotenv file instead of printing them';

/** Returns `--save FILE`. */
export function saveOption(description = 'Write the secret to this dotenv file instead of printing it'): Option {
  return new ValueOption('--save <file>', description, namesOf('files'));
}

/** Returns `--var NAME`. */
export function variableOption(): Option {
  return new Option('--var <name>', `With --save, the variable to set (default: ${defaultVariable})`);
}

/** Returns `--force`. */
export function forceOption(): Option {
  return new Option('--force', 'With --save, replace another value of the variable without asking');
}

/**
 * Returns the destination that the options choose; undefined if the secret is to be printed.
 *
 * @throws CommandError (usage) if they contradict each other, or a value isn't valid
 */
export async function destinationOf(
  context: DotenvContext,
  { save, var: variable, force }: SaveOptions,
): Promise<Destination | undefined> {
  if (variable !== undefined && save === undefined) throw missingOption('--var', '--save');
  if (force && save === undefined) throw missingOption('--force', '--save');
  if (save === undefined) return undefined;
  if (save.trim() === '') throw usageError('--save is empty', 'Pass the path of a dotenv file, such as --save .env.');
  if (variable !== undefined) {
    const { checkVariable } = await import('../output/dotenv.ts');
    checkVariable(variable);
  }
  return new DotenvFile(context, save, { variable, force });
}

/** The options for the key of each seat of a purchase, as typed. */
export interface CreateKeyOptions extends SaveOptions {
  readonly createKey?: string;
}

/** Returns `--create-key NAME`. */
export function createKeyOption(): Option {
  return new Option('--create-key <name>', 'Create an API key for each seat');
}

/** Returns the keys to create with a purchase. @throws CommandError (usage) if the options contradict each other */
export async function keyOptionsOf(
  context: DotenvContext,
  { createKey, ...saving }: CreateKeyOptions,
): Promise<KeyOptions> {
  if (createKey?.trim() === '') throw usageError('The key name is empty', 'Pass a name to --create-key.');
  if (saving.save !== undefined && createKey === undefined) throw missingOption('--save', '--create-key');
  const destination = await destinationOf(context, saving);
  return createKey === undefined ? {} : { createKey, destination };
}
