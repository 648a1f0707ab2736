import { CommandError } from '../../domain/errors.ts';
import { timeAgo } from '../../output/time.ts';
import { type History, isUnderWay, type RecordedChange, type Settled } from '../../state/history.ts';
import {
  type Action,
  areOneThing,
  chargeFound,
  compareChanges,
  describeChange,
  type FoundBy,
  findAgain,
  hasAction,
  type IntentOf,
  idsFound,
} from './actions.ts';
import { type ChangingContext, recordOutcome } from './carry-out.ts';
import { findOutcome, type Known, settlesAt, unsettledChange, waited } from './find-outcome.ts';

/** How often the record is read while another process is at work on the same, milliseconds. */
export const whileRunning = 200;
/** For how long after its settling time a process may go on working on a change, milliseconds. */
const runsOver = 60_000;
/** How long the same command adopts a change that was found after its own command ended, in milliseconds. */
const takenUpFor = 10 * 60_000;

/** An earlier change that requested the same thing and went through. It counts as the one requested now. */
export interface EarlierChange<A extends Action> {
  readonly change: RecordedChange;
  readonly intent: IntentOf<A>;
  readonly found: FoundBy[A];
}

/** Why a change can't be made yet. */
export type Obstacle =
  /** An earlier change that could be the same may still take effect; or the account can't be checked for it. */
  | { readonly kind: 'unsettled'; readonly change: RecordedChange; readonly error?: CommandError | undefined }
  /** Another process is at work on one. */
  | { readonly kind: 'running'; readonly change: RecordedChange }
  /** Nobody can tell whether one went through. */
  | { readonly kind: 'unclear'; readonly change: RecordedChange; readonly why?: string | undefined };

/** What is known of the earlier changes that could be the same as a new one. */
export interface Earlier<A extends Action> {
  readonly found?: EarlierChange<A> | undefined;
  readonly obstacle?: Obstacle | undefined;
}

/** A change that is about to be made. */
export interface Planned<A extends Action> {
  readonly action: A;
  readonly intent: IntentOf<A>;
  /** Whether any other change of this kind is in the way, as a limit counts them all. */
  readonly any?: boolean | undefined;
  /** Whether to go ahead despite an earlier change whose outcome can't be found out. What the account shows then decides. */
  readonly ignoresUnclear?: boolean | undefined;
  /** Only changes begun since then are in the way, epoch milliseconds; default: all. */
  readonly since?: number | undefined;
}

/** How long to look for each earlier change, and what to call when that takes a while. */
interface Search {
  /** Milliseconds. */
  readonly patienceFor: (change: RecordedChange) => number;
  readonly onWait?: (change: RecordedChange) => void;
}

/** Returns the intents of one kind that a new change may have to wait for or adopt. */
export async function openIntents<A extends Action>(context: ChangingContext, action: A): Promise<IntentOf<A>[]> {
  const history = await context.record.history();
  const { id } = await context.record.account();
  const recent = history.since(context.clocks.wall() - takenUpFor).filter(isUntaken);
  return [...history.open(), ...recent]
    .filter((each) => each.account.id === id)
    .flatMap(({ intent }) => (hasAction(intent, action) ? [intent] : []));
}

/** Checks once for earlier changes that could be the same as a new one, and records what became of them. */
export async function checkEarlier<A extends Action>(
  context: ChangingContext,
  planned: Planned<A>,
): Promise<Earlier<A>> {
  const earlier = await settleEarlier(context, planned, { patienceFor: () => 0 });
  if (earlier.found) await takeUp(context, planned.action, earlier.found);
  return earlier;
}

