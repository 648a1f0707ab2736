import type { Context } from '../../context/context.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import { areRivals, type Before, type Verdict } from '../../domain/reconcile.ts';
import { isUnderWay, type RecordedAccount, type RecordedChange } from '../../state/change-log.ts';
import { type Action, checkAccount, type FoundBy, type IntentOf, outcomeWithoutCheck } from './actions.ts';

/** The pauses between two checks, in milliseconds. The last one is repeated. */
const pauses = [500, 1000, 2000, 4000, 8000] as const;

/** Precision at which the record keeps the time a request left, in milliseconds. */
const recordedPrecision = 1000;

/** The parts of the context that checking the account needs. */
export type CheckContext = Pick<Context, 'clocks' | 'connections' | 'record' | 'settings' | 'world'>;

/** A change without a known outcome. */
export interface UnsettledChange<A extends Action> {
  /** The id in the record. */
  readonly id: string;
  readonly action: A;
  readonly intent: IntentOf<A>;
  readonly before: Before;
  readonly account: RecordedAccount;
  /** When the change was recorded, in epoch milliseconds. */
  readonly begunAt: number;
  /** When the change can no longer take effect, in epoch milliseconds. */
  readonly settlesAt: number;
  /** The same on the monotonic clock. */
  readonly settlesAtMonotonic: number;
  /** Whether the record lost the earlier state of the account. A check then can't tell anything. */
  readonly lacksBefore?: boolean | undefined;
}

/** How long to check. */
export interface CheckOptions {
  /** How long to continue after the first check, in milliseconds. */
  readonly patience: number;
  /** Whether the API refused the change. One check that finds nothing is then enough. */
  readonly refused?: boolean | undefined;
  /** Called once, if the first check finds nothing and another one follows. */
  readonly onWait?: (() => void) | undefined;
}

/** The outcome of a change, as far as it is known. */
export type Finding<Found> =
  | { readonly outcome: 'applied'; readonly found: Found }
  /** The change didn't go through, and won't. */
  | { readonly outcome: 'not_applied' }
  | {
      readonly outcome: 'unknown';
      /** Why the outcome is unknown; undefined if the account doesn't show the change yet. */
      readonly why?: string | undefined;
      /** Whether later checks can't find more. */
      readonly isFinal: boolean;
      /** Why the account couldn't be checked. */
      readonly error?: CommandError | undefined;
    };

/** A known outcome. */
export type Known<Found> = Exclude<Finding<Found>, { readonly outcome: 'unknown' }>;

/** Returns when a recorded change can no longer take effect, in epoch milliseconds. */
export function settlesAt({ at, sentAt }: RecordedChange, { settings, clocks }: CheckContext): number {
  // A time in the future was recorded before the clock was set back. The request has left by now.
  const left = Math.min(Date.parse(sentAt ?? at), clocks.wall());
  return left + recordedPrecision + settings.settlingTime.value;
}

/** Converts a recorded change for {@link findOutcome}. */
export function unsettledChange(change: RecordedChange, context: CheckContext): UnsettledChange<Action> {
  const { id, intent, before, account, at, lacksBefore } = change;
  const begunAt = Date.parse(at);
  const action = intent.action;
  const { wall, monotonic } = context.clocks;
  const settles = settlesAt(change, context);
  // If the clock is set forward during the wait, the change hasn't settled earlier.
  const settlesAtMonotonic = monotonic() + Math.max(0, settles - wall());
  return { id, action, intent, before, account, begunAt, settlesAt: settles, settlesAtMonotonic, lacksBefore };
}

/**
 * Checks the account until the outcome of a change is known or the patience runs out. A check that finds nothing proves that the
 * change didn't go through only if it began after the settling time, or if the API refused the change.
 *
 * All changes use this loop: after a lost response, for an earlier change before the next one, and in `ci history reconcile`.
 */
