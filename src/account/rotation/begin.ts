import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Rotation, RotationPlace } from '../../state/rotation.ts';
import type { RotationStore } from '../../state/rotation-store.ts';
import { labelOf, RunningRotation } from './replace.ts';
import type { FailedRotation } from './rotate.ts';
import { OwnQueue, type RotationQueue } from './rotation-queue.ts';

/** How to rotate keys. What is undefined stays as it is in a rotation that was begun earlier. */
export interface RotationOptions {
  /** The place of all keys. */
  readonly place?: RotationPlace | undefined;
  /** Returns the place of one key, by its ID; undefined if it has none of its own. */
  readonly ownPlace?: (id: string) => RotationPlace | undefined;
  readonly proof?: string | undefined;
  readonly overlap?: Rotation['overlap'] | undefined;
  readonly allowsGap?: boolean | undefined;
}

/** A key to replace, and the request for the new one. */
export interface NewRotation {
  readonly key: Key;
  readonly request: Rotation['request'];
  readonly place: RotationPlace;
}

/** Rotations to begin. */
export interface RotationWork {
  readonly fresh: readonly NewRotation[];
  readonly begun: readonly Rotation[];
  readonly options: RotationOptions;
}

/** What a process works on. */
export interface BegunRotations {
  readonly queue: RotationQueue;
  /** Those that another process works on. */
  readonly busy: readonly FailedRotation[];
}

/** Returns whether a process of this machine works on a rotation. */
function isTaken({ record }: Pick<Context, 'record'>, { claim }: Rotation): Promise<boolean> {
  return record.isLocked(lock, claim);
}

const lock = 'rotating';

/**
 * Does something while other processes can see that this one works on the rotations with a claim. They take them over only after it
 * has ended.
 */
export function whileClaimed<Result>(
  { record }: Pick<Context, 'record'>,
  claim: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return record.exclusively(lock, work, claim);
}

/**
 * Stores new rotations, and takes over those that were begun earlier, unless another process works on them.
 *
 * @param claim - of this process
 * @throws CommandError (file_error) if they can't be stored; nothing was sent then
 */
export async function beginRotations(
  context: Pick<Context, 'clocks' | 'record'>,
  store: RotationStore,
  claim: string,
  work: RotationWork,
): Promise<BegunRotations> {
  const { fresh, begun, options } = work;
  const { id: account } = await context.record.account();
  return context.record.exclusively('rotations', async () => {
    // Another process may have begun or finished some of them since they were read.
    const stored = new Map((await store.of(account)).map((rotation) => [rotation.old.id, rotation]));
    const running: RunningRotation[] = [];
    const busy: FailedRotation[] = [];
    const take = async (rotation: Rotation, changes: Partial<Rotation>) => {
      if (await isTaken(context, rotation)) {
        busy.push(notFree(rotation.old, 'is rotating'));
        return;
      }
      const taken = new RunningRotation(rotation, store);
      await taken.save({ ...changes, claim });
      running.push(taken);
    };
    for (const { old } of begun) {
      const rotation = stored.get(old.id);
      if (rotation) await take(rotation, changesOf(rotation, options));
    }
    const revoked = await revokedIds(context);
    const isNewKey = new Set([...stored.values()].flatMap(({ newId, stale }) => [...(newId ? [newId] : []), ...stale]));
    for (const each of fresh) {
      const { id, name } = each.key;
      const earlier = stored.get(id);
      if (earlier) {
        await take(earlier, changesOf(earlier, options));
        continue;
      }
      if (isNewKey.has(id)) {
        busy.push(notFree({ id, ...(name != null && { name }) }, 'is rotating'));
        continue;
      }
      if (revoked.has(id)) {
        busy.push(notFree({ id, ...(name != null && { name }) }, 'has replaced or revoked'));
        continue;
      }
      const rotation = newRotation(each, options, { account, claim, startedAt: context.clocks.wall() });
      await store.save(rotation);
      running.push(new RunningRotation(rotation, store, { isNew: true }));
    }
    return { queue: new OwnQueue(running), busy };
  });
}

/** Returns a rotation that hasn't sent anything yet. */
export function newRotation(
  { key: { id, name }, request, place }: NewRotation,
  { overlap = 0, proof, allowsGap = false }: RotationOptions,
  begun: Pick<Rotation, 'account' | 'claim' | 'startedAt'>,
): Rotation {
  const { account, claim, startedAt } = begun;
  return {
    account,
    old: { id, ...(name != null && { name }) },
    request,
    place,
    ...(proof !== undefined && { proof }),
    overlap,
    allowsGap,
    startedAt,
    claim,
    step: 'planned',
    stale: [],
    hasGap: false,
  };
}

/** Returns what the options of a later command change in a rotation. A secret that was delivered isn't moved. */
export function changesOf({ old, step }: Rotation, options: RotationOptions): Partial<Rotation> {
  const { proof, overlap, allowsGap } = options;
  const place = options.ownPlace?.(old.id) ?? options.place;
  const isDelivered = step === 'delivered' || step === 'proven';
  return {
    ...(place !== undefined && !isDelivered && { place }),
    ...(proof !== undefined && { proof }),
    ...(overlap !== undefined && { overlap }),
    ...(allowsGap !== undefined && { allowsGap }),
  };
}

/** How far back to look for keys that were revoked, in milliseconds. The keys were listed moments ago. */
export const lookBack = 24 * 3_600_000;

/** Returns the ids of keys that were revoked from this machine, maybe after they were listed. */
async function revokedIds({ clocks, record }: Pick<Context, 'clocks' | 'record'>): Promise<ReadonlySet<string>> {
  const history = await record.history();
  return new Set(
    (await history.since(clocks.wall() - lookBack)).flatMap(({ intent, settled }) =>
      intent.action === 'delete-key' && settled?.outcome === 'applied' ? [intent.id] : [],
    ),
  );
}

/** @param what - another process did with the key: `is rotating` */
export function notFree(old: Rotation['old'], what: string): FailedRotation {
  const error = new CommandError('busy', `Another ci process ${what} key ${labelOf(old)}`, {
    hint: 'Try again when it has finished.',
    retryable: true,
    outcome: 'not_applied',
  });
  return { id: old.id, name: old.name ?? old.id, error };
}