/**
 * Waits for earlier changes of the account that could be the same as a new one and have no known outcome, until they are found or
 * can't take effect any more. Call it before every change that buys, creates or cancels, and before reading what the change
 * depends on from the account.
 *
 * @returns the earlier change that asked for just the same and went through, if there is one
 * @throws CommandError (busy) with `--no-wait`; (confirmation_required) when nobody can tell whether one went through;
 *   (interrupted); why the account can't be checked
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
  let told = false;
  const tell = (change: RecordedChange) => {
    if (!told) output.note(waitingFor(context, change));
    told = true;
  };
  const patienceFor = (change: RecordedChange) =>
    settling.wait ? Math.max(0, settlesAt(change, context) - clocks.wall()) : 0;
  let found: EarlierChange<A> | undefined;
  const waitedFor = new Set<string>();
  for (;;) {
    const earlier = await settleEarlier(context, planned, { patienceFor, onWait: tell });
    found ??= earlier.found;
    const { obstacle } = earlier;
    if (!obstacle) break;
    if (obstacle.kind === 'unclear') {
      if (planned.ignoresUnclear) break;
      throw obstacleError(context, obstacle);
    }
    if (context.world.interrupt.aborted)
      throw new CommandError('interrupted', 'interrupted', { outcome: 'not_applied' });
    if (obstacle.kind === 'unsettled' && obstacle.error) throw obstacle.error.with({ outcome: 'not_applied' });
    const hasTime = clocks.wall() < settlesAt(obstacle.change, context) + runsOver;
    if (!settling.wait || !hasTime) throw obstacleError(context, obstacle);
    if (obstacle.kind === 'running') {
      tell(obstacle.change);
      waitedFor.add(obstacle.change.id);
    }
    await waited(context, whileRunning);
  }
  found ??= await doneMeanwhile(context, planned, waitedFor);
  if (found) {
    await takeUp(context, planned.action, found);
    output.note(
      `"${describeChange(found.change.intent)}" went through ${ago(context, found.change)}. It was not sent again.`,
    );
  }
  return found;
}

/** Goes through earlier changes, oldest first, up to the first whose outcome can't be found out. */
async function settleEarlier<A extends Action>(
  context: ChangingContext,
  planned: Planned<A>,
  { patienceFor, onWait = () => {} }: Search,
): Promise<Earlier<A>> {
  const { action, intent } = planned;
  const history = await context.record.history();
  let found = await untaken(context, planned);
  let unclear: Obstacle | undefined;
  let settledSome = false;
  for (const { id } of await openLike(context, planned)) {
    const now = openNow(history, id);
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
      // If only a limit is affected, what the account shows is enough.
      if (compareChanges(intent, change.intent)) unclear ??= { kind: 'unclear', change, why };
      continue;
    }
    recordOutcome(context, history, change.id, settledLater(action, change.intent, finding));
    settledSome = true;
    if (finding.outcome === 'applied' && compareChanges(intent, change.intent) === 'same') {
      found ??= { change, intent: change.intent, found: finding.found };
    }
  }
  // The outcomes of the others may now identify this one.
  if (unclear && settledSome) return settleEarlier(context, planned, { patienceFor, onWait });
  return { found, obstacle: unclear };
}

/** Returns what another process did while this one waited for it, if both ask for one thing. @param ids - in the record */
async function doneMeanwhile<A extends Action>(
  context: ChangingContext,
  { action, intent }: Planned<A>,
  ids: ReadonlySet<string>,
): Promise<EarlierChange<A> | undefined> {
  if (ids.size === 0 || !areOneThing(action)) return undefined;
  const history = await context.record.history();
  const change = history
    .since(context.clocks.wall() - takenUpFor)
    .find(
      ({ id, settled, intent: other }) =>
        ids.has(id) && settled?.outcome === 'applied' && compareChanges(intent, other) === 'same',
    );
  return resultOf(context, action, change);
}

/** Fetches the result of an earlier change; undefined without a change, or if its result is gone. */
async function resultOf<A extends Action>(
  context: ChangingContext,
  action: A,
  change: RecordedChange | undefined,
): Promise<EarlierChange<A> | undefined> {
  if (!change || !hasAction(change.intent, action)) return undefined;
  const found = await findAgain(await context.connections.looking(), action, change.intent, change.settled?.ids ?? []);
  return found === undefined ? undefined : { change, intent: change.intent, found };
}

/** Returns what to record of a change whose outcome was found out after its own command had ended. */
export function settledLater<A extends Action>(action: A, intent: IntentOf<A>, finding: Known<FoundBy[A]>): Settled {
  if (finding.outcome === 'not_applied') return { outcome: 'not_applied', by: 'look', ids: [] };
  const { found } = finding;
  return { outcome: 'applied', by: 'later', ids: idsFound(action, found), charge: chargeFound(action, intent, found) };
}

