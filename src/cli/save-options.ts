import { Option } from 'commander';
import type { KeyOptions } from '../account/purchase/buy-with-keys.ts';
import type { Destination } from '../account/secrets/destination.ts';
import { type DotenvContext, DotenvFile, defaultVariable } from '../account/secrets/dotenv-file.ts';
import { type KeyStoreContext, LocalKeyStore } from '../account/secrets/key-store.ts';
import { usageError } from '../domain/errors.ts';
import { refuseSecret } from './key-name.ts';
import { missingOption } from './options.ts';
import { namesOf, ValueOption } from './values.ts';

/** The options for where the secret of a new key goes, as typed. */
export interface SaveOptions {
  readonly save?: string;
  /** Absent for a command without `--to`. */
  readonly to?: readonly string[];
  readonly var?: string;
  readonly force?: true;
  readonly store?: true;
}

/** The parts of the context that the destinations of these options use. */
export type DestinationContext = DotenvContext & KeyStoreContext;

/** What `--save` does where `--create-key` creates a key for each seat. */
export const saveSeats = 'With --create-key, write the secrets to this dotenv file';

/** What `--store` does where `--create-key` creates a key for each seat. */
export const storeSeats = 'With --create-key, keep the secrets on this machine for `ci run` and `ci env` (default)';

/** Returns `--store`. */
export function storeOption(description = 'Keep the secret on this machine, for `ci run` and `ci env`'): Option {
  return new Option('--store', description);
}

/** Returns `--save FILE`. */
export function saveOption(description = 'Write the secret to this dotenv file instead of printing it'): Option {
  return new ValueOption('--save <file>', description, namesOf('files'));
}

/** Returns `--to DESTINATION`, which can be repeated. */
export function toOption(): Option {
  return new Option('--to <destination>', 'Send the secret to a destination, such as github:acme/api')
    .argParser((text: string, before: readonly string[]) => [...before, text])
    .default([]);
}

/** Returns `--var NAME`. @param needed - the options that it goes with */
export function variableOption(needed = '--save'): Option {
  return new Option('--var <name>', `With ${needed}, the variable to set (default: ${defaultVariable})`);
}

/** Returns `--force`. @param needed - the options that it goes with */
export function forceOption(needed = '--save'): Option {
  return new Option('--force', `With ${needed}, replace another value of the variable without asking`);
}

/**
 * Returns the destination that the options choose; undefined if the secret is to be printed.
 *
 * @throws CommandError (usage) if they contradict each other, or a value isn't valid
 */
export async function destinationOf(
  context: DestinationContext,
  { save, to, var: variable, force, store }: SaveOptions,
): Promise<Destination | undefined> {
  const isNamed = save !== undefined || (to !== undefined && to.length > 0);
  const needed = to ? '--save or --to' : '--save';
  if (variable !== undefined && !isNamed) throw missingOption('--var', needed);
  if (force && !isNamed) throw missingOption('--force', needed);
  if (save?.trim() === '') throw usageError('--save is empty', 'Pass the path of a dotenv file, such as --save .env.');
  if (variable !== undefined) {
    const { checkVariable } = await import('../output/dotenv.ts');
    checkVariable(variable);
  }
  const options = { variable, force };
  const places = [
    ...(store ? [new LocalKeyStore(context)] : []),
    ...(save === undefined ? [] : [new DotenvFile(context, save, options)]),
  ];
  if (places.length < 2 && !to?.length) return places[0];
  const { destinationsOf } = await import('../account/secrets/parse-destination.ts');
  return destinationsOf(context, places, to ?? [], options);
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
  context: DestinationContext,
  { createKey, ...saving }: CreateKeyOptions,
): Promise<KeyOptions> {
  if (createKey?.trim() === '') throw usageError('The key name is empty', 'Pass a name to --create-key.');
  refuseSecret(createKey);
  const needsKey = saving.save !== undefined ? '--save' : saving.store ? '--store' : undefined;
  if (needsKey && createKey === undefined) throw missingOption(needsKey, '--create-key');
  const destination = await destinationOf(context, saving);
  if (createKey === undefined) return {};
  return { createKey, destination: destination ?? new LocalKeyStore(context, { isDefault: true }) };
}
