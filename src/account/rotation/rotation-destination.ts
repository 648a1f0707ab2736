import { existsSync } from 'node:fs';
import type { Key } from '../../api/keys.ts';
import { resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { checkVariable } from '../../output/dotenv.ts';
import type { Rotation, RotationPlace } from '../../state/rotation.ts';
import { SecretsFile } from '../bulk/secrets-file.ts';
import { SecretsFileDestination } from '../bulk/secrets-file-destination.ts';
import type { KeyContext } from '../keys/create.ts';
import type { Destination } from '../secrets/destination.ts';
import { DotenvFile } from '../secrets/dotenv-file.ts';
import { destinationsOf } from '../secrets/parse-destination.ts';
import { SeveralDestinations } from '../secrets/several-destinations.ts';
import { keyStoreOf } from '../stored-keys/store.ts';
import { worldOf } from './replace.ts';
import { StoredReplacement } from './stored-replacement.ts';

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
  const { save, saveTo, to = [], var: variable } = place;
  if (save?.trim() === '') throw usageError('--save is empty', 'Pass the path of a dotenv file, such as --save .env.');
  if (variable !== undefined) checkVariable(variable);
  const all = [
    place.store && new StoredReplacement(await keyStoreOf(context), old, stale),
    save !== undefined && new DotenvFile(here, save, { variable, force: place.force || force }),
    saveTo !== undefined && new SecretsFileDestination(resolved(saveTo, here.world), () => secretsFile(context, place)),
    // What such a place has can't be read. It is taken to be the old secret.
    to.length > 0 && destinationsOf(here, [], to, { variable, force: true }),
  ].flatMap((each) => each || []);
  const [only] = all;
  return only && all.length === 1 ? only : new SeveralDestinations(all);
}

/** The files for the secrets of many keys, by their absolute paths. Each is opened once. */
const secretsFiles = new WeakMap<Context['connections'], Map<string, Promise<SecretsFile>>>();

/** Returns the file for the secrets of many keys. It is closed at the end of the command. @throws CommandError */
export async function secretsFile(
  context: Pick<Context, 'connections' | 'world'>,
  place: Pick<RotationPlace, 'saveTo' | 'cwd'>,
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
