import type { Api } from '../../api/index.ts';
import type { Context } from '../../context/context.ts';
import { durationInWords } from '../../domain/duration.ts';
import { asClause, CommandError, messageOf } from '../../domain/errors.ts';
import { timesOf } from '../../domain/pace.ts';
import type { Before, Intent } from '../../domain/reconcile.ts';
import { timeAgo } from '../../output/time.ts';
import { type ChangeLog, changesToFind, type RecordedAccount, type Settled } from '../../state/change-log.ts';
import { noteUndelivered } from '../secrets/undelivered.ts';
import {
  type Action,
  compareChanges,
  describeChange,
  type FoundBy,
  type IntentOf,
  idsFound,
  outcomeWithoutCheck,
  trustsRefusal,
} from './actions.ts';
import { Departure } from './departure.ts';
import { type CheckContext, type Finding, findOutcome, type UnsettledChange, waited } from './find-outcome.ts';

/** Maximum attempts at one change. It is retried only if the API was too busy and the account agrees that nothing was done. */
const mostAttempts = 3;
/** The longest wait before a change is sent again, in milliseconds. */
const longestWait = 60_000;
/** The wait before the second attempt if the API doesn't say how long, in milliseconds. */
const shortestWait = 1000;

/** The parts of the context that carrying out a change needs. */
export type ChangingContext = CheckContext & Pick<Context, 'output' | 'progress' | 'result' | 'settling'>;

/** The members of all changes. */
interface RequestedChange<A extends Action, Answer> {
  readonly intent: IntentOf<A>;
  /** The earlier state of the account, which the caller reads. */
  readonly before: Before;
  /** Converts what the account shows to the response that was lost, or that didn't contain it. */
  readonly adopt: (found: FoundBy[A], api: Api) => Answer | Promise<Answer>;
  /** Returns the charge in USD if the response states a different amount than was agreed. */
  readonly charge?: (answer: Answer) => number | undefined;
  /** The command that shows the result. */
  readonly command: string;
}

/** A change whose response says what was changed. */
interface AnsweredChange<A extends Action, Answer> extends RequestedChange<A, Answer> {
  /** Sends the request, through a separate API client. */
  readonly send: (api: Api) => Promise<Answer>;
  /** Returns the ids of what was created or changed, from a response. */
  readonly ids: (answer: Answer) => readonly string[];
}

/** A change whose response says only that it was accepted. The account then shows what was changed. */
interface AcceptedChange<A extends Action, Answer> extends RequestedChange<A, Answer> {
  readonly send: (api: Api) => Promise<void>;
  readonly ids?: undefined;
}

/** A change, and how to adopt its result if its response is lost. */
export type Change<A extends Action, Answer> = AnsweredChange<A, Answer> | AcceptedChange<A, Answer>;

/**
 * Carries out one change of the account. Records it before its request leaves, and its outcome afterward. If the response is lost,
 * unusable or a refusal, or says only that the change was accepted, the account decides whether the change went through.
 *
 * @param action - the action of the intent
 * @throws CommandError with its `outcome`. It is `not_applied` only if the request certainly didn't leave, if the API refused it
 *   before doing anything, or if the account doesn't show the change after the settling time; otherwise it is `unknown`
 */
