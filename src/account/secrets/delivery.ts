import type { Context } from '../../context/context.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import { inWords } from '../../output/text.ts';
import { maskInLog } from '../../output/workflow-commands.ts';
import type { FallbackFile } from '../../state/undelivered.ts';
import { type Description, type Destination, type NewKey, savedText } from './destination.ts';
import { openFallbackFile } from './undelivered.ts';

/** The parts of the context that a delivery uses. */
export type DeliveryContext = Pick<Context, 'output' | 'record' | 'result' | 'world'>;

/** Stores a key as soon as its secret is known, so that the secret survives this process. */
export type KeepKey = (key: NewKey) => void;

/** What to create, and where the secrets of its keys go. */
export interface Delivery<Result> {
  /** Where the secrets go; default: into the result that is printed. */
  readonly destination?: Destination | undefined;
  /** The maximum number of keys; default: 1. */
  readonly count?: number;
  /** Creates it. Called once the secrets can be stored, even if the destination fails in the meantime. */
  readonly create: (keep: KeepKey) => Promise<Result>;
  /**
   * Prints the result.
   *
   * @param saved - where the secrets are, so that the result masks them; undefined if the result shows them
   */
  readonly print: (result: Result, saved: Description | undefined) => Promise<void>;
}

/**
 * Creates something with secrets, delivers them, and prints the result. Secrets that can't be delivered are stored in a file, which the
 * error names. If that fails too, they are lost, and the error says so: a secret is never printed to a terminal or log that the user
 * didn't ask for.
 *
 * @throws CommandError (file_error): `not_applied` if something can't be written before anything is created, `applied` if the delivery
 *   failed
 */
export async function createAndDeliver<Result>(
  context: DeliveryContext,
  { destination, count = 1, create, print }: Delivery<Result>,
): Promise<Result> {
  const reservation = await destination?.prove({ count });
  try {
    await requireStdout(context);
    const fallback = await openFallbackFile(context);
    const keys: NewKey[] = [];
    const keep = (key: NewKey) => {
      keys.push(key);
      try {
        fallback.add(key.apiKey);
      } catch {
        // If the secret has to be kept, the write is retried.
      }
    };
    let result: Result;
    let saved: Description | undefined;
    try {
      result = await create(keep);
      saved = await write(context, destination, keys);
      if (!saved) {
        await print(result, undefined);
        if (keys.length > 0) await context.output.written();
      }
    } catch (error) {
      if (keys.length > 0) throw keptFailure(context, fallback, keys, error);
      fallback.discard();
      throw error;
    }
    fallback.discard();
    if (saved) await printSaved(context, destination, saved, () => print(result, saved));
    return result;
  } finally {
    await reservation?.release();
  }
}

/** Delivers the secret of a key that existed before, and prints the result. Stores no copy, because the API shows the secret again. */
export async function deliverExisting<Existing extends NewKey>(
  context: Pick<Context, 'output' | 'world'>,
  destination: Destination | undefined,
  key: Existing,
  print: Delivery<Existing>['print'],
): Promise<void> {
  const reservation = await destination?.prove({ count: 1, existing: [key] });
  try {
    const saved = await write(context, destination, [key]);
    if (saved) await printSaved(context, destination, saved, () => print(key, saved));
    else await print(key, undefined);
  } finally {
    await reservation?.release();
  }
}

/** Writes the secrets. @returns where they are; undefined if they still have to be printed, or there are none */
async function write(
  { world }: Pick<Context, 'world'>,
  destination: Destination | undefined,
  keys: readonly NewKey[],
): Promise<Description | undefined> {
  maskInLog(
    world,
    keys.map(({ apiKey }) => apiKey),
  );
  if (keys.length === 0) return undefined;
  await destination?.write(keys);
  return destination?.describe(keys.length);
}

/** Prints a result whose secrets are saved. If that fails, the error says where they are. */
async function printSaved(
  { output }: Pick<Context, 'output'>,
  destination: Destination | undefined,
  saved: Description,
  print: () => Promise<void>,
): Promise<void> {
  const warning = await destination?.warning?.();
  if (warning !== undefined) output.note(warning);
  try {
    await print();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw error.with({ hint: [error.hint, savedText(saved)].filter(Boolean).join(' ') });
  }
}

/** Checks stdout, which gets the result wherever the secrets go. @throws CommandError (file_error) */
async function requireStdout({ output }: Pick<Context, 'output'>): Promise<void> {
  await output.written().catch((error: unknown) => {
    throw new CommandError('file_error', `Can't write to standard output: ${messageOf(error)}`, {
      hint: 'Nothing was created.',
      outcome: 'not_applied',
      cause: error,
    });
  });
}

/** Stores secrets that couldn't be delivered. @returns the error, which says where they are */
function keptFailure(
  { result }: Pick<Context, 'result'>,
  fallback: FallbackFile,
  keys: readonly NewKey[],
  error: unknown,
): CommandError {
  const failure =
    error instanceof CommandError
      ? error
      : new CommandError('file_error', `Can't write the result: ${messageOf(error)}`, { cause: error });
  // Whether the last of several keys was created may be unknown.
  const outcome = result.lastChange === 'unknown' ? 'unknown' : 'applied';
  let hint: string;
  try {
    const file = fallback.keep();
    hint =
      keys.length === 1
        ? `The key was created. Its secret is in ${file}.`
        : `The keys were created. Their secrets are in ${file}.`;
  } catch (second) {
    hint = lostHint(keys, second);
  }
  return failure.with({ outcome, retryable: false, hint });
}

/** Returns what to do about keys with lost secrets. */
function lostHint(keys: readonly NewKey[], error: unknown): string {
  const shown = inWords(keys.map(({ apiKey }) => masked(apiKey)));
  const [lost, advice] =
    keys.length === 1
      ? [
          `The key ${shown} was created, but its secret is lost`,
          'to find the ID and `ci keys delete ID` to revoke the key, then create another',
        ]
      : [
          `The keys ${shown} were created, but their secrets are lost`,
          'to find the IDs and `ci keys delete ID…` to revoke the keys, then create others',
        ];
  return `${lost}: no other file could be written (${messageOf(error)}). Run \`ci keys list\` ${advice}.`;
}
