import type { Key } from '../../api/keys.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { Rotation } from '../../state/rotation.ts';
import type { ChangeLimits } from '../bulk/key-changes.ts';
import type { KeyContext } from '../keys/create.ts';
import { keyStoreOf } from '../stored-keys/store.ts';
import type { RotationTools } from './replace.ts';
import { rotationDestination, savedSecret } from './rotation-destination.ts';
import { RotationKeys } from './rotation-keys.ts';

/** What is known when the rotations of a command begin. */
interface Known {
  /** The unfinished rotations of the account. */
  readonly begun: readonly Rotation[];
  /** The keys of the account. */
  readonly keys: readonly Key[];
  /** The keys on this machine. */
  readonly stored: readonly StoredKey[];
}

/** Returns what the rotations of a command share. @throws CommandError (file_error) */
export async function rotationTools(
  context: KeyContext,
  { begun, keys, stored }: Known,
  limits: ChangeLimits,
): Promise<RotationTools> {
  const listed = new Map(keys.map((key) => [key.id, key]));
  const since = Math.min(context.clocks.wall(), ...begun.map(({ startedAt }) => startedAt));
  return {
    changes: await RotationKeys.open(context, limits, { all: keys, since }),
    concurrency: limits.concurrency,
    listed,
    destinationOf({ old, ...rotation }, force) {
      const shown = { ...old, apiKey: listed.get(old.id)?.apiKey };
      return rotationDestination(context, { ...rotation, old: shown }, force);
    },
    async storedSecret(id, place) {
      const found = stored.find((key) => key.id === id);
      if (found) return (await keyStoreOf(context)).secretOf(found);
      return savedSecret(context, place, id);
    },
  };
}