export async function carryOut<A extends Action, Answer>(
  context: ChangingContext,
  action: A,
  change: Change<A, Answer>,
): Promise<Answer> {
  const { intent, before } = change;
  const { clocks, settings } = context;
  const history = await context.record.history();
  const account = await context.record.account();
  if (context.result.lastChange === undefined) {
    await noteOpen(context, history, account, intent);
    await noteUndelivered(context);
  }
  const begun = timesOf(clocks);
  const id = await history.begin({ intent, before, account });
  const departure = new Departure(context, history, { id, begun });
  const api = await context.connections.changing(departure.leave);
  const settle = (settled: Settled) => settleChange(context, history, id, settled);
  const adopted = async (found: FoundBy[A]) => {
    const settled = { outcome: 'applied', by: 'look', ids: idsFound(action, found) } as const;
    try {
      const answer = await change.adopt(found, await context.connections.looking());
      await settle({ ...settled, charge: change.charge?.(answer) });
      return answer;
    } catch (error) {
      await settle(settled);
      throw error;
    }
  };
  for (let attempt = 1; ; attempt++) {
    context.result.lastChange = 'unknown';
    let failure = notShown;
    try {
      if (change.ids) {
        const answer = await change.send(api);
        await settle({ outcome: 'applied', by: 'answer', ids: change.ids(answer), charge: change.charge?.(answer) });
        return answer;
      }
      await change.send(api);
    } catch (error) {
      failure = error instanceof CommandError ? error : unreadable(error);
    }
    const refused = failure.outcome !== 'unknown';
    const known = outcomeWithoutCheck(action);
    // A request that charges nothing by itself can be sent again without checking the account.
    if (refused && known?.outcome === 'not_applied' && (await mayTryAgain(context, failure, attempt))) continue;
    if (refused && (precedesAnyWork(failure) || known)) {
      await settle({ outcome: failure.outcome ?? 'not_applied', by: 'answer', ids: [], code: failure.code });
      throw failure;
    }
    const { left } = departure;
    const settlesAt = left.wall + settings.settlingTime.value;
    const settlesAtMonotonic = left.monotonic + settings.settlingTime.value;
    const unsettled = { id, action, intent, before, account, begunAt: begun.wall, settlesAt, settlesAtMonotonic };
    let finding = await outcomeAfter(context, unsettled, failure, refused);
    let triesAgain = false;
    if (refused && finding.outcome === 'not_applied' && (await mayTryAgain(context, failure, attempt))) {
      triesAgain = true;
      finding = await outcomeAfter(context, unsettled, failure, refused);
    }
    if (finding.outcome === 'applied') {
      const answer = await adopted(finding.found);
      const isExpected = failure === notShown || failure.code === 'interrupted';
      if (!isExpected) context.output.note(wentThrough(failure, refused));
      return answer;
    }
    if (finding.outcome === 'unknown' && !(refused && !finding.error && trustsRefusal(action))) {
      const unknown = outcomeUnknown(failure, finding, { refused, hint: hintFor(action, change.command) });
      const error = context.world.interrupt.aborted ? unknown.with({ code: 'interrupted' }) : unknown;
      await settle({ outcome: 'unknown', by: 'look', ids: [], code: error.code });
      throw error;
    }
    if (!refused) {
      const cause = causeOf(failure);
      const message = `${happened(failure, refused)}. The change didn't go through`;
      await settle({ outcome: 'not_applied', by: 'look', ids: [], code: cause.code });
      const code = cause.code === 'outcome_unknown' ? 'server_error' : cause.code;
      throw cause.with({ code, message, outcome: 'not_applied' });
    }
    if (!triesAgain) {
      await settle({ outcome: 'not_applied', by: 'answer', ids: [], code: failure.code });
      if (!context.world.interrupt.aborted) throw failure;
      throw new CommandError('interrupted', `Interrupted after an error: ${asClause(failure.message)}`, {
        outcome: 'not_applied',
      });
    }
  }
}

/** Reports that the API accepted a change without saying what it changed, and that the account doesn't show it. */
const notShown = new CommandError('outcome_unknown', "The API accepted the change, but the account doesn't show it", {
  outcome: 'unknown',
});

/** Records the outcome of a change. If that fails, prints a note and continues. @param id - of the change in the record */
export async function recordOutcome(
  { output }: Pick<ChangingContext, 'output'>,
  history: ChangeLog,
  id: string,
  settled: Settled,
): Promise<void> {
  try {
    await history.settle(id, settled);
  } catch (failure) {
    output.note(`Can't record the outcome in ${history.place}: ${asClause(messageOf(failure))}.`);
  }
}

/** Records the outcome of the change that this command requested. @param id - of the change in the record */
export async function settleChange(
  context: Pick<ChangingContext, 'result' | 'output'>,
  history: ChangeLog,
  id: string,
  settled: Settled,
): Promise<void> {
  context.result.lastChange = settled.outcome;
  await recordOutcome(context, history, id, settled);
}

