import { keyLabel } from '../../account/keys/find.ts';
import type { RotationRow } from '../../account/rotation/rotation-rows.ts';
import type { Key } from '../../api/keys.ts';
import type { BulkFlags } from '../../cli/bulk-options.ts';
import type { SaveOptions } from '../../cli/save-options.ts';
import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import type { RotationPlace } from '../../state/rotation.ts';
import type { SharedRotation } from '../../state/rotation-store.ts';

/** Returns the place that the options name; undefined if they name none. */
export function placeOf(
  context: Pick<Context, 'world'>,
  options: SaveOptions & Pick<BulkFlags, 'saveTo'>,
): RotationPlace | undefined {
  const { save, saveTo, store, to = [], var: variable, force } = options;
  if (save === undefined && saveTo === undefined && !store && to.length === 0) return undefined;
  return {
    ...(saveTo !== undefined && { saveTo }),
    ...(store && { store }),
    ...(save !== undefined && { save }),
    ...(to.length > 0 && { to: [...to] }),
    ...(variable !== undefined && { var: variable }),
    ...(force && { force }),
    cwd: workingDirectory(context.world) ?? '/',
  };
}

/** Returns the place that a row of a file names; undefined if it names none. */
export function placeOfRow(
  context: Pick<Context, 'world'>,
  { var: variable }: SaveOptions,
  row: Pick<RotationRow, 'to'> | undefined,
): RotationPlace | undefined {
  if (row?.to === undefined) return undefined;
  const cwd = workingDirectory(context.world) ?? '/';
  return { to: [row.to], ...(variable !== undefined && { var: variable }), cwd };
}

/** Returns the error for keys whose new secrets have no place. */
export function withoutPlace(keys: readonly Key[]): CommandError {
  const what = keys.length === 1 ? `The old secret isn't` : `The old secrets of ${keys.length} keys aren't`;
  return usageError(
    `${what} stored on this machine, so the new place has to be named`,
    'Pass --save FILE, --save-to FILE, --to DESTINATION or --store.',
  ).with({ lines: keys.length === 1 ? [] : keys.slice(0, 20).map(keyLabel) });
}

/** Refuses to put the secrets of several keys in a place for one. */
export function requireRoom(place: RotationPlace | undefined, count: number): void {
  const option = place?.save !== undefined ? '--save' : place?.to !== undefined ? '--to' : undefined;
  if (option === undefined || count < 2) return;
  throw usageError(
    `${option} takes the secret of one key, and ${count} keys would be rotated`,
    'Pass --store or --save-to FILE, or rotate one key at a time.',
  );
}

/** Returns the note about rotations that stay with other machines. */
export function keptNote(kept: readonly SharedRotation[]): string {
  const hosts = [...new Set(kept.flatMap(({ host }) => host ?? []))];
  const what =
    kept.length === 1 ? 'The rotation of 1 key stays' : `The rotations of ${counted(kept.length, 'key')} stay`;
  return `${what} with ${inWords(hosts, 'and')}, where the files for the new secrets are. Run \`ci keys rotate --resume\` there, or name a new place: \`ci keys rotate NAME --to DESTINATION\`.`;
}

/** Returns the error for one rotation that stays with another machine. */
export function keptElsewhere([first]: readonly SharedRotation[]): CommandError {
  const { name, id } = first?.rotation.old ?? { id: '' };
  return new CommandError(
    'unavailable',
    `Key ${name === undefined ? id : `"${name}"`} is being rotated by ${first?.host}, where the file for the new secret is`,
    {
      hint: 'Run `ci keys rotate --resume` there, or name a new place with --save, --to or --store.',
      outcome: 'not_applied',
    },
  );
}
