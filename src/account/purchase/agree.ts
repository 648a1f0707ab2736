import type { Subscription } from '../../api/pools.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { renewingSeats } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { areSamePurchases, judgeSubscribe, type SubscribeIntent } from '../../domain/reconcile.ts';
import { counted, factLines, inWords } from '../../output/text.ts';
import { timeAgo } from '../../output/time.ts';
import type { Prompts } from '../../prompts/prompts.ts';
import type { RecordedChange } from '../../state/history.ts';
import type { ChangingContext } from '../changes/carry-out.ts';
import { noteRisk } from '../changes/earlier.ts';
import { idsOfOthers } from '../changes/find-outcome.ts';
import { checkAvailable } from './availability.ts';
import { plannedPurchase } from './intent.ts';
import { checkMaximum, checkSpending } from './limits.ts';
import type { PricedPurchase } from './price.ts';
import type { PurchaseAccount } from './snapshot.ts';

/** How long a purchase of the same thing counts as a repetition, in milliseconds. */
const repeatWithin = 10 * 60_000;

/** Something that the user may agree to buy. */
export interface Offer {
  readonly intent: SubscribeIntent;
  /** The purchase at the price that was last seen; undefined if the API states none. */
  readonly purchase?: PricedPurchase | undefined;
  /** The most that it may charge. */
  readonly maximum?: Cents | undefined;
}

/** What needs consent, for the error if nobody can be asked for it. */
export const purchasePurpose = 'a subscription charges the saved card, which';

/** How to ask for agreement. */
export interface AgreeOptions {
  /** What needs consent, for the error if nobody can be asked; default: {@link purchasePurpose}. */
  readonly purpose?: string;
  /** The facts to show before the question, without those about the account. */
  readonly facts: () => Promise<readonly Fact[]>;
  /** The question to consent to: `Charge $49.00 now?` */
  readonly question: string;
  readonly account: PurchaseAccount;
  /** Asks the questions; default: the context's. */
  readonly prompts?: AgreementPrompts;
  /** Whether to buy only what isn't covered yet. Then nothing can be bought twice, and no repetition is asked about. */
  readonly ensure?: boolean | undefined;
  /** Whether to buy once an offer opens. Then it doesn't have to be available now. */
  readonly opensLater?: boolean;
}

/** Consent to a purchase, possibly a repetition of earlier ones. */
export interface Agreement {
  /** The earlier purchases that may be repeated, by their ids in the record. */
  readonly repeated: ReadonlySet<string>;
  /** When it was given, epoch milliseconds. */
  readonly at: number;
}

/** A label and a value. */
export type Fact = readonly [string, string];

/** What asking for agreement takes. */
export type AgreeingContext = ChangingContext & Pick<Context, 'prompts'>;

type AgreementPrompts = Pick<Prompts, 'canAsk' | 'consent' | 'consentAgain' | 'requireConsent'>;

/**
 * Asks the user to agree to one purchase: of the offer, or of the first of several that opens. Checks first what would refuse it
 * later: availability, the price limit, and the monthly spending limit. Asks again if the same was bought moments ago.
 *
 * All commands that buy call this. `pools subscribe` and `setup` have one offer. The watch has one for each candidate, with
 * `opensLater`, and its `account` is what it saw of the account last. What is returned is checked again with {@link checkRepeat}
 * right before the purchase.
 *
 * @returns undefined if any purchase may be repeated, with `--ensure` and `--again`
 * @throws CommandError (unavailable) or (price_above_maximum) if the only offer can't be bought; (declined); (confirmation_required)
 *   if nobody can be asked
 */
export async function agree(
  context: AgreeingContext,
  offers: readonly Offer[],
  { purpose = purchasePurpose, facts, question, account, prompts = context.prompts, ensure, opensLater }: AgreeOptions,
): Promise<Agreement | undefined> {
  prompts.requireConsent(purpose);
  if (!opensLater) for (const { purchase } of offers) if (purchase) checkAvailable(purchase);
  await checkLimits(context, offers, account);
  const intents = offers.map(({ intent }) => intent);
  const { again } = context.settling;
  if (again) {
    await noteRisk(
      context,
      intents.map((intent) => plannedPurchase(context, intent)),
    );
  }
  if (prompts.canAsk) {
    const lines = [...(await facts()), ...(await heldFacts(intents, account)), accountFact(context)];
    context.output.note(factLines(lines));
    await prompts.consent(question);
  }
  return ensure || again ? undefined : agreeToRepeat(context, intents, { account, prompts });
}

/**
 * Refuses an offer above the limits of the user. Of several offers none is refused: each is checked when it opens, and its price may
 * have fallen by then.
 *
 * @throws CommandError (price_above_maximum)
 */
export async function checkLimits(
  context: Pick<Context, 'settings'>,
  [offer, ...others]: readonly Offer[],
  account: Pick<PurchaseAccount, 'spending'>,
): Promise<void> {
  if (!offer?.purchase || others.length > 0) return;
  checkMaximum(offer.purchase, offer.maximum);
  checkSpending(context, offer.purchase, await account.spending());
}

