import { durationInWords } from '../../domain/duration.ts';
import { CommandError } from '../../domain/errors.ts';
import { timeAgo } from '../../output/time.ts';
import { type ChangeLog, isUnderWay, type RecordedChange, type Settled } from '../../state/change-log.ts';
import {
  type Action,
  areOneThing,
  chargeFound,
  compareChanges,
  describeChange,
  type FoundBy,
  fetchFound,
  hasAction,
  type IntentOf,
  idsFound,
} from './actions.ts';
import { type ChangingContext, recordOutcome } from './carry-out.ts';
import { findOutcome, type Known, settlesAt, unsettledChange, waited } from './find-outcome.ts';

/** How often to read the record while another process is making the same change, in milliseconds. */
export const whileRunning = 200;
/** How long after its settling time a process may continue to work on a change, in milliseconds. */
const longestOverrun = 60_000;
/** How long the same command can adopt a change whose outcome was found after its own command ended, in milliseconds. */
const adoptableFor = 10 * 60_000;

/** An earlier change that requested the same thing and went through. It counts as the requested one. */
export interface EarlierChange<A extends Action> {
  readonly change: RecordedChange;
  readonly intent: IntentOf<A>;
  readonly found: FoundBy[A];
}

/** Why a change can't be made yet. */
export type Obstacle =
  /** An earlier change that could be the same may still take effect, or the account can't be checked for it. */
  | { readonly kind: 'unsettled'; readonly change: RecordedChange; readonly error?: CommandError | undefined }
  /** Another process is working on such a change. */
  | { readonly kind: 'running'; readonly change: RecordedChange }
  /** The outcome of such a change can't be determined. */
  | { readonly kind: 'unclear'; readonly change: RecordedChange; readonly why?: string | undefined };

/** The result of a check for earlier changes that could be the same as a new one. */
export interface Earlier<A extends Action> {
  readonly found?: EarlierChange<A> | undefined;
  readonly obstacle?: Obstacle | undefined;
}

/** A change that is about to be made. */
export interface Planned<A extends Action> {
  readonly action: A;
  readonly intent: IntentOf<A>;
  /** Whether to wait for any other change of this kind, because a limit counts all of them. */
  readonly any?: boolean | undefined;
  /** Whether to continue despite an earlier change whose outcome can't be found. The account then decides. */
  readonly ignoresUnclear?: boolean | undefined;
  /** Ignores changes that began earlier, epoch milliseconds; by default, considers all. */
  readonly since?: number | undefined;
}

/** How long to check for each earlier change, and what to call if that takes a while. */
interface Search {
  /** Returns how long to check, in milliseconds. */
  readonly patienceFor: (change: RecordedChange) => number;
  readonly onWait?: (change: RecordedChange) => void;
}

/** Returns the intents of one kind that a new change may have to wait for or adopt. */
export async function openIntents<A extends Action>(context: ChangingContext, action: A): Promise<IntentOf<A>[]> {
  const history = await context.record.history();
  const { id } = await context.record.account();
  const recent = (await history.since(context.clocks.wall() - adoptableFor)).filter(isAdoptable);
  return [...(await history.open()), ...recent]
    .filter((each) => each.account.id === id)
    .flatMap(({ intent }) => (hasAction(intent, action) ? [intent] : []));
}

/** Checks once for earlier changes that could be the same as a new one, and records their outcomes. */
export async function checkEarlier<A extends Action>(
  context: ChangingContext,
  planned: Planned<A>,
): Promise<Earlier<A>> {
  const earlier = await settleEarlier(context, planned, { patienceFor: () => 0 });
  if (earlier.found) await recordAdopted(context, planned.action, earlier.found);
  return earlier;
}

/**
 * Waits for earlier changes of the account that could be the same as a new one and have no known outcome, until they are found or
 * can no longer take effect. Call it before every change that buys, creates or cancels, and before reading what the change depends
 * on from the account.
 *
 * @returns the earlier change that requested the same thing and went through, if there is one
 * @throws CommandError (busy) with `--no-wait`; (confirmation_required) if the outcome of one can't be determined;
 *   (interrupted); the error if the account can't be checked
 */
