import { existsSync } from 'node:fs';
import { SecretsFile } from '../../account/bulk/secrets-file.ts';
import { SecretsFileDestination } from '../../account/bulk/secrets-file-destination.ts';
import type { KeyContext } from '../../account/keys/create.ts';
import { keyLabel } from '../../account/keys/find.ts';
import { worldOf } from '../../account/rotation/replace.ts';
import type { Rotation, RotationPlace } from '../../account/rotation/rotation.ts';
import type { RotationRow } from '../../account/rotation/rotation-rows.ts';
import { StoredReplacement } from '../../account/rotation/stored-replacement.ts';
import type { Destination } from '../../account/secrets/destination.ts';
import { SeveralDestinations } from '../../account/secrets/several-destinations.ts';
import { keyStoreOf } from '../../account/stored-keys/store.ts';
import type { Key } from '../../api/keys.ts';
import type { BulkFlags } from '../../cli/bulk-options.ts';
import { destinationOf, type SaveOptions } from '../../cli/save-options.ts';
import { resolved, workingDirectory } from '../../config/folders.ts';
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
  const { save, saveTo, to = [] } = place;
  const isForced = place.force || force;
  const all = [
    place.store && new StoredReplacement(await keyStoreOf(context), old, stale),
    save !== undefined && (await destinationOf(here, { save, ...variable, ...(isForced && { force: true }) })),
    saveTo !== undefined && new SecretsFileDestination(resolved(saveTo, here.world), () => secretsFile(context, place)),
    // What such a place has can't be read. It is taken to be the old secret.
    to.length > 0 && (await destinationOf(here, { to, ...variable, force: true })),
  ].flatMap((each) => each || []);
  const [only] = all;
  return only && all.length === 1 ? only : new SeveralDestinations(all);
}

/** The files for the secrets of many keys, by their absolute paths. Each is opened once. */
const secretsFiles = new WeakMap<Context['connections'], Map<string, Promise<SecretsFile>>>();

/** Returns the file for the secrets of many keys. It is closed at the end of the command. @throws CommandError */
async function secretsFile(
  context: Pick<Context, 'connections' | 'world'>,
  place: RotationPlace,
): Promise<SecretsFile> {
  const { world } = worldOf(context, { place });
  const { saveTo = '' } = place;
  const files = secretsFiles.get(context.connections) ?? new Map<string, Promise<SecretsFile>>();
  secretsFiles.set(context.connections, files);
  const path = resolved(saveTo, world);
  const opened = files.get(path) ?? SecretsFile.open(world, saveTo);
  if (!files.has(path)) {
    files.set(path, opened);
    const file = await opened;
    context.connections.closeAtEnd({ close: async () => file.close() });
  }
  return opened;
}

/** Returns the secret of a key that the file for the secrets of many keys has. @throws CommandError */
export async function savedSecret(
  context: Pick<Context, 'connections' | 'world'>,
  place: RotationPlace,
  id: string,
): Promise<string | undefined> {
  const { saveTo } = place;
  if (saveTo === undefined || !existsSync(resolved(saveTo, worldOf(context, { place }).world))) return undefined;
  return (await secretsFile(context, place)).secretOf(id);
}

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
