import type { Api } from '../../api/index.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import type { Before, Intent } from '../../domain/reconcile.ts';
import { timeAgo } from '../../output/time.ts';
import { type History, isOpen, type RecordedAccount, type Settled } from '../../state/history.ts';
import { noteUndelivered } from '../secrets/undelivered.ts';
import {
  type Action,
  compareChanges,
  describeChange,
  type FoundBy,
  type IntentOf,
  idsFound,
  knownWithoutLook,
  trustsRefusal,
} from './actions.ts';
import { type Finding, findOutcome, type LookingContext, type UnsettledChange, waited } from './find-outcome.ts';

/** Maximum attempts at one change. It is retried only if the API was too busy and the account agrees that nothing was done. */
const mostAttempts = 3;
/** The longest wait before a change is sent again, milliseconds. */
const longestWait = 60_000;
/** The wait before a second attempt where the API doesn't say how long, milliseconds. */
const shortestWait = 1000;
/** If a request leaves this long after it was recorded, in milliseconds, the record also gets the time it left. */
const noticeable = 1000;

/** What carrying out a change takes. */
export type ChangingContext = LookingContext & Pick<Context, 'output' | 'progress' | 'result' | 'settling'>;

/** What all changes have. */
interface RequestedChange<A extends Action, Answer> {
  readonly intent: IntentOf<A>;
  /** What was there before. The caller reads it. */
  readonly before: Before;
  /** Converts what a look found to the answer that was lost, or that didn't say it. */
  readonly adopt: (found: FoundBy[A], api: Api) => Answer | Promise<Answer>;
  /** Returns the charge in USD if the answer states a different amount than was agreed. */
  readonly charge?: (answer: Answer) => number | undefined;
  /** The command that shows the result. */
  readonly command: string;
}

/** A change whose response says what was changed. */
interface AnsweredChange<A extends Action, Answer> extends RequestedChange<A, Answer> {
  /** Sends the one request, through an API of its own. */
  readonly send: (api: Api) => Promise<Answer>;
  /** The ids of what an answer says was made or changed. */
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
 * Carries out one change of the account. Records it before its request leaves, and its outcome afterwards. If the response is
 * lost, unusable or a refusal, or says only that the change was accepted, a look at the account decides whether the change went through.
 *
 * @param action - the intent's own
 * @throws CommandError with its `outcome`. It is `not_applied` only if the request certainly didn't leave, if the API refused it
 *   before doing anything, or if a look at the account that can be trusted found nothing; else `unknown`
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
    noteOpen(context, history, account, intent);
    await noteUndelivered(context);
  }
  const begunAt = clocks.wall();
  const id = history.begin({ intent, before, account });
  let left = { wall: begunAt, monotonic: clocks.monotonic() };
  const api = await context.connections.changing(() => {
    left = { wall: clocks.wall(), monotonic: clocks.monotonic() };
    if (Math.abs(left.wall - begunAt) < noticeable) return;
    // This process may have been stopped meanwhile, and another process may have settled the change.
    if (!history.open().some((each) => each.id === id)) throw givenUp();
    try {
      history.sent(id);
    } catch (error) {
      throw new CommandError('file_error', `the change cannot be recorded in ${history.file}: ${messageOf(error)}`, {
        hint: 'Nothing was sent.',
        outcome: 'not_applied',
        cause: error,
      });
    }
  });
  const settle = (settled: Settled) => settleChange(context, history, id, settled);
  const adopted = async (found: FoundBy[A]) => {
    const settled = { outcome: 'applied', by: 'look', ids: idsFound(action, found) } as const;
    try {
      const answer = await change.adopt(found, await context.connections.looking());
      settle({ ...settled, charge: change.charge?.(answer) });
      return answer;
    } catch (error) {
      settle(settled);
      throw error;
    }
  };
  for (let attempt = 1; ; attempt++) {
    context.result.lastChange = 'unknown';
    let failure = notShown;
    try {
      if (change.ids) {
        const answer = await change.send(api);
        settle({ outcome: 'applied', by: 'answer', ids: change.ids(answer), charge: change.charge?.(answer) });
        return answer;
      }
      await change.send(api);
    } catch (error) {
      failure = error instanceof CommandError ? error : unreadable(error);
    }
    const refused = failure.outcome !== 'unknown';
    const known = knownWithoutLook(action);
    // What charges nothing by itself can be sent again without a look.
    if (refused && known?.outcome === 'not_applied' && (await mayTryAgain(context, failure, attempt))) continue;
    if (refused && (precedesAnyWork(failure) || known)) {
      settle({ outcome: failure.outcome ?? 'not_applied', by: 'answer', ids: [], code: failure.code });
      throw failure;
    }
    const settlesAt = left.wall + settings.settlingTime.value;
    const settlesAtMonotonic = left.monotonic + settings.settlingTime.value;
    const unsettled = { id, action, intent, before, account, begunAt, settlesAt, settlesAtMonotonic };
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
      const doubt = inDoubt(failure, finding, hintFor(action, change.command));
      const error = context.world.interrupt.aborted ? doubt.with({ code: 'interrupted' }) : doubt;
      settle({ outcome: 'unknown', by: 'look', ids: [], code: error.code });
      throw error;
    }
    if (!refused) {
      const cause = causeOf(failure);
      const message = `${cause.message}; the change was not carried out`;
      settle({ outcome: 'not_applied', by: 'look', ids: [], code: cause.code });
      const code = cause.code === 'outcome_unknown' ? 'server_error' : cause.code;
      throw cause.with({ code, message, outcome: 'not_applied' });
    }
    if (!triesAgain) {
      settle({ outcome: 'not_applied', by: 'answer', ids: [], code: failure.code });
      if (!context.world.interrupt.aborted) throw failure;
      throw new CommandError('interrupted', `interrupted after ${failure.message}`, { outcome: 'not_applied' });
    }
  }
}

