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
    const fallback = openFallbackFile(folder, world.env, (file) => {
      world.stderr.write(`${file === undefined ? lost : `A key was created. Its secret is in ${file}.`}\n`);
    });
    const keep = () => {
      const file = fallback.keep();
      record.keepsUndelivered(file);
      return file;
    };
    return { ...fallback, keep };
  } catch (error) {
    const reason = messageOf(error);
    throw new CommandError('file_error', `Can't write to ${folder}: ${reason}`, {
      hint: noRoomHint,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/**
 * Points out secrets that weren't delivered because the process was killed or the delivery failed. Tells the machines that share a state
 * database about new ones, and points out those of other machines once.
 */
export async function noteUndelivered({
  record,
  output,
  world,
}: Pick<Context, 'record' | 'output' | 'world'>): Promise<void> {
  const { undeliveredIn, markNoted } = await import('../../state/undelivered.ts');
  const files = undeliveredIn(record.folder);
  for (const file of files) {
    output.note(`Undelivered secrets of API keys are in ${file}. Move them to where you need them.`);
  }
  if (!record.isShared) return;
  const others = await record.shareUndelivered(files);
  const places = new Map(others.map(({ host, user, file }) => [`${user}@${host}:${file}`, { host, file }]));
  for (const place of markNoted(record.folder, world.env, [...places.keys()])) {
    const { host = '', file = '' } = places.get(place) ?? {};
    output.note(
      `Undelivered secrets of API keys are on ${host}, in ${file}. Move them from there to where you need them.`,
    );
  }
}