/** Records that an earlier change was adopted, so that no other command adopts it again. */
async function takeUp<A extends Action>(
  context: ChangingContext,
  action: A,
  { change, intent, found }: EarlierChange<A>,
): Promise<void> {
  recordOutcome(context, await context.record.history(), change.id, {
    outcome: 'applied',
    by: 'look',
    ids: idsFound(action, found),
    charge: chargeFound(action, intent, found),
  });
}

/** Returns an open change as it is now, and whether a process is working on it; undefined when it isn't open any more. */
export function openNow(
  history: History,
  id: string,
): { readonly change: RecordedChange; readonly isRunning: boolean } | undefined {
  const find = () => history.open().find((each) => each.id === id);
  const seen = find();
  if (seen && isUnderWay(seen)) return { change: seen, isRunning: true };
  // A process that has ended by now may have recorded its outcome since the record was read.
  const change = find();
  return change && { change, isRunning: false };
}

/** The open changes of the account that could be the same as a new one. */
async function openLike<A extends Action>(
  context: ChangingContext,
  { action, intent, any = false, since = Number.NEGATIVE_INFINITY }: Planned<A>,
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  const { id } = await context.record.account();
  return history
    .open()
    .filter(
      (each) =>
        each.account.id === id &&
        each.intent.action === action &&
        Date.parse(each.at) >= since &&
        (any || compareChanges(intent, each.intent) !== undefined),
    );
}

/** Returns a change that requested the same thing and was found after its command had ended, so nobody has its result. */
async function untaken<A extends Action>(
  context: ChangingContext,
  { action, intent, since = Number.NEGATIVE_INFINITY }: Planned<A>,
): Promise<EarlierChange<A> | undefined> {
  const history = await context.record.history();
  const { id } = await context.record.account();
  const change = history
    .since(context.clocks.wall() - takenUpFor)
    .filter((each) => each.account.id === id && isUntaken(each) && Date.parse(each.at) >= since)
    .find((each) => compareChanges(intent, each.intent) === 'same');
  return resultOf(context, action, change);
}

function isUntaken({ settled }: RecordedChange): boolean {
  return settled?.outcome === 'applied' && settled.by === 'later';
}

/** Explains the risk of `--again` if a change earlier than any of the planned ones may still go through. */
export async function noteRisk<A extends Action>(
  context: ChangingContext,
  planned: readonly Planned<A>[],
): Promise<void> {
  for (const each of planned) {
    const [change] = await openLike(context, each);
    if (!change) continue;
    context.output.note(
      `Going ahead although an earlier "${describeChange(change.intent)}" (${ago(context, change)}) may still go through. If it does, both take effect.`,
    );
    return;
  }
}

function waitingFor(context: ChangingContext, change: RecordedChange): string {
  const left = Math.ceil((settlesAt(change, context) - context.clocks.wall()) / 1000);
  const limit = left > 0 ? ` up to ${left} s` : '';
  return `Waiting${limit} for an earlier change: "${describeChange(change.intent)}" (${ago(context, change)}). Nothing has been sent; Ctrl-C quits.`;
}

/** Returns why a change can't be made now. */
export function obstacleError(context: ChangingContext, obstacle: Obstacle): CommandError {
  if (obstacle.kind === 'unclear') return unclear(context, obstacle);
  const { kind, change } = obstacle;
  const what = `an earlier "${describeChange(change.intent)}" (${ago(context, change)})`;
  const [message, next] =
    kind === 'running'
      ? [`another ci process is working on ${what}`, 'Run this again when it has ended']
      : [`${what} may still go through`, '`ci history reconcile --wait` waits until its outcome is known'];
  return new CommandError('busy', message, {
    retryable: true,
    outcome: 'not_applied',
    hint: `Nothing was sent. ${next}; --again goes ahead regardless.`,
  });
}

function unclear(context: ChangingContext, { change, why }: Extract<Obstacle, { kind: 'unclear' }>): CommandError {
  const what = `an earlier "${describeChange(change.intent)}" (${ago(context, change)}) may have gone through`;
  return new CommandError('confirmation_required', why === undefined ? what : `${what}: ${why}`, {
    outcome: 'not_applied',
    hint: 'Nothing was sent. Check what is there with `ci status`; --again goes ahead regardless.',
  });
}

function ago({ clocks }: ChangingContext, { at }: RecordedChange): string {
  return timeAgo(new Date(at), new Date(clocks.wall()));
}