export async function awaitEarlier<A extends Action>(
  context: ChangingContext,
  planned: Planned<A>,
): Promise<EarlierChange<A> | undefined> {
  const { settling, clocks, output } = context;
  if (settling.again) {
    await noteRisk(context, [planned]);
    return undefined;
  }
  let isNoted = false;
  const noteWait = (change: RecordedChange) => {
    if (!isNoted) output.note(waitingFor(context, change));
    isNoted = true;
  };
  const patienceFor = (change: RecordedChange) =>
    settling.wait ? Math.max(0, settlesAt(change, context) - clocks.wall()) : 0;
  let found: EarlierChange<A> | undefined;
  const waitedFor = new Set<string>();
  for (;;) {
    const earlier = await settleEarlier(context, planned, { patienceFor, onWait: noteWait });
    found ??= earlier.found;
    const { obstacle } = earlier;
    if (!obstacle) break;
    if (obstacle.kind === 'unclear') {
      if (planned.ignoresUnclear) break;
      throw obstacleError(context, obstacle);
    }
    if (context.world.interrupt.aborted)
      throw new CommandError('interrupted', 'Interrupted', { outcome: 'not_applied' });
    if (obstacle.kind === 'unsettled' && obstacle.error) throw obstacle.error.with({ outcome: 'not_applied' });
    const hasTime = clocks.wall() < settlesAt(obstacle.change, context) + longestOverrun;
    if (!settling.wait || !hasTime) throw obstacleError(context, obstacle);
    if (obstacle.kind === 'running') {
      noteWait(obstacle.change);
      waitedFor.add(obstacle.change.id);
    }
    await waited(context, whileRunning);
  }
  found ??= await doneMeanwhile(context, planned, waitedFor);
  if (found) {
    await recordAdopted(context, planned.action, found);
    output.note(
      `"${describeChange(found.change.intent)}" went through ${ago(context, found.change)}, so it was not sent again.`,
    );
  }
  return found;
}

/** Settles earlier changes, oldest first, up to the first one that has no outcome yet. */
async function settleEarlier<A extends Action>(
  context: ChangingContext,
  planned: Planned<A>,
  { patienceFor, onWait = () => {} }: Search,
): Promise<Earlier<A>> {
  const { action, intent } = planned;
  const history = await context.record.history();
  let found = await adoptable(context, planned);
  let unclear: Obstacle | undefined;
  let settledSome = false;
  for (const { id } of await openLike(context, planned)) {
    const now = await openNow(history, id);
    if (!now) continue;
    const { change } = now;
    if (now.isRunning) return { found, obstacle: { kind: 'running', change } };
    if (!hasAction(change.intent, action)) continue;
    const unsettled = { ...unsettledChange(change, context), action, intent: change.intent };
    const finding = await context.progress.during('Checking an earlier change', () =>
      findOutcome(context, unsettled, { patience: patienceFor(change), onWait: () => onWait(change) }),
    );
    if (finding.outcome === 'unknown') {
      const { why, isFinal, error } = finding;
      if (!isFinal) return { found, obstacle: { kind: 'unsettled', change, error } };
      // If only a limit is affected, the current state of the account is enough.
      if (compareChanges(intent, change.intent)) unclear ??= { kind: 'unclear', change, why };
      continue;
    }
    await recordOutcome(context, history, change.id, settledLater(action, change.intent, finding));
    settledSome = true;
    if (finding.outcome === 'applied' && compareChanges(intent, change.intent) === 'same') {
      found ??= { change, intent: change.intent, found: finding.found };
    }
  }
  // The outcomes of the others may now identify this one.
  if (unclear && settledSome) return settleEarlier(context, planned, { patienceFor, onWait });
  return { found, obstacle: unclear };
}

/** Returns what another process did while this one waited for it, if both ask for one thing. @param ids - of the changes waited for */
async function doneMeanwhile<A extends Action>(
  context: ChangingContext,
  { action, intent }: Planned<A>,
  ids: ReadonlySet<string>,
): Promise<EarlierChange<A> | undefined> {
  if (ids.size === 0 || !areOneThing(action)) return undefined;
  const history = await context.record.history();
  const change = (await history.since(context.clocks.wall() - adoptableFor)).find(
    ({ id, settled, intent: other }) =>
      ids.has(id) && settled?.outcome === 'applied' && compareChanges(intent, other) === 'same',
  );
  return resultOf(context, action, change);
}

/** Fetches the result of an earlier change; undefined without a change, or if its result no longer exists. */
async function resultOf<A extends Action>(
  context: ChangingContext,
  action: A,
  change: RecordedChange | undefined,
): Promise<EarlierChange<A> | undefined> {
  if (!change || !hasAction(change.intent, action)) return undefined;
  const found = await fetchFound(await context.connections.looking(), action, change.intent, change.settled?.ids ?? []);
  return found === undefined ? undefined : { change, intent: change.intent, found };
}

/** Returns what to record for a change whose outcome was found after its own command had ended. */
export function settledLater<A extends Action>(action: A, intent: IntentOf<A>, finding: Known<FoundBy[A]>): Settled {
  if (finding.outcome === 'not_applied') return { outcome: 'not_applied', by: 'look', ids: [] };
  const { found } = finding;
  return { outcome: 'applied', by: 'later', ids: idsFound(action, found), charge: chargeFound(action, intent, found) };
}

