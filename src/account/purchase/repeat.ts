import type { Subscription } from '../../api/pools.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { areSamePurchases, judgeSubscribe, type SubscribeIntent } from '../../domain/reconcile.ts';
import { inWords } from '../../output/text.ts';
import { timeAgo } from '../../output/time.ts';
import type { RecordedChange } from '../../state/history.ts';
import { idsOfOthers } from '../changes/find-outcome.ts';

/** For how long a second purchase of the same is taken for a repeated first one, in milliseconds. */
const repeatWithin = 10 * 60_000;

/** Consent to a purchase, though the same may have been bought before. */
export interface Agreement {
  /** The earlier purchases that were agreed to be repeated, by their ids in the record. */
  readonly repeated: ReadonlySet<string>;
  /** When it was given, epoch milliseconds. */
  readonly at: number;
}

/**
 * Asks once more when the same was bought a moment ago, by whatever `ci` on this machine: `--yes` consents to one purchase.
 *
 * @param counts - which of the earlier purchases count
 * @throws CommandError (declined), or (confirmation_required) where nobody can be asked
 */
export async function consentToRepeat(
  context: Context,
  intent: SubscribeIntent,
  mineNow: () => Promise<readonly Subscription[]>,
  counts: (change: RecordedChange) => boolean = () => true,
): Promise<Agreement> {
  const at = context.clocks.wall();
  const same = (await samePurchasesSince(context, intent, at - repeatWithin)).filter(counts);
  const done = same.length > 0 ? await carriedOut(context, same, await mineNow()) : [];
  const last = done.at(-1);
  if (!last) return { repeated: new Set(), at };
  if (!context.prompts.canAsk) throw repetition(context, last);
  context.output.note(toldOf(context, last));
  await context.prompts.consentAgain('Buy it once more?');
  return { repeated: new Set(done.map(({ id }) => id)), at };
}

/**
 * Refuses a repetition that nobody agreed to: of a purchase made since the question was asked, however long ago that is.
 *
 * @param agreed - of {@link consentToRepeat}
 * @param counts - which of the earlier purchases count
 * @throws CommandError (confirmation_required)
 */
export async function checkRepeat(
  context: Context,
  intent: SubscribeIntent,
  mine: readonly Subscription[],
  { repeated, at }: Agreement,
  counts: (change: RecordedChange) => boolean = () => true,
): Promise<void> {
  const same = (await samePurchasesSince(context, intent, at - repeatWithin)).filter(
    (change) => !repeated.has(change.id) && counts(change),
  );
  const last = (await carriedOut(context, same, mine)).at(-1);
  if (last) throw repetition(context, last);
}

/** The purchases of just the same for this account, as recorded since a moment. @param since - epoch milliseconds */
export async function samePurchasesSince(
  context: Context,
  intent: SubscribeIntent,
  since: number,
): Promise<RecordedChange[]> {
  const { id } = await context.record.account();
  const history = await context.record.history();
  return history
    .since(since)
    .filter(
      (each) =>
        each.account.id === id &&
        Date.parse(each.at) > since &&
        each.intent.action === 'subscribe' &&
        areSamePurchases(intent, each.intent),
    );
}

/**
 * Those that were carried out and are still held, or may have been: what was not there when it was looked for may come late, and
 * what was to be paid in the browser may have been paid.
 */
async function carriedOut(
  context: Context,
  changes: readonly RecordedChange[],
  mine: readonly Subscription[],
): Promise<RecordedChange[]> {
  const history = await context.record.history();
  const held = new Set(mine.map((each) => each.id));
  return changes.filter(({ id, at, intent, before, settled }) => {
    if (settled?.outcome === 'applied' && settled.ids.length > 0) return settled.ids.some((each) => held.has(each));
    // A purchase without a known outcome doesn't count here: the command waits for it before it buys.
    if (settled?.outcome !== 'not_applied') return settled?.outcome === 'applied';
    const refused = settled.by === 'answer' && settled.code !== 'no_payment_method';
    if (refused || intent.action !== 'subscribe') return false;
    return (
      judgeSubscribe(intent, before, mine, idsOfOthers(history.since(Date.parse(at)), { id, intent })).outcome !==
      'not_applied'
    );
  });
}

function repetition(context: Context, change: RecordedChange): CommandError {
  return new CommandError('confirmation_required', toldOf(context, change), {
    hint: 'Nothing was charged. --ensure buys only what is not there; --again buys it a second time.',
    outcome: 'not_applied',
  });
}

function toldOf({ clocks }: Pick<Context, 'clocks'>, { at, settled }: RecordedChange): string {
  const when = timeAgo(new Date(at), new Date(clocks.wall()));
  const ids = settled?.ids ?? [];
  const what = settled?.outcome === 'applied' ? 'was bought' : 'may have been bought';
  return `the same ${what} ${when}${ids.length > 0 ? `: ${inWords(ids)}` : ''}`;
}