/**
 * Asks once more if the same was bought moments ago by any `ci` on this machine: `--yes` consents to one purchase.
 *
 * @throws CommandError (declined); (confirmation_required) if nobody can be asked
 */
export async function agreeToRepeat(
  context: AgreeingContext,
  intents: readonly SubscribeIntent[],
  {
    account,
    prompts = context.prompts,
  }: { readonly account: Pick<PurchaseAccount, 'subscriptions'>; readonly prompts?: AgreementPrompts },
): Promise<Agreement> {
  const at = context.clocks.wall();
  const repeated = new Set<string>();
  for (const intent of intents) {
    const same = await samePurchasesSince(context, intent, at - repeatWithin);
    const done = same.length > 0 ? await goneThrough(context, same, await account.subscriptions(intent.pool)) : [];
    const last = done.at(-1);
    if (!last) continue;
    if (!prompts.canAsk) throw repetition(context, last);
    context.output.note(repetitionText(context, last));
    for (const { id } of done) repeated.add(id);
  }
  if (repeated.size > 0) await prompts.consentAgain('Buy it once more?');
  return { repeated, at };
}

/**
 * Refuses a repetition that the user didn't agree to: of a purchase made since the question was asked, however long ago that is.
 *
 * @param mine - my subscriptions on the pool
 * @throws CommandError (confirmation_required)
 */
export async function checkRepeat(
  context: Pick<Context, 'clocks' | 'record'>,
  intent: SubscribeIntent,
  mine: readonly Subscription[],
  { repeated, at }: Agreement,
): Promise<void> {
  const same = await samePurchasesSince(context, intent, at - repeatWithin);
  const others = same.filter(({ id }) => !repeated.has(id));
  const last = (await goneThrough(context, others, mine)).at(-1);
  if (last) throw repetition(context, last);
}

/** Returns the recorded purchases of exactly the same for this account. @param since - epoch milliseconds */
export async function samePurchasesSince(
  { record }: Pick<Context, 'record'>,
  intent: SubscribeIntent,
  since: number,
): Promise<RecordedChange[]> {
  const { id } = await record.account();
  const history = await record.history();
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
 * Returns the purchases that went through and are still held, or may have gone through: one that a look didn't find may come late,
 * and one that was to be paid in the browser may have been paid.
 */
async function goneThrough(
  { record }: Pick<Context, 'record'>,
  changes: readonly RecordedChange[],
  mine: readonly Subscription[],
): Promise<RecordedChange[]> {
  const history = await record.history();
  const held = new Set(mine.map((each) => each.id));
  return changes.filter(({ id, at, intent, before, settled }) => {
    if (settled?.outcome === 'applied' && settled.ids.length > 0) return settled.ids.some((each) => held.has(each));
    // A purchase without a known outcome doesn't count here: commands wait for it before they buy.
    if (settled?.outcome !== 'not_applied') return settled?.outcome === 'applied';
    const refused = settled.by === 'answer' && settled.code !== 'no_payment_method';
    if (refused || intent.action !== 'subscribe') return false;
    const others = idsOfOthers(history.since(Date.parse(at)), { id, intent });
    return judgeSubscribe(intent, before, mine, others).outcome !== 'not_applied';
  });
}

function repetition(context: Pick<Context, 'clocks'>, change: RecordedChange): CommandError {
  return new CommandError('confirmation_required', repetitionText(context, change), {
    hint: 'Nothing was charged. --ensure buys only what is not there; --again buys it a second time.',
    outcome: 'not_applied',
  });
}

function repetitionText({ clocks }: Pick<Context, 'clocks'>, { at, settled }: RecordedChange): string {
  const when = timeAgo(new Date(at), new Date(clocks.wall()));
  const ids = settled?.ids ?? [];
  const what = settled?.outcome === 'applied' ? 'was bought' : 'may have been bought';
  return `the same ${what} ${when}${ids.length > 0 ? `: ${inWords(ids)}` : ''}`;
}

/** Returns what I hold of the offers already: a purchase comes on top of it. */
async function heldFacts(intents: readonly SubscribeIntent[], account: PurchaseAccount): Promise<Fact[]> {
  const blocks = new Map<string, Set<Block>>();
  for (const intent of intents) {
    blocks.set(intent.pool, new Set([...(blocks.get(intent.pool) ?? []), ...intent.blocks]));
  }
  const held: string[] = [];
  for (const [pool, wanted] of blocks) {
    const seats = renewingSeats(await subscriptionsIfKnown(account, pool));
    for (const block of wanted) {
      const count = seats.get(block);
      if (count !== undefined)
        held.push(`${counted(count, 'seat')} in ${block}${blocks.size > 1 ? ` of ${pool}` : ''}`);
    }
  }
  return held.length === 0 ? [] : [['You hold', `${inWords(held)} already`]];
}

/** Returns my subscriptions on a pool, or none if they can't be fetched now: whether to buy is asked all the same. */
async function subscriptionsIfKnown(account: PurchaseAccount, pool: string): Promise<readonly Subscription[]> {
  try {
    return await account.subscriptions(pool);
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}

function accountFact({ settings }: Pick<Context, 'settings'>): Fact {
  return ['Account', accountLabel(settings)];
}
