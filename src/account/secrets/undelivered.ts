import type { Context } from '../../context/context.ts';
import { noRoomHint } from '../../context/record.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import type { FallbackFile } from '../../state/undelivered.ts';

/**
 * Opens a file for secrets that can't be delivered.
 *
 * @throws CommandError (file_error)
 */
export async function openFallbackFile({ record, world }: Pick<Context, 'record' | 'world'>): Promise<FallbackFile> {
  const { openFallbackFile } = await import('../../state/undelivered.ts');
  const { folder } = record;
  try {
    const lost =
      'A key was created, but its secret is lost: no file could be written. Run `ci keys list` to find the key, and `ci keys delete ID` to revoke it.';
    return openFallbackFile(folder, world.env, (file) => {
      world.stderr.write(`${file === undefined ? lost : `A key was created. Its secret is in ${file}.`}\n`);
    });
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandError('file_error', `Can't write to ${folder}: ${reason}`, {
      hint: noRoomHint,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** Points out secrets that weren't delivered because the process was killed or the delivery failed. */
export async function noteUndelivered({ record, output }: Pick<Context, 'record' | 'output'>): Promise<void> {
  const { undeliveredIn } = await import('../../state/undelivered.ts');
  for (const file of undeliveredIn(record.folder)) {
    output.note(`Undelivered secrets of API keys are in ${file}. Move them to where you need them.`);
  }
}