export async function findOutcome<A extends Action>(
  context: CheckContext,
  change: UnsettledChange<A>,
  { patience, refused = false, onWait }: CheckOptions,
): Promise<Finding<FoundBy[A]>> {
  const known = change.lacksBefore
    ? ({ outcome: 'unknown', why: 'the earlier state of the account is no longer known' } as const)
    : outcomeWithoutCheck(change.action);
  if (known) return known.outcome === 'unknown' ? { ...known, isFinal: true } : { outcome: 'not_applied' };
  const { wall, monotonic } = context.clocks;
  const begun = monotonic();
  for (let count = 0; ; count++) {
    const hasSettled = wall() >= change.settlesAt && monotonic() >= change.settlesAtMonotonic;
    const finding = await checkOnce(context, change);
    if (finding.outcome === 'applied') return finding;
    if (finding.outcome === 'not_applied' && (hasSettled || refused)) return finding;
    const why = finding.outcome === 'unknown' ? finding.why : undefined;
    const error = finding.outcome === 'unknown' ? finding.error : undefined;
    const isAmbiguous = finding.outcome === 'unknown' && finding.isFinal;
    const isFinal = hasSettled && isAmbiguous;
    const left = begun + patience - monotonic();
    const isHopeless = isFinal || (refused && isAmbiguous) || (error !== undefined && !error.retryable);
    if (isHopeless || left <= 0 || context.world.interrupt.aborted) return { outcome: 'unknown', why, isFinal, error };
    if (count === 0) onWait?.();
    const pause = Math.min(pauses[count] ?? pauses[pauses.length - 1] ?? 0, left);
    const untilSettled = change.settlesAt - wall();
    if (!(await waited(context, untilSettled > 0 ? Math.min(pause, untilSettled) : pause)))
      return { outcome: 'unknown', why, isFinal: false, error };
  }
}

/** Checks once. Finding nothing proves only that nothing was there at that moment. */
async function checkOnce<A extends Action>(
  context: CheckContext,
  change: UnsettledChange<A>,
): Promise<Finding<FoundBy[A]>> {
  const history = await context.record.history();
  const api = await context.connections.looking();
  let hasRival = false;
  let verdict: Verdict<FoundBy[A]>;
  try {
    verdict = await checkAccount(api, change.action, change.intent, change.before, async () => {
      // By now, everything that the check saw is recorded, or the process that created it is still working.
      const read = () => history.since(change.begunAt - recordedPrecision);
      hasRival = (await read()).some((each) => isRival(change, each));
      // The process may have ended and recorded its result since the record was read.
      return idsOfOthers(await read(), change);
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return {
      outcome: 'unknown',
      why: `the account can't be checked: ${asClause(error.message)}`,
      isFinal: false,
      error,
    };
  }
  if (verdict.outcome === 'applied' && hasRival) {
    return { outcome: 'unknown', why: 'another ci process is making the same change', isFinal: false };
  }
  return verdict.outcome === 'unknown' ? { ...verdict, isFinal: !hasRival } : verdict;
}

/** Returns the ids that other changes of the same kind are known to have created or changed. None of them belongs to this change. */
export function idsOfOthers(
  changes: readonly RecordedChange[],
  { id, intent }: Pick<RecordedChange, 'id' | 'intent'>,
): Set<string> {
  const others = changes.filter((each) => each.id !== id && each.intent.action === intent.action);
  return new Set(others.flatMap(({ settled }) => settled?.ids ?? []));
}

/** Returns whether another process is working on a change whose result could be mistaken for this one's. */
export function isRival(
  { id, account, intent }: Pick<RecordedChange, 'id' | 'account' | 'intent'>,
  other: RecordedChange,
): boolean {
  // Whether a process runs is asked last, because that takes longest.
  return other.id !== id && other.account.id === account.id && areRivals(intent, other.intent) && isUnderWay(other);
}

/** Waits. @returns whether the time passed; false if the user interrupted the command */
export async function waited({ clocks }: Pick<CheckContext, 'clocks'>, milliseconds: number): Promise<boolean> {
  try {
    await clocks.sleep(milliseconds);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.code === 'interrupted') return false;
    throw error;
  }
}
