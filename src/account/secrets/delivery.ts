import type { Context } from '../../context/context.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import { masked } from '../../domain/secrets.ts';
import { inWords } from '../../output/text.ts';
import { maskInLog } from '../../output/workflow-commands.ts';
import { openRefuge } from './undelivered.ts';

/** Something that holds secrets shown only once, and its way to where the user asked for it. */
export interface Delivery<Made> {
  /**
   * Makes it. Called once there is room for its secrets, whatever happens to stdout or a file meanwhile.
   *
   * @param hold - to be told each secret the moment it is known, so that it outlives this process
   */
  readonly make: (hold: Hold) => Promise<Made>;
  /** Puts it where the user asked. */
  readonly deliver: (made: Made) => Promise<void>;
}

/** Takes a secret down. */
export type Hold = (secret: string) => void;

/**
 * Makes something with secrets and delivers it. When it cannot be delivered, the secrets are kept in a file whose path is the
 * last line on stderr. If even that fails, they are lost, and the error says so: a secret is never printed to a terminal or log
 * that the user didn't ask for.
 *
 * @throws CommandError (file_error), `not_applied` when nothing could be proven writable, `applied` when the delivery failed
 */
export async function makeAndDeliver<Made>(context: Context, { make, deliver }: Delivery<Made>): Promise<Made> {
  await context.output.written().catch((error: unknown) => {
    throw new CommandError('file_error', `stdout cannot be written: ${messageOf(error)}`, {
      hint: 'Nothing was made.',
      outcome: 'not_applied',
      cause: error,
    });
  });
  const refuge = await openRefuge(context);
  const held: string[] = [];
  const hold = (secret: string) => {
    held.push(secret);
    try {
      refuge.add(secret);
    } catch {
      // If the secret has to be kept, writing it is tried again.
    }
  };
  const undelivered = (error: unknown) => {
    const failure = failureOf(context, error);
    try {
      context.result.keptSecrets = refuge.keep();
      return failure.with({ hint: 'The key was made; its secret is in the file named below.' });
    } catch (second) {
      return failure.with({ hint: lostHint(held, second) });
    }
  };
  let made: Made;
  try {
    made = await make(hold);
  } catch (error) {
    if (held.length > 0) throw undelivered(error);
    refuge.discard();
    throw error;
  }
  maskInLog(context.world, held);
  try {
    await deliver(made);
    if (held.length > 0) await context.output.written();
  } catch (error) {
    if (held.length > 0) throw undelivered(error);
    refuge.discard();
    throw error;
  }
  refuge.discard();
  return made;
}

function failureOf({ result: { lastChange } }: Pick<Context, 'result'>, error: unknown): CommandError {
  const failure =
    error instanceof CommandError
      ? error
      : new CommandError('file_error', `the result could not be written: ${messageOf(error)}`, { cause: error });
  // Of several keys the last may be in doubt.
  return failure.with({ outcome: lastChange === 'unknown' ? 'unknown' : 'applied', retryable: false });
}

/** Returns what to do about keys whose secrets are lost. */
function lostHint(secrets: readonly string[], error: unknown): string {
  const keys = inWords(secrets.map(masked));
  const lost =
    secrets.length === 1
      ? `The key ${keys} was created, but its secret is lost`
      : `The keys ${keys} were created, but their secrets are lost`;
  return `${lost}: no other file could be written (${messageOf(error)}). Look up the id with \`ci keys list\`, run \`ci keys delete <id>\`, and create a new key.`;
}
