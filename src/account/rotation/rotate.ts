import type { Key } from '../../api/keys.ts';
import { CommandError } from '../../domain/errors.ts';
import { groupBy } from '../../domain/group-by.ts';
import { seriesOf } from '../../state/rotation.ts';
import { BulkProgress } from '../bulk/bulk-progress.ts';
import { severalFailed, stopped } from './failed-rotation.ts';
import { hasOverlap, waitForOverlaps } from './overlap.ts';
import { proveKey } from './prove.ts';
import { labelOf, type RotationContext, type RotationTools, type RunningRotation, replaceKey } from './replace.ts';
import { OwnQueue, type RotationQueue } from './rotation-queue.ts';

/** A rotation that stopped. */
export interface FailedRotation {
  /** The old key. */
  readonly id: string;
  readonly name: string;
  readonly error: CommandError;
}

/** The result of some rotations, in the order in which they were asked for. */
export interface RotationResult {
  /** Those that are finished. */
  readonly done: readonly RunningRotation[];
  readonly failed: readonly FailedRotation[];
}

/** Carries out the rotations of a queue, several at a time. One that fails doesn't stop the others. The old keys wait together. */
export async function rotateKeys(
  context: RotationContext,
  tools: RotationTools,
  queue: RotationQueue,
): Promise<RotationResult> {
  const done: RunningRotation[] = [];
  const failed: FailedRotation[] = [];
  const attempt = async (running: RunningRotation, work: () => Promise<void>) => {
    try {
      if (context.world.interrupt.aborted)
        throw new CommandError('interrupted', 'Interrupted', { outcome: 'not_applied' });
      await work();
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { id, name = id } = running.now.old;
      failed.push({ id, name, error: await stopped(tools, running, error).catch(unless(error)) });
      // After an interrupt, another machine may go on.
      if (error.code !== 'interrupted') await running.giveUp();
    }
  };
  const finish = (running: RunningRotation) =>
    attempt(running, async () => {
      await revokeOld(tools, running);
      done.push(running);
    });
  const waiting: RunningRotation[] = [];
  let ended = 0;
  const progress =
    queue.size > 1
      ? await BulkProgress.start(context, queue.size, () => ({ done: ended, failed: failed.length, unclear: 0 }))
      : undefined;
  const places = new Map<string, number>();
  await inGroups(
    tools,
    queue,
    async (running) => {
      const wasProven = running.now.step === 'proven';
      await attempt(running, () => replaceKey(context, tools, running));
      if (running.now.step !== 'proven') return;
      // A key that was proven a moment ago still works.
      if (wasProven || hasOverlap(running)) waiting.push(running);
      else await finish(running);
    },
    (running) => places.set(running.now.old.id, places.size),
    () => ended++,
  ).finally(() => progress?.stop());
  const pending = new Set(waiting);
  try {
    await waitForOverlaps(context, waiting, async (due) => {
      const keys = await (await context.api()).keys.list();
      const listed = new Map(keys.map((key) => [key.id, key]));
      await inGroups(tools, new OwnQueue(due), async (running) => {
        pending.delete(running);
        await attempt(running, () => requireNew(context, listed, running));
        if (running.now.step === 'proven' && !failed.some(({ id }) => id === running.now.old.id)) await finish(running);
      });
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    for (const running of pending) await attempt(running, () => Promise.reject(error.with({ outcome: 'applied' })));
  }
  // Those that ended sooner aren't first.
  const place = (id: string) => places.get(id) ?? 0;
  return {
    done: done.toSorted((one, other) => place(one.now.old.id) - place(other.now.old.id)),
    failed: failed.toSorted((one, other) => place(one.id) - place(other.id)),
  };
}

/** Returns the error for the rotations that failed; undefined if none did. */
export function errorOf({ done, failed }: RotationResult): CommandError | undefined {
  const [first, second] = failed;
  if (!first) return undefined;
  return second || done.length > 0 ? severalFailed(failed, done.length + failed.length) : first.error;
}

/** Returns a function that returns an error instead of a later one, which is about cleaning up. */
function unless(error: CommandError): (later: unknown) => CommandError {
  return (later) => {
    if (later instanceof CommandError) return error;
    throw later;
  };
}

/** Checks that the new key is still active, because someone may have revoked it since it was proven. */
async function requireNew(
  context: RotationContext,
  listed: ReadonlyMap<string, Key>,
  running: RunningRotation,
): Promise<void> {
  const { newId = '', old } = running.now;
  const key = listed.get(newId);
  if (key && key.isActive !== false) return;
  // The list may be older than the key.
  if (running.secret !== undefined && (await works(context, running.secret))) return;
  // It isn't revoked before another one is delivered: the list may be wrong.
  await running.setAside();
  throw new CommandError(
    'unavailable',
    `The new key of ${labelOf(old)} (${newId}) is no longer active, so the old one isn't revoked`,
    { outcome: 'not_applied' },
  );
}

async function works(context: RotationContext, secret: string): Promise<boolean> {
  try {
    await proveKey(context, secret);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.code !== 'interrupted') return false;
    throw error;
  }
}

/** Revokes the old key and those that were set aside, and ends the rotation. */
async function revokeOld({ changes, listed }: RotationTools, running: RunningRotation): Promise<void> {
  const { old, request, stale } = running.now;
  await changes.revoke({ ...old, apiKey: listed.get(old.id)?.apiKey });
  for (const id of stale) await changes.revoke({ id, name: request.name });
  await running.end();
}

/**
 * Does something with rotations, several at a time. Rotations whose new keys couldn't be told apart come one after the other.
 *
 * @param onTake - called with each rotation, in the order of the queue
 */
async function inGroups(
  { concurrency }: Pick<RotationTools, 'concurrency'>,
  queue: RotationQueue,
  work: (running: RunningRotation) => Promise<void>,
  onTake: (running: RunningRotation) => void = () => {},
  onEnd: () => void = () => {},
): Promise<void> {
  const left: RunningRotation[][] = [];
  let refill: Promise<boolean> | undefined;
  const take = async () => {
    const taken = await queue.next();
    for (const running of taken) onTake(running);
    left.push(...groupBy(taken, ({ now }) => seriesOf(now)).values());
    return taken.length > 0;
  };
  const nextGroup = async (): Promise<RunningRotation[] | undefined> => {
    while (left.length === 0) {
      refill ??= take();
      const current = refill;
      if (!(await current)) return undefined;
      if (left.length === 0 && refill === current) refill = undefined;
    }
    return left.shift();
  };
  const worker = async () => {
    for (let group = await nextGroup(); group; group = await nextGroup())
      for (const running of group) {
        await work(running);
        onEnd();
      }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, queue.size) }, worker));
}
