import { randomBytes } from 'node:crypto';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Rotation } from '../../state/rotation.ts';
import type { RotationStore, SharedRotation, SharedRotations } from '../../state/rotation-store.ts';
import { beginRotations, type RotationWork, whileClaimed } from './begin.ts';
import { beginTogether } from './begin-shared.ts';
import type { RotationContext, RotationTools, RunningRotation } from './replace.ts';
import { type FailedRotation, rotateKeys } from './rotate.ts';

/** The rotations of the account that aren't finished, when a command begins. */
export interface UnfinishedRotations {
  readonly store: RotationStore;
  readonly account: string;
  readonly begun: readonly Rotation[];
  /** The processes that had taken rotations and don't work on them, by the ID of the old key. */
  readonly idle: ReadonlyMap<string, string>;
  /** When they were read, epoch milliseconds. */
  readonly at: number;
}

/** Reads the rotations of the account that aren't finished. @throws CommandError */
export async function unfinishedRotations({
  clocks,
  record,
}: Pick<Context, 'clocks' | 'record'>): Promise<UnfinishedRotations> {
  const at = clocks.wall();
  const store = await record.rotations();
  const { id: account } = await record.account();
  if (!store.shared) return { store, account, begun: await store.of(account), idle: new Map(), at };
  const all = await store.shared.of(account);
  const idle = new Map(
    all.flatMap(({ rotation, state, worker }) =>
      worker === undefined || state === 'running' ? [] : [[rotation.old.id, worker] as const],
    ),
  );
  return { store, account, begun: all.map(({ rotation }) => rotation), idle, at };
}

/** How to carry out rotations. */
export interface RunOptions {
  readonly unfinished: UnfinishedRotations;
  readonly tools: RotationTools;
  /** Reads the account again, for rotations that another process has begun since. */
  readonly readAgain: () => Promise<RotationTools>;
  /** Whether machines that rotate the same keys share them. Otherwise a key that another process rotates is an error. */
  readonly isTogether: boolean;
}

/** The result of a command. */
export interface RunResult {
  readonly done: readonly RunningRotation[];
  readonly failed: readonly FailedRotation[];
  /** How many other machines rotated, or gave up. */
  readonly elsewhere: number;
  /** Rotations that stay with their machines. */
  readonly kept: readonly SharedRotation[];
}

/** Carries out rotations: all of them, or, if machines share them, those that no other machine does. @throws CommandError */
export async function runRotations(
  context: RotationContext,
  work: RotationWork,
  options: RunOptions,
): Promise<RunResult> {
  const { tools, unfinished } = options;
  const { store } = unfinished;
  const claim = randomBytes(6).toString('hex');
  return whileClaimed(context, claim, async () => {
    if (store.shared) return runTogether(context, work, { ...options, claim, shared: store.shared });
    const { queue, busy } = await beginRotations(context, store, claim, work);
    const { done, failed } = await rotateKeys(context, tools, queue);
    return { done, failed: [...busy, ...failed], elsewhere: 0, kept: [] };
  });
}

async function runTogether(
  context: RotationContext,
  { fresh, begun, options }: RotationWork,
  {
    unfinished: { store, account, idle, at },
    tools: first,
    readAgain,
    isTogether,
    claim,
    shared,
  }: RunOptions & { readonly claim: string; readonly shared: SharedRotations },
): Promise<RunResult> {
  const names = new Map<string, string>();
  for (const { key } of fresh) names.set(key.id, key.name ?? key.id);
  for (const { old } of begun) names.set(old.id, old.name ?? old.id);
  /** The IDs of the old keys that neither this process nor another has finished. */
  const left = new Set(names.keys());
  const done: RunningRotation[] = [];
  const failed: FailedRotation[] = [];
  const kept: SharedRotation[] = [];
  let elsewhere = 0;
  let isNoted = false;
  const onWait = (count: number) => {
    if (!isNoted) context.output.note(`Waiting for ${counted(count, 'key')} that other machines rotate.`);
    isNoted = true;
  };
  const { interrupt } = context.world;
  let tools = first;
  const endOf = () => {
    const interrupted = new CommandError('interrupted', 'Interrupted', { outcome: 'not_applied' });
    return tools.changes.end ?? (interrupt.aborted ? interrupted : undefined);
  };
  const failRest = (error: CommandError) => {
    for (const id of left) failed.push({ id, name: names.get(id) ?? id, error });
  };
  for (let isAgain = false; left.size > 0; isAgain = true) {
    const rest = {
      fresh: fresh.filter(({ key }) => left.has(key.id)),
      begun: begun.filter(({ old }) => left.has(old.id)),
      options,
    };
    const { queue, ...found } = await beginTogether(context, rest, {
      ...{ store, shared, claim, isTogether, isAgain, startedAt: at },
      idle: isAgain ? undefined : idle,
      atOnce: tools.concurrency,
      hasEnded: () => endOf() !== undefined,
    });
    failed.push(...found.busy);
    kept.push(...found.kept);
    elsewhere += found.elsewhere.length;
    for (const id of found.elsewhere) left.delete(id);
    for (const { rotation } of found.kept) left.delete(rotation.old.id);
    if (queue.size > 0) {
      if (isAgain) tools = await readAgain();
      const result = await rotateKeys(context, tools, queue).finally(() => queue.withdraw());
      done.push(...result.done);
      failed.push(...result.failed);
      for (const { now } of result.done) left.delete(now.old.id);
    }
    for (const { id } of failed) left.delete(id);
    const end = queue.failure ?? endOf();
    if (end) failRest(end);
    if (end || left.size === 0) break;
    try {
      await shared.awaitOthers(account, [...left], onWait);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      failRest(error);
      break;
    }
  }
  return { done, failed, elsewhere, kept };
}
