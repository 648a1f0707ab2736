import { CommandError } from '../domain/errors.ts';
import type { Context } from './context.ts';

/** Something that holds secrets shown only once, and its way to where the user asked for it. */
export interface Delivery<Made> {
  /** Makes it. Called once there is room for its secrets, whatever happens to stdout or a file meanwhile. */
  readonly make: () => Promise<Made>;
  readonly secrets: (made: Made) => readonly string[];
  /** Puts it where the user asked. */
  readonly deliver: (made: Made) => Promise<void>;
}

/**
 * Makes something with secrets and delivers it. When it cannot be delivered, the secrets are kept in a file whose path is the last
 * line on stderr.
 *
 * @throws CommandError (file_error), `not_applied` when nothing could be proven writable, `applied` when the delivery failed
 */
export async function makeAndDeliver<Made>(
  context: Context,
  { make, secrets, deliver }: Delivery<Made>,
): Promise<Made> {
  await context.output.written().catch((error: unknown) => {
    throw new CommandError('file_error', `stdout cannot be written: ${reasonOf(error)}`, {
      hint: 'Nothing was made.',
      outcome: 'not_applied',
      cause: error,
    });
  });
  const refuge = await context.openRefuge();
  let made: Made;
  try {
    made = await make();
  } catch (error) {
    refuge.discard();
    throw error;
  }
  const all = secrets(made);
  if (all.length === 0) {
    refuge.discard();
    await deliver(made);
    return made;
  }
  context.maskInLog(all);
  try {
    await deliver(made);
    await context.output.written();
  } catch (error) {
    throw undelivered(error, () => {
      context.keptSecrets = refuge.keep(all);
    });
  }
  refuge.discard();
  return made;
}

function undelivered(error: unknown, keep: () => void): CommandError {
  const failure =
    error instanceof CommandError
      ? error
      : new CommandError('file_error', `the result could not be written: ${reasonOf(error)}`, { cause: error });
  try {
    keep();
    return failure.with({ outcome: 'applied', hint: 'The key was made; its secret is in the file named below.' });
  } catch (second) {
    return failure.with({
      outcome: 'applied',
      hint: `The key was made and its secret is lost, as it could not be kept either (${reasonOf(second)}): revoke it with \`ci keys delete\` and make another.`,
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
