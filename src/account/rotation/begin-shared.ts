import type { Key } from '../../api/keys.ts';
import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import type { RecordedChange } from '../../state/change-log.ts';
import type { Rotation, RotationPlace } from '../../state/rotation.ts';
import type { RotationStore, SharedRotation, SharedRotations, WantedRotation } from '../../state/rotation-store.ts';
import { changesOf, lookBack, newRotation, notFree, type RotationWork } from './begin.ts';
import { broughtHere, staysThere } from './machine-places.ts';
import type { FailedRotation } from './rotate.ts';
import { SharedQueue } from './rotation-queue.ts';

/** How to begin rotations in a store that machines share. */
export interface SharedBeginning {
  readonly store: RotationStore;
  readonly shared: SharedRotations;
  readonly claim: string;
  /** Whether to leave keys to other machines that work on them, and to wait for those. */
  readonly isTogether: boolean;
  /** Whether this command has begun already. It leaves those that failed elsewhere since. */
  readonly isAgain: boolean;
  /** When the command began, epoch milliseconds. */
  readonly startedAt: number;
  /**
   * The processes that had taken rotations and didn't work on them when the command read the account, by the ID of the old key.
   * Undefined: the command reads the account after this.
   */
  readonly idle: ReadonlyMap<string, string> | undefined;
  /** How many to take at a time. */
  readonly atOnce: number;
  /** Returns whether to take no more. */
  readonly hasEnded: () => boolean;
}

/** What a process shares with other machines. */
export interface BegunTogether {
  readonly queue: SharedQueue;
  /** Those that this command can't rotate. */
  readonly busy: readonly FailedRotation[];
  /** The IDs of the old keys that other machines have finished, or given up. */
  readonly elsewhere: readonly string[];
  /** Rotations that stay with their machines. */
  readonly kept: readonly SharedRotation[];
}

/**
 * Adds new rotations, for any machine, and finds those that this process can take.
 *
 * @throws CommandError; nothing was sent then
 */
export async function beginTogether(
  context: Pick<Context, 'clocks' | 'record' | 'world'>,
  { fresh, begun, options }: RotationWork,
  { store, shared, claim, isTogether, isAgain, startedAt, idle, atOnce, hasEnded }: SharedBeginning,
): Promise<BegunTogether> {
  const { id: account } = await context.record.account();
  const freshPlaces = new Map(fresh.map(({ key, place }) => [key.id, place]));
  const placeOf = (id: string): RotationPlace | undefined =>
    options.ownPlace?.(id) ?? options.place ?? freshPlaces.get(id);
  const cwd = workingDirectory(context.world) ?? '/';
  return context.record.exclusively('rotations', async () => {
    const stored = new Map((await shared.of(account)).map((each) => [each.rotation.old.id, each]));
    const known = await recordedKeys(context, startedAt);
    const newKeys = new Set(
      [...stored.values()].flatMap(({ rotation: { newId, stale } }) => [...(newId ? [newId] : []), ...stale]),
    );
    const wanted: WantedRotation[] = [];
    const added: Rotation[] = [];
    const busy: FailedRotation[] = [];
    const elsewhere: string[] = [];
    const kept: SharedRotation[] = [];
    const leave = (old: Rotation['old']) => {
      if (isTogether) elsewhere.push(old.id);
      else busy.push(notFree(old, 'has rotated'));
    };
    const find = (each: SharedRotation) => {
      const { rotation, state, worker } = each;
      const { id } = rotation.old;
      if (state === 'running') {
        // The others are waited for.
        if (!isTogether) busy.push(notFree(rotation.old, 'is rotating'));
      } else if (state === 'stopped' && isAgain) leave(rotation.old);
      else if (staysThere(each, options, placeOf(id))) kept.push(each);
      else if (worker === undefined || !idle || idle.get(id) === worker) wanted.push({ rotation, worker });
      else if (!isTogether) busy.push(notFree(rotation.old, 'has begun to rotate'));
    };
    for (const { old } of begun) {
      const there = stored.get(old.id);
      if (there) find(there);
      else leave(old);
    }
    for (const each of fresh) {
      const { id, name } = each.key;
      const there = stored.get(id);
      const old = { id, ...(name != null && { name }) };
      if (there) find(there);
      else if (isTogether && (newKeys.has(id) || known.isNew(id) || known.isReplaced(id))) elsewhere.push(id);
      else if (newKeys.has(id)) busy.push(notFree(old, 'is rotating'));
      else if (known.isRevoked(id)) busy.push(notFree(old, 'has replaced or revoked'));
      else added.push(newRotation(each, options, { account, claim, startedAt: context.clocks.wall() }));
    }
    await shared.add(added);
    const queue = new SharedQueue({
      store,
      shared,
      wanted: [...wanted, ...added.map((rotation) => ({ rotation, worker: undefined }))],
      added,
      atOnce,
      changesOf({ rotation, host }) {
        const { id } = rotation.old;
        if (host === undefined) return changesOf(rotation, options);
        return { ...changesOf(rotation, options), ...broughtHere(rotation, placeOf(id), cwd) };
      },
      hasEnded,
    });
    return { queue, busy, elsewhere, kept };
  });
}

/**
 * Returns keys without those that another machine has just created to replace others of them. Both have the same name until the old one
 * is revoked.
 *
 * @param startedAt - when the command began, epoch milliseconds
 */
export async function withoutReplacements(
  context: Pick<Context, 'clocks' | 'record'>,
  keys: readonly Key[],
  startedAt: number,
): Promise<Key[]> {
  const { oldOf } = await recordedKeys(context, startedAt);
  const listed = new Set(keys.map(({ id }) => id));
  return keys.filter(({ id }) => !listed.has(oldOf(id) ?? ''));
}

/** What the record says about keys that were listed moments ago. */
interface RecordedKeys {
  /** Whether a key was created by a rotation since the command began, or by a process that is still running. */
  readonly isNew: (id: string) => boolean;
  /** Returns the ID of the key that such a key replaces. */
  readonly oldOf: (id: string) => string | undefined;
  readonly isReplaced: (id: string) => boolean;
  readonly isRevoked: (id: string) => boolean;
}

async function recordedKeys(
  { clocks, record }: Pick<Context, 'clocks' | 'record'>,
  startedAt: number,
): Promise<RecordedKeys> {
  const history = await record.history();
  const changes = (await history.since(clocks.wall() - lookBack)).filter(isApplied);
  const isRecent = ({ at, isRunning }: RecordedChange) => isRunning === true || Date.parse(at) >= startedAt;
  const created = new Map<string, string>();
  const replaced = new Set<string>();
  const revoked = new Set<string>();
  for (const change of changes) {
    const { intent, settled } = change;
    if (intent.action === 'delete-key') revoked.add(intent.id);
    if (intent.action !== 'create-key' || intent.replaces === undefined) continue;
    replaced.add(intent.replaces);
    if (isRecent(change)) for (const id of settled?.ids ?? []) created.set(id, intent.replaces);
  }
  return {
    isNew: (id) => created.has(id),
    oldOf: (id) => created.get(id),
    isReplaced: (id) => replaced.has(id) && revoked.has(id),
    isRevoked: (id) => revoked.has(id),
  };
}

function isApplied({ settled }: RecordedChange): boolean {
  return settled?.outcome === 'applied';
}