/** Checks the account after a refusal or a lost response. */
function outcomeAfter<A extends Action>(
  context: ChangingContext,
  unsettled: UnsettledChange<A>,
  failure: CommandError,
  refused: boolean,
): Promise<Finding<FoundBy[A]>> {
  const { output, settling, world } = context;
  const { interrupt } = world;
  // After Ctrl-C, check only once.
  const patience = interrupt.aborted ? 0 : settling.patience;
  const onWait = () => {
    const limit = durationInWords(patience);
    output.note(
      `${happened(failure, refused)}. Checking for up to ${limit} whether the change went through. If you press Ctrl-C, the outcome stays unknown.`,
    );
  };
  if (interrupt.aborted && failure !== notShown) output.note('Interrupted. Checking whether the change went through…');
  return context.progress.during('Checking whether the change went through', () =>
    findOutcome(context, unsettled, { patience, refused, onWait }),
  );
}

/** Waits before a change is sent again because the API was too busy. @returns whether to send it again */
async function mayTryAgain(
  { clocks, output, world: { interrupt } }: ChangingContext,
  { code, retryAfter = shortestWait }: CommandError,
  attempt: number,
): Promise<boolean> {
  if (code !== 'rate_limited' || attempt >= mostAttempts || retryAfter > longestWait || interrupt.aborted) return false;
  const wait = Math.max(retryAfter, shortestWait);
  output.note(`The API is busy. Retrying in ${durationInWords(wait)}.`);
  return waited({ clocks }, wait);
}

/**
 * Returns whether a refusal certainly came before any work: the request didn't leave, the key was refused, the API doesn't know
 * the resource, or no card is saved (Unlimited Subscriptions API, "Subscribe").
 */
export function precedesAnyWork({ status, code }: CommandError): boolean {
  return status === undefined || [401, 403, 404].includes(status) || code === 'no_payment_method';
}

/** Returns the failure behind an unknown outcome. */
export function causeOf(failure: CommandError): CommandError {
  return failure.cause instanceof CommandError ? failure.cause : failure;
}

/** Returns an unknown outcome for a response that can't be read: something may have been charged, so it isn't an internal error. */
export function unreadable(error: unknown): CommandError {
  return new CommandError('outcome_unknown', `The response can't be read: ${messageOf(error)}`, {
    outcome: 'unknown',
    cause: error,
  });
}

function wentThrough(failure: CommandError, refused: boolean): string {
  return `${happened(failure, refused)}, but the change went through.`;
}

/** Returns what happened instead of success, as a sentence without its period. */
export function happened(failure: CommandError, refused: boolean): string {
  const cause = causeOf(failure);
  if (refused) return `The API returned an error (${asClause(cause.message)})`;
  // The response arrived, but doesn't tell the outcome.
  if (cause === failure) return failure.message;
  return `The response was lost (${asClause(cause.message)})`;
}

function hintFor(action: Action, command: string): string {
  // The account can't tell what a raw request changed.
  if (outcomeWithoutCheck(action)) return `Check with \`${command}\` before you try again.`;
  return `Run \`ci history reconcile --wait\` to find out before you try again, or check with \`${command}\`.`;
}

function outcomeUnknown(
  failure: CommandError,
  { why }: { readonly why?: string | undefined },
  { refused, hint }: { readonly refused: boolean; readonly hint: string },
): CommandError {
  const reason = why === undefined ? '' : `: ${why}`;
  return failure.with({
    code: causeOf(failure).code === 'interrupted' ? 'interrupted' : 'outcome_unknown',
    message: `${happened(failure, refused)}. The change may or may not have gone through${reason}`,
    hint,
    outcome: 'unknown',
    retryable: false,
  });
}

/** Points out earlier changes of this account without a known outcome, except those already checked for the new change. */
async function noteOpen(
  { output, clocks }: ChangingContext,
  history: ChangeLog,
  account: RecordedAccount,
  intent: Intent,
): Promise<void> {
  const open = (await changesToFind(history)).filter(
    (each) => each.account.id === account.id && !compareChanges(intent, each.intent),
  );
  const last = open.at(-1);
  if (!last) return;
  const when = timeAgo(last.at, clocks.wall());
  const what = `"${describeChange(last.intent)}" (${when})`;
  const changes =
    open.length === 1
      ? `an earlier change is unknown: ${what}`
      : `${open.length} earlier changes is unknown. The latest is ${what}`;
  output.note(`The outcome of ${changes}. Run \`ci history reconcile\` to find out.`);
}
