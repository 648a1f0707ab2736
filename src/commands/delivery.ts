import { CommandError, messageOf } from '../domain/errors.ts';
import type { Context } from './context.ts';

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
 * Makes something with secrets and delivers it. When it cannot be delivered, the secrets are kept in a file whose path is the last
 * line on stderr.
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
  const refuge = await context.openRefuge();
  const held: string[] = [];
  let unkept: unknown;
  const hold = (secret: string) => {
    held.push(secret);
    try {
      refuge.add(secret);
    } catch (error) {
      unkept ??= error;
    }
  };
  const keep = () => {
    if (unkept !== undefined) throw unkept;
    context.keptSecrets = refuge.keep();
  };
  let made: Made;
  try {
    made = await make(hold);
  } catch (error) {
    if (held.length > 0) throw undelivered(context, error, keep);
    refuge.discard();
    throw error;
  }
  context.maskInLog(held);
  try {
    await deliver(made);
    if (held.length > 0) await context.output.written();
  } catch (error) {
    if (held.length > 0) throw undelivered(context, error, keep);
    refuge.discard();
    throw error;
  }
  refuge.discard();
  return made;
}

function undelivered({ lastChange }: Context, error: unknown, keep: () => void): CommandError {
  const failure =
    error instanceof CommandError
      ? error
      : new CommandError('file_error', `the result could not be written: ${messageOf(error)}`, { cause: error });
  // Of several keys the last may be in doubt.
  const outcome = lastChange === 'unknown' ? 'unknown' : 'applied';
  try {
    keep();
    return failure.with({ outcome, hint: 'The key was made; its secret is in the file named below.' });
  } catch (second) {
    return failure.with({
      outcome,
      hint: `The key was made and its secret is lost, as it could not be kept either (${messageOf(second)}): revoke it with \`ci keys delete\` and make another.`,
    });
  }
}
