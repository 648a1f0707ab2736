import type { Context } from '../../context/context.ts';
import { noRoomHint } from '../../context/record.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import type { Refuge } from '../../state/undelivered.ts';

/**
 * Opens room for secrets that may turn out to be undeliverable.
 *
 * @throws CommandError (file_error) when there is none
 */
export async function openRefuge({ record, world }: Pick<Context, 'record' | 'world'>): Promise<Refuge> {
  const { openRefuge } = await import('../../state/undelivered.ts');
  const { folder } = record;
  try {
    const lost =
      'A key was created, but its secret is lost: no file could be written. Find the key with `ci keys list`, and delete it with `ci keys delete <id>`.';
    return openRefuge(folder, world.env, (file) => world.stderr.write(`${file ?? lost}\n`));
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandError('file_error', `${folder} cannot be written: ${reason}`, {
      hint: noRoomHint,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** Points out secrets that were never delivered, by processes that were killed or by deliveries that failed. */
export async function noteUndelivered({ record, output }: Pick<Context, 'record' | 'output'>): Promise<void> {
  const { undeliveredIn } = await import('../../state/undelivered.ts');
  for (const file of undeliveredIn(record.folder)) {
    output.note(`A key's secret that was not delivered is in ${file}: move it where it belongs.`);
  }
}
