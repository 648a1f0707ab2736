import type { Api } from '../api/index.ts';
import { CommandError, messageOf, type Outcome } from '../domain/errors.ts';
import { areRivals, type Before, type Intent, type Verdict } from '../domain/reconcile.ts';
import { counted } from '../output/text.ts';
import { relativeTime } from '../output/time.ts';
import {
  type History,
  isLeftBehind,
  isOpen,
  type RecordedAccount,
  type RecordedChange,
  type Settled,
} from '../state/history.ts';
import type { Context } from './context.ts';
import { inWordsOf } from './intents.ts';

/** The pauses before each look for a change whose answer was lost, in milliseconds: a server may be late. */
export const pauses = [0, 500, 1000, 2000] as const;
/** No look begins later than this after the first, milliseconds. */
const longestSearch = 20_000;

/** A change, and how to find out what came of it when its answer is lost. */
export interface Change<Answer, Found> {
  readonly intent: Intent;
  /** What was there before; looked at by whoever asks for the change. */
  readonly before: Before;
  /** Sends the one request. */
  readonly send: () => Promise<Answer>;
  /** Ids of what an answer tells was made or changed. */
  readonly ids: (answer: Answer) => readonly string[];
  /**
   * Looks at the account again. Absent where the request by itself charges and revokes nothing: a lost answer is then no loss.
   *
   * @param others - ids that other changes on this machine are known to have made; to be asked once the account was looked at
   */
  readonly look?: (api: Api, others: () => ReadonlySet<string>) => Promise<Verdict<Found>>;
  /** What was found as the answer would have told it. */
  readonly adopt: (found: Found, api: Api) => Answer | Promise<Answer>;
  /** The command that tells what came of it, when that cannot be found out here. */
  readonly command: string;
}

/**
 * Carries out one change of the account: it is recorded before its request leaves, and what became of it afterwards. When the
 * answer is lost or unusable, the account is looked at until it is known whether the change was carried out.
 *
 * @throws CommandError with its `outcome`; `outcome_unknown` when the account cannot be looked at
 */
export async function carryOut<Answer, Found>(context: Context, change: Change<Answer, Found>): Promise<Answer> {
  const history = await context.history();
  const account = await context.recordedAccount();
  if (context.lastChange === undefined) {
    noteOpen(context, history, account);
    await context.noteUndelivered();
  }
  const id = history.begin({ intent: change.intent, before: change.before, account });
  const settle = (outcome: Outcome, by: 'answer' | 'look', ids: readonly string[] = [], error?: CommandError) =>
    settleChange(context, history, id, { outcome, by, ids, code: error?.code });
  context.lastChange = 'unknown';
  let lost: CommandError;
  try {
    const answer = await change.send();
    settle('applied', 'answer', change.ids(answer));
    return answer;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.outcome !== 'unknown') {
      settle(error.outcome ?? 'not_applied', 'answer', [], error);
      throw error;
    }
    lost = error;
  }
  const cause = lost.cause instanceof CommandError ? lost.cause : lost;
  if (lost.code === 'interrupted') context.output.note('Interrupted: finding out whether it was carried out…');
  const recorded = () => {
    const changes = history.recent();
    return { others: idsOfOthers(changes, id), hasRival: hasRival(changes, { id, account, intent: change.intent }) };
  };
  const verdict = await context.during('Finding out whether it was carried out', () =>
    search(context, change, recorded),
  );
  if (verdict.outcome === 'applied') {
    const answer = await change.adopt(verdict.found, await context.lookingApi());
    settle('applied', 'look', change.ids(answer));
    if (cause.code !== 'interrupted')
      context.output.note(`The answer was lost (${cause.message}), and it was carried out.`);
    return answer;
  }
  if (verdict.outcome === 'not_applied') {
    const error = cause.with({ message: `${cause.message}; it was not carried out`, outcome: 'not_applied' });
    settle('not_applied', 'look', [], error);
    throw error;
  }
  const error = lost.with({
    code: lost.code === 'interrupted' ? 'interrupted' : 'outcome_unknown',
    message: `${lost.message}. The request may have been carried out${verdict.why ? `; ${verdict.why}` : ''}`,
    hint: `Find out with \`${change.command}\` before you run this again.`,
    outcome: 'unknown',
  });
  settle('unknown', 'look', [], error);
  throw error;
}

/** Records what became of a change; that it cannot be recorded is said, and undoes nothing. @param id - in the record */
export function settleChange(context: Context, history: History, id: string, settled: Settled): void {
  context.lastChange = settled.outcome;
  try {
    history.settle(id, settled);
  } catch (failure) {
    const reason = messageOf(failure);
    context.output.note(`What became of it could not be recorded in ${history.file}: ${reason}`);
  }
}

/** Looks until the change is found; its absence is believed when it was seen twice. */
async function search<Answer, Found>(
  context: Context,
  { look }: Change<Answer, Found>,
  recorded: () => { readonly others: Set<string>; readonly hasRival: boolean },
): Promise<Verdict<Found>> {
  if (!look) return { outcome: 'not_applied' };
  const api = await context.lookingApi();
  const started = Date.now();
  let absent = 0;
  let why = '';
  for (const pause of pauses) {
    if (Date.now() - started > longestSearch) break;
    await context.wait(pause);
    try {
      let hasRival = false;
      const verdict = await look(api, () => {
        // What was there to be seen is recorded by now, or its process is still at work.
        const now = recorded();
        hasRival = now.hasRival;
        return now.others;
      });
      if (verdict.outcome === 'applied' && !hasRival) return verdict;
      why = verdict.outcome === 'unknown' ? verdict.why : hasRival ? 'another ci is at work on the same' : '';
      absent = verdict.outcome === 'not_applied' ? absent + 1 : 0;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      absent = 0;
      why = `it cannot be looked at: ${error.message}`;
      if (!error.retryable) break;
    }
  }
  return absent > 1 ? { outcome: 'not_applied' } : { outcome: 'unknown', why };
}

/** What other changes are known to have made: it is none of this one's. */
export function idsOfOthers(changes: readonly RecordedChange[], id: string): Set<string> {
  return new Set(changes.flatMap((each) => (each.id === id ? [] : (each.settled?.ids ?? []))));
}

/** Whether another process is at work on what cannot be told from a change's own. */
export function hasRival(
  changes: readonly RecordedChange[],
  { id, account, intent }: Pick<RecordedChange, 'id' | 'account' | 'intent'>,
): boolean {
  return changes.some(
    (each) =>
      each.id !== id &&
      each.account.id === account.id &&
      each.settled === undefined &&
      !isLeftBehind(each) &&
      areRivals(intent, each.intent),
  );
}

/** Points out changes of this account that nobody knows the outcome of. */
function noteOpen({ output, clock }: Context, history: History, account: RecordedAccount): void {
  const open = history.recent().filter((each) => each.account.id === account.id && isOpen(each));
  const last = open.at(-1);
  if (!last) return;
  const when = relativeTime(new Date(last.at), new Date(clock()));
  output.note(
    `${counted(open.length, 'earlier change')} without a known outcome, the last "${inWordsOf(last.intent)}", ${when === 'now' ? 'just now' : when}: \`ci history reconcile\` finds out.`,
  );
}
