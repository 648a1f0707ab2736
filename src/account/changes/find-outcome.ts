import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { areRivals, type Before, type Verdict } from '../../domain/reconcile.ts';
import { isUnderWay, type RecordedAccount, type RecordedChange } from '../../state/history.ts';
import { type Action, type FoundBy, type IntentOf, knownWithoutLook, look } from './actions.ts';

/** The pauses between two looks, milliseconds; the last one is repeated. */
const pauses = [500, 1000, 2000, 4000, 8000] as const;

/** Precision at which the record keeps the time a request left, in milliseconds. */
const recordedPrecision = 1000;

/** What looking at the account takes. */
export type LookingContext = Pick<Context, 'clocks' | 'connections' | 'record' | 'settings' | 'world'>;

/** A change whose outcome is to be found out. */
export interface UnsettledChange<A extends Action> {
  /** In the record. */
  readonly id: string;
  readonly action: A;
  readonly intent: IntentOf<A>;
  readonly before: Before;
  readonly account: RecordedAccount;
  /** When it was recorded, epoch milliseconds. */
  readonly begunAt: number;
  /** When it can't take effect any more, epoch milliseconds. */
  readonly settlesAt: number;
  /** The same by the monotonic clock, for a change of this process. */
  readonly settlesAtMonotonic?: number | undefined;
  /** Whether the record lost what was there before. A look then can't tell anything. */
  readonly lacksBefore?: boolean | undefined;
}

/** How long to look. */
export interface LookingOptions {
  /** How long to go on after the first look, milliseconds. */
  readonly patience: number;
  /** Whether the API refused the change. One look that finds nothing is then enough. */
  readonly refused?: boolean | undefined;
  /** Called once, when the first look has found nothing and the account is going to be looked at again. */
  readonly onWait?: (() => void) | undefined;
}

/** The outcome of a change, as far as it can be known now. */
export type Finding<Found> =
  | { readonly outcome: 'applied'; readonly found: Found }
  /** It was not carried out, and won't be. */
  | { readonly outcome: 'not_applied' }
  | {
      readonly outcome: 'unknown';
      /** Why the outcome is unknown; undefined if nothing is there yet but may still appear. */
      readonly why?: string | undefined;
      /** Whether a later look can't find out more. */
      readonly isFinal: boolean;
      /** Why the account couldn't be looked at. */
      readonly error?: CommandError | undefined;
    };

/** An outcome that is known. */
export type Known<Found> = Exclude<Finding<Found>, { readonly outcome: 'unknown' }>;

/** Returns when a recorded change can't take effect any more, epoch milliseconds. */
export function settlesAt({ at, sentAt }: RecordedChange, { settings, clocks }: LookingContext): number {
  // A time in the future was recorded before the clock was set back. The request has left by now.
  const left = Math.min(Date.parse(sentAt ?? at), clocks.wall());
  return left + recordedPrecision + settings.settlingTime.value;
}

/** Converts a recorded change to one to look for. */
export function unsettledChange(change: RecordedChange, context: LookingContext): UnsettledChange<Action> {
  const { id, intent, before, account, at, lacksBefore } = change;
  const begunAt = Date.parse(at);
  const action = intent.action;
  return { id, action, intent, before, account, begunAt, settlesAt: settlesAt(change, context), lacksBefore };
}

/**
 * Looks at the account until the outcome of a change is known or the patience runs out. A look that finds nothing proves that
 * nothing was done only if it began after the change had time to settle, or if the API refused the change.
 *
 * All changes use this loop: right after a lost response, for an earlier change before the next one, and in `ci history
 * reconcile`.
 */
export async function findOutcome<A extends Action>(
  context: LookingContext,
  change: UnsettledChange<A>,
  { patience, refused = false, onWait }: LookingOptions,
): Promise<Finding<FoundBy[A]>> {
  const known = change.lacksBefore
    ? ({ outcome: 'unknown', why: 'what was there before is no longer known' } as const)
    : knownWithoutLook(change.action);
  if (known) return known.outcome === 'unknown' ? { ...known, isFinal: true } : { outcome: 'not_applied' };
  const { wall, monotonic } = context.clocks;
  const begun = monotonic();
  for (let count = 0; ; count++) {
    const hasSettled =
      wall() >= change.settlesAt && monotonic() >= (change.settlesAtMonotonic ?? Number.NEGATIVE_INFINITY);
    const finding = await lookOnce(context, change);
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

/** Looks once. Finding nothing proves only that nothing was there at that moment. */
async function lookOnce<A extends Action>(
  context: LookingContext,
  change: UnsettledChange<A>,
): Promise<Finding<FoundBy[A]>> {
  const history = await context.record.history();
  const api = await context.connections.looking();
  let hasRival = false;
  let verdict: Verdict<FoundBy[A]>;
  try {
    verdict = await look(api, change.action, change.intent, change.before, () => {
      // By now, whatever the look saw is recorded, or the process that made it is still at work.
      const read = () => history.since(change.begunAt - recordedPrecision);
      hasRival = read().some((each) => isRival(change, each));
      // A process that has ended by now may have recorded what it made since the record was read.
      return idsOfOthers(read(), change);
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { outcome: 'unknown', why: `the account can't be checked: ${error.message}`, isFinal: false, error };
  }
  if (verdict.outcome === 'applied' && hasRival) {
    return { outcome: 'unknown', why: 'another ci process is working on the same', isFinal: false };
  }
  return verdict.outcome === 'unknown' ? { ...verdict, isFinal: !hasRival } : verdict;
}

/** Returns the ids that other changes of the same kind are known to have made or changed: none of them is this one's. */
export function idsOfOthers(
  changes: readonly RecordedChange[],
  { id, intent }: Pick<RecordedChange, 'id' | 'intent'>,
): Set<string> {
  const others = changes.filter((each) => each.id !== id && each.intent.action === intent.action);
  return new Set(others.flatMap(({ settled }) => settled?.ids ?? []));
}

/** Whether another process is working on a change whose result could be mistaken for this one's. */
function isRival(
  { id, account, intent }: Pick<RecordedChange, 'id' | 'account' | 'intent'>,
  other: RecordedChange,
): boolean {
  return other.id !== id && other.account.id === account.id && isUnderWay(other) && areRivals(intent, other.intent);
}

/** Waits. @returns whether the time passed; false when the user ended the command */
export async function waited({ clocks }: Pick<LookingContext, 'clocks'>, milliseconds: number): Promise<boolean> {
  try {
    await clocks.sleep(milliseconds);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.code === 'interrupted') return false;
    throw error;
  }
}
