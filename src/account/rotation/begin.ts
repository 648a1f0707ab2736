import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { lockOwner } from '../../state/lock.ts';
import { labelOf, RunningRotation } from './replace.ts';
import type { FailedRotation } from './rotate.ts';
import type { Rotation, RotationPlace } from './rotation.ts';
import type { RotationFiles } from './rotation-files.ts';

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

/** What a process works on. */
export interface BegunRotations {
  readonly running: readonly RunningRotation[];
  /** Those that another process works on. */
  readonly busy: readonly FailedRotation[];
}

/** Returns whether a process works on a rotation. */
function isTaken({ folder }: Context['record'], { claim }: Rotation): boolean {
  return lockOwner(folder, lockName(claim)) !== undefined;
}

const lock = 'rotating';

function lockName(claim: string): string {
  return `${lock}-${claim}`;
}

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
  files: RotationFiles,
  claim: string,
  work: {
    readonly fresh: readonly NewRotation[];
    readonly begun: readonly Rotation[];
    readonly options: RotationOptions;
  },
): Promise<BegunRotations> {
  const { fresh, begun, options } = work;
  const { id: account } = await context.record.account();
  return context.record.exclusively('rotations', async () => {
    // Another process may have begun or finished some of them since they were read.
    const stored = new Map(files.of(account).map((rotation) => [rotation.old.id, rotation]));
    const running: RunningRotation[] = [];
    const busy: FailedRotation[] = [];
    const take = (rotation: Rotation, changes: Partial<Rotation>) => {
      if (isTaken(context.record, rotation)) {
        busy.push(notFree(rotation.old, 'is rotating'));
        return;
      }
      const taken = new RunningRotation(rotation, files);
      taken.save({ ...changes, claim });
      running.push(taken);
    };
    for (const { old } of begun) {
      const rotation = stored.get(old.id);
      if (rotation) take(rotation, changesOf(rotation, options));
    }
    const revoked = await revokedIds(context);
    const isNewKey = new Set([...stored.values()].flatMap(({ newId, stale }) => [...(newId ? [newId] : []), ...stale]));
    const { overlap = 0, proof, allowsGap = false } = options;
    for (const { key, request, place } of fresh) {
      const { id, name } = key;
      const earlier = stored.get(id);
      if (earlier) {
        take(earlier, changesOf(earlier, options));
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
      const rotation: Rotation = {
        account,
        old: { id, ...(name != null && { name }) },
        request,
        place,
        ...(proof !== undefined && { proof }),
        overlap,
        allowsGap,
        startedAt: context.clocks.wall(),
        claim,
        step: 'planned',
        stale: [],
        hasGap: false,
      };
      files.save(rotation);
      running.push(new RunningRotation(rotation, files, { isNew: true }));
    }
    return { running, busy };
  });
}

/** Returns what the options of a later command change in a rotation. A secret that was delivered isn't moved. */
function changesOf({ old, step }: Rotation, options: RotationOptions): Partial<Rotation> {
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
const lookBack = 24 * 3_600_000;

/** Returns the ids of keys that were revoked from this machine, maybe after they were listed. */
async function revokedIds({ clocks, record }: Pick<Context, 'clocks' | 'record'>): Promise<ReadonlySet<string>> {
  const history = await record.history();
  return new Set(
    history
      .since(clocks.wall() - lookBack)
      .flatMap(({ intent, settled }) =>
        intent.action === 'delete-key' && settled?.outcome === 'applied' ? [intent.id] : [],
      ),
  );
}

/** @param what - another process did with the key: `is rotating` */
function notFree(old: Rotation['old'], what: string): FailedRotation {
  const error = new CommandError('busy', `Another ci process ${what} key ${labelOf(old)}`, {
    hint: 'Try again when it has finished.',
    retryable: true,
    outcome: 'not_applied',
  });
  return { id: old.id, name: old.name ?? old.id, error };
}