/** Reports that the API accepted a change without saying what it changed, if the account doesn't show it either. */
const notShown = new CommandError('outcome_unknown', "the API accepted the change, but the account doesn't show it", {
  outcome: 'unknown',
});

/** Records the outcome of a change. If that fails, prints a note and continues. @param id - in the record */
export function recordOutcome(
  { output }: Pick<ChangingContext, 'output'>,
  history: History,
  id: string,
  settled: Settled,
): void {
  try {
    history.settle(id, settled);
  } catch (failure) {
    output.note(`The outcome could not be recorded in ${history.file}: ${messageOf(failure)}`);
  }
}

/** Records the outcome of the change that this command requested. @param id - in the record */
export function settleChange(
  context: Pick<ChangingContext, 'result' | 'output'>,
  history: History,
  id: string,
  settled: Settled,
): void {
  context.result.lastChange = settled.outcome;
  recordOutcome(context, history, id, settled);
}

/** Looks at the account after a refusal or a lost response. */
function outcomeAfter<A extends Action>(
  context: ChangingContext,
  unsettled: UnsettledChange<A>,
  failure: CommandError,
  refused: boolean,
): Promise<Finding<FoundBy[A]>> {
  const { output, settling, world } = context;
  const { interrupt } = world;
  // After Ctrl-C, look only once.
  const patience = interrupt.aborted ? 0 : settling.patience;
  const onWait = () => {
    const seconds = Math.ceil(patience / 1000);
    output.note(
      `${happened(failure, refused)}. Checking for up to ${seconds} s whether the change went through; Ctrl-C stops and leaves the outcome unknown.`,
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
  output.note(`The API is busy; trying again in ${Math.ceil(wait / 1000)} s.`);
  return waited({ clocks }, wait);
}

/**
 * Whether a refusal certainly came before any work: the request didn't leave, the key was refused, the API doesn't know the
 * resource, or no card is saved (Unlimited Subscriptions API, "Subscribe").
 */
function precedesAnyWork({ status, code }: CommandError): boolean {
  return status === undefined || [401, 403, 404].includes(status) || code === 'no_payment_method';
}

function givenUp(): CommandError {
  return new CommandError('busy', 'this change was settled by another ci process before its request left', {
    hint: 'Nothing was sent. Run this again.',
    retryable: true,
    outcome: 'not_applied',
  });
}

function causeOf(failure: CommandError): CommandError {
  return failure.cause instanceof CommandError ? failure.cause : failure;
}

/** Turns a response that can't be read into an unknown outcome: something may have been charged, so it isn't a program error. */
function unreadable(error: unknown): CommandError {
  return new CommandError('outcome_unknown', `the response could not be read: ${messageOf(error)}`, {
    outcome: 'unknown',
    cause: error,
  });
}

function wentThrough(failure: CommandError, refused: boolean): string {
  return `${happened(failure, refused)}, but the change went through.`;
}

/** Returns what happened instead of success, as the first half of a sentence. */
function happened(failure: CommandError, refused: boolean): string {
  const cause = causeOf(failure);
  if (refused) return `The API answered "${cause.message}"`;
  // The response arrived, but leaves the outcome open.
  if (cause === failure) return sentence(failure.message);
  return `The response was lost (${cause.message})`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function hintFor(action: Action, command: string): string {
  // No look can tell what a raw request changed.
  if (knownWithoutLook(action)) return `Check what is there with \`${command}\` before you repeat it.`;
  return `Run \`ci history reconcile --wait\` to find out before you repeat it; \`${command}\` shows what is there.`;
}

function inDoubt(failure: CommandError, { why }: { readonly why?: string | undefined }, hint: string): CommandError {
  const { code, message } = causeOf(failure);
  return failure.with({
    code: code === 'interrupted' ? 'interrupted' : 'outcome_unknown',
    message: `${message}. The change may have gone through${why === undefined ? ', or may still do so' : `: ${why}`}`,
    hint,
    outcome: 'unknown',
    retryable: false,
  });
}

/** Points out earlier changes of this account without a known outcome, except those already checked for the new change. */
function noteOpen(
  { output, clocks }: ChangingContext,
  history: History,
  account: RecordedAccount,
  intent: Intent,
): void {
  const open = history
    .open()
    .filter((each) => each.account.id === account.id && isOpen(each) && !compareChanges(intent, each.intent));
  const last = open.at(-1);
  if (!last) return;
  const when = timeAgo(new Date(last.at), new Date(clocks.wall()));
  const what = `"${describeChange(last.intent)}" (${when})`;
  const whose =
    open.length === 1
      ? `an earlier change is unknown: ${what}`
      : `${open.length} earlier changes is unknown, the latest is ${what}`;
  output.note(`The outcome of ${whose}. Run \`ci history reconcile\` to find out.`);
}