/** Records that an earlier change was adopted, so that no other command adopts it again. */
async function recordAdopted<A extends Action>(
  context: ChangingContext,
  action: A,
  { change, intent, found }: EarlierChange<A>,
): Promise<void> {
  await recordOutcome(context, await context.record.history(), change.id, {
    outcome: 'applied',
    by: 'look',
    ids: idsFound(action, found),
    charge: chargeFound(action, intent, found),
  });
}

/** Returns an open change as it is now, and whether a process is working on it; undefined if it is no longer open. */
export async function openNow(
  history: ChangeLog,
  id: string,
): Promise<{ readonly change: RecordedChange; readonly isRunning: boolean } | undefined> {
  const find = async () => (await history.open()).find((each) => each.id === id);
  const seen = await find();
  if (seen && isUnderWay(seen)) return { change: seen, isRunning: true };
  // The process may have ended and recorded its outcome since the record was read.
  const change = await find();
  return change && { change, isRunning: false };
}

/** Returns the open changes of the account that could be the same as a new one. */
async function openLike<A extends Action>(
  context: ChangingContext,
  { action, intent, any = false, since = Number.NEGATIVE_INFINITY }: Planned<A>,
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  const { id } = await context.record.account();
  return (await history.open()).filter(
    (each) =>
      each.account.id === id &&
      each.intent.action === action &&
      Date.parse(each.at) >= since &&
      (any || compareChanges(intent, each.intent) !== undefined),
  );
}

/** Returns a change that requested the same thing and whose outcome was found after its command had ended, so no command has its result. */
async function adoptable<A extends Action>(
  context: ChangingContext,
  { action, intent, since = Number.NEGATIVE_INFINITY }: Planned<A>,
): Promise<EarlierChange<A> | undefined> {
  const history = await context.record.history();
  const { id } = await context.record.account();
  const change = (await history.since(context.clocks.wall() - adoptableFor))
    .filter((each) => each.account.id === id && isAdoptable(each) && Date.parse(each.at) >= since)
    .find((each) => compareChanges(intent, each.intent) === 'same');
  return resultOf(context, action, change);
}

function isAdoptable({ settled }: RecordedChange): boolean {
  return settled?.outcome === 'applied' && settled.by === 'later';
}

/** Notes the risk of `--again` if an earlier change that could be the same may still go through. */
export async function noteRisk<A extends Action>(
  context: ChangingContext,
  planned: readonly Planned<A>[],
): Promise<void> {
  for (const each of planned) {
    const [change] = await openLike(context, each);
    if (!change) continue;
    context.output.note(
      `Continuing, although an earlier "${describeChange(change.intent)}" (${ago(context, change)}) may still go through. If it does, both take effect.`,
    );
    return;
  }
}

function waitingFor(context: ChangingContext, change: RecordedChange): string {
  const left = settlesAt(change, context) - context.clocks.wall();
  const limit = left > 0 ? ` up to ${durationInWords(left)}` : '';
  return `Waiting${limit} for an earlier change: "${describeChange(change.intent)}" (${ago(context, change)}). Nothing has been sent. Press Ctrl-C to quit.`;
}

/** Returns the error for a change that can't be made now. */
export function obstacleError(context: ChangingContext, obstacle: Obstacle): CommandError {
  if (obstacle.kind === 'unclear') return unclear(context, obstacle);
  const { kind, change } = obstacle;
  const what = `earlier "${describeChange(change.intent)}" (${ago(context, change)})`;
  const [message, next] =
    kind === 'running'
      ? [`Another ci process is working on an ${what}`, 'Try again when it has finished']
      : [`An ${what} may still go through`, 'Run `ci history reconcile --wait` to wait for its outcome'];
  return new CommandError('busy', message, {
    retryable: true,
    outcome: 'not_applied',
    hint: `Nothing was sent. ${next}, or ${context.settling.goAhead} to continue anyway.`,
  });
}

function unclear(context: ChangingContext, { change, why }: Extract<Obstacle, { kind: 'unclear' }>): CommandError {
  const what = `An earlier "${describeChange(change.intent)}" (${ago(context, change)}) may have gone through`;
  return new CommandError('confirmation_required', why === undefined ? what : `${what}: ${why}`, {
    outcome: 'not_applied',
    hint: `Nothing was sent. Check your account with \`ci status\`, or ${context.settling.goAhead} to continue anyway.`,
  });
}

function ago({ clocks }: ChangingContext, { at }: RecordedChange): string {
  return timeAgo(at, clocks.wall());
}
