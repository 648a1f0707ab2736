import type { KeyContext } from '../../account/keys/create.ts';
import { keyLabel } from '../../account/keys/find.ts';
import { worldOf } from '../../account/rotation/replace.ts';
import type { Rotation, RotationPlace } from '../../account/rotation/rotation.ts';
import { StoredReplacement } from '../../account/rotation/stored-replacement.ts';
import type { Destination } from '../../account/secrets/destination.ts';
import { SeveralDestinations } from '../../account/secrets/several-destinations.ts';
import { keyStoreOf } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import { destinationOf, type SaveOptions } from '../../cli/save-options.ts';
import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { type CommandError, usageError } from '../../domain/errors.ts';

/** Returns where the secret of a new key goes. */
export async function rotationDestination(
  context: KeyContext,
  { old, place, stale }: Pick<Rotation, 'place' | 'stale'> & { readonly old: Pick<Key, 'id' | 'name' | 'apiKey'> },
  force: boolean,
): Promise<Destination> {
  const { clocks, connections, output, profiles, prompts, settings } = context;
  const here = {
    clocks,
    connections,
    output,
    profiles,
    prompts,
    settings,
    ...worldOf(context, { place }),
  };
  const variable = place.var === undefined ? {} : { var: place.var };
  const { save, to = [] } = place;
  const isForced = place.force || force;
  const all = [
    place.store && new StoredReplacement(await keyStoreOf(context), old, stale),
    save !== undefined && (await destinationOf(here, { save, ...variable, ...(isForced && { force: true }) })),
    // What such a place has can't be read. It is taken to be the old secret.
    to.length > 0 && (await destinationOf(here, { to, ...variable, force: true })),
  ].flatMap((each) => each || []);
  const [only] = all;
  return only && all.length === 1 ? only : new SeveralDestinations(all);
}

/** Returns the place that the options name; undefined if they name none. */
export function placeOf(context: Pick<Context, 'world'>, options: SaveOptions): RotationPlace | undefined {
  const { save, store, to = [], var: variable, force } = options;
  if (save === undefined && !store && to.length === 0) return undefined;
  return {
    ...(store && { store }),
    ...(save !== undefined && { save }),
    ...(to.length > 0 && { to: [...to] }),
    ...(variable !== undefined && { var: variable }),
    ...(force && { force }),
    cwd: workingDirectory(context.world) ?? '/',
  };
}

/** Returns the error for keys whose new secrets have no place. */
export function withoutPlace(keys: readonly Key[]): CommandError {
  const what = keys.length === 1 ? `The old secret isn't` : `The old secrets of ${keys.length} keys aren't`;
  return usageError(
    `${what} stored on this machine, so the new place has to be named`,
    'Pass --save FILE, --to DESTINATION or --store.',
  ).with({ lines: keys.length === 1 ? [] : keys.slice(0, 20).map(keyLabel) });
}

/** Refuses to put the secrets of several keys in a place for one. */
export function requireRoom(place: RotationPlace | undefined, count: number): void {
  const option = place?.save !== undefined ? '--save' : place?.to !== undefined ? '--to' : undefined;
  if (option === undefined || count < 2) return;
  throw usageError(
    `${option} takes the secret of one key, and ${count} keys would be rotated`,
    'Pass --store, or rotate one key at a time.',
  );
}
