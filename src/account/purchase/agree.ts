import type { Subscription } from '../../api/pools.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { counted } from '../../domain/counted.ts';
import { renewingSeats } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { areSamePurchases, judgeSubscribe, type SubscribeIntent } from '../../domain/reconcile.ts';
import { factLines, inWords } from '../../output/text.ts';
import { timeAgo } from '../../output/time.ts';
import type { Prompts } from '../../prompts/prompts.ts';
import type { RecordedChange } from '../../state/change-log.ts';
import type { ChangingContext } from '../changes/carry-out.ts';
import { noteRisk } from '../changes/earlier.ts';
import { idsOfOthers } from '../changes/find-outcome.ts';
import { checkAvailable } from './availability.ts';
import { plannedPurchase } from './intent.ts';
import { checkMaximum, checkSpending } from './limits.ts';
import type { PricedPurchase } from './price.ts';
import type { PurchaseAccount } from './snapshot.ts';
import { unlistedPurchases } from './unlisted.ts';

/** How long after a purchase the same purchase counts as a repeat, in milliseconds. */
const repeatWithin = 10 * 60_000;

/** A purchase that the user is asked to agree to. */
export interface Offer {
  readonly intent: SubscribeIntent;
  /** The purchase at the price last fetched; undefined if the API states no price. */
  readonly purchase?: PricedPurchase | undefined;
  /** The most it may charge. */
  readonly maximum?: Cents | undefined;
}

/** How to ask for consent. */
export interface AgreeOptions {
  /** Returns the facts to show before the question, without those about the account. */
  readonly facts: () => Promise<readonly Fact[]>;
  /** The question to ask: `Charge $49.00 now?` */
  readonly question: string;
  readonly account: PurchaseAccount;
  /** Asks the questions. Default: those of the context. */
  readonly prompts?: AgreementPrompts;
  /** Whether to buy only what isn't covered yet. Nothing can then be bought twice, so a repeat needs no consent. */
  readonly ensure?: boolean | undefined;
  /** Whether to buy when seats become available. They then don't have to be available now. */
  readonly opensLater?: boolean;
}

/** Consent to a purchase, and to repeating earlier ones. */
export interface Agreement {
  /** The ids, in the record, of the earlier purchases that may be repeated. */
  readonly repeated: ReadonlySet<string>;
  /** When the user was asked, epoch milliseconds. */
  readonly at: number;
}

/** A label and a value. */
export type Fact = readonly [string, string];

/** The parts of the context that asking for consent uses. */
export type AgreeingContext = ChangingContext & Pick<Context, 'prompts'>;

type AgreementPrompts = Pick<Prompts, 'canAsk' | 'consent' | 'consentAgain' | 'requireConsent'>;

/**
 * Asks for consent to one purchase: of the offer, or of the first of several offers that becomes available. Before it asks, it
 * checks the availability, the price limit and the monthly spending limit. Asks a second time if you bought the same thing moments
 * ago.
 *
 * Every command that buys calls this. `pools subscribe` and `setup` have one offer. `pools watch` has an offer for each candidate,
 * sets `opensLater`, and passes the account as it was last fetched. {@link checkRepeat} checks the result right before the purchase.
 *
 * @returns undefined with `--ensure` and `--again`, because any purchase may then be repeated
 * @throws CommandError (unavailable) or (price_above_maximum) if the only offer can't be bought; (declined); (confirmation_required)
 *   if it can't prompt
 */
export async function agree(
  context: AgreeingContext,
  offers: readonly Offer[],
  { facts, question, account, prompts = context.prompts, ensure, opensLater }: AgreeOptions,
): Promise<Agreement | undefined> {
  prompts.requireConsent();
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
    const lines = [...(await facts()), ...(await ownedFacts(intents, account)), ...paymentFacts(context)];
    context.output.note(factLines(lines));
    await prompts.consent(question);
  }
  return ensure || again ? undefined : agreeToRepeat(context, intents, { account, prompts });
}

/**
 * Refuses an offer above the user's limits. Several offers are never refused: each is checked again when it becomes available, and
 * its price may have fallen by then.
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
 * Asks for consent to a repeat if any `ci` bought the same thing moments ago. `--yes` doesn't cover it.
 *
 * @throws CommandError (declined); (confirmation_required) if it can't prompt
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
    context.output.note(`${repetitionText(context, last)}.`);
    for (const { id } of done) repeated.add(id);
  }
  if (repeated.size > 0) await prompts.consentAgain('Buy it again?');
  return { repeated, at };
}

/**
 * Refuses to repeat a purchase without consent: one that was made after the user was asked, however long ago that is.
 *
 * @param existing - the user's subscriptions on the pool
 * @throws CommandError (confirmation_required)
 */
export async function checkRepeat(
  context: Pick<Context, 'clocks' | 'record' | 'settings'>,
  intent: SubscribeIntent,
  existing: readonly Subscription[],
  { repeated, at }: Agreement,
): Promise<void> {
  const same = await samePurchasesSince(context, intent, at - repeatWithin);
  const others = same.filter(({ id }) => !repeated.has(id));
  const last = (await goneThrough(context, others, existing)).at(-1);
  if (last) throw repetition(context, last);
}

/** Returns the purchases of exactly the same thing that the record has for this account. @param since - epoch milliseconds */
export async function samePurchasesSince(
  { record }: Pick<Context, 'record'>,
  intent: SubscribeIntent,
  since: number,
): Promise<RecordedChange[]> {
  const { id } = await record.account();
  const history = await record.history();
  return (await history.since(since)).filter(
    (each) =>
      each.account.id === id &&
      Date.parse(each.at) > since &&
      each.intent.action === 'subscribe' &&
      areSamePurchases(intent, each.intent),
  );
}

/**
 * Returns the purchases that went through and weren't canceled, and those that may have gone through: a purchase that wasn't found
 * may appear late, and one that had to be paid in the browser may have been paid.
 */
async function goneThrough(
  context: Pick<Context, 'clocks' | 'record' | 'settings'>,
  changes: readonly RecordedChange[],
  existing: readonly Subscription[],
): Promise<RecordedChange[]> {
  if (changes.length === 0) return [];
  const history = await context.record.history();
  const ids = new Set(existing.map((each) => each.id));
  const recorded = await history.since(Math.min(...changes.map(({ at }) => Date.parse(at))));
  const unlisted = new Set((await unlistedPurchases(context, existing)).map(({ change }) => change.id));
  return changes.filter(({ id, intent, before, settled }) => {
    if (unlisted.has(id)) return true;
    if (settled?.outcome === 'applied' && settled.ids.length > 0) return settled.ids.some((each) => ids.has(each));
    // Commands wait for a purchase with an unknown outcome before they buy, so it doesn't count here.
    if (settled?.outcome !== 'not_applied') return settled?.outcome === 'applied';
    const refused = settled.by === 'answer' && settled.code !== 'no_payment_method';
    if (refused || intent.action !== 'subscribe') return false;
    const others = idsOfOthers(recorded, { id, intent });
    return judgeSubscribe(intent, before, existing, others).outcome !== 'not_applied';
  });
}

function repetition(context: Pick<Context, 'clocks'>, change: RecordedChange): CommandError {
  return new CommandError('confirmation_required', repetitionText(context, change), {
    hint: 'Nothing was charged. Pass --ensure to skip the purchase if your subscriptions cover it, or --again to buy it a second time.',
    outcome: 'not_applied',
  });
}

function repetitionText({ clocks }: Pick<Context, 'clocks'>, { at, settled }: RecordedChange): string {
  const when = timeAgo(at, clocks.wall());
  const ids = settled?.ids ?? [];
  const verb = settled?.outcome === 'applied' ? 'bought' : 'may have bought';
  return `You ${verb} the same thing ${when}${ids.length > 0 ? `: ${inWords(ids)}` : ''}`;
}

/** Returns the seats in the same blocks that the account already has. The purchase adds to them. */
async function ownedFacts(intents: readonly SubscribeIntent[], account: PurchaseAccount): Promise<Fact[]> {
  const blocks = new Map<string, Set<Block>>();
  for (const intent of intents) {
    blocks.set(intent.pool, new Set([...(blocks.get(intent.pool) ?? []), ...intent.blocks]));
  }
  const owned: string[] = [];
  for (const [pool, names] of blocks) {
    const seats = renewingSeats(await subscriptionsIfKnown(account, pool));
    for (const block of names) {
      const count = seats.get(block);
      if (count !== undefined)
        owned.push(`${counted(count, 'seat')} in ${block}${blocks.size > 1 ? ` of ${pool}` : ''}`);
    }
  }
  return owned.length === 0 ? [] : [['You have', `${inWords(owned)} already`]];
}

/** Returns the user's subscriptions on a pool; none if they can't be fetched, because the user can be asked without them. */
async function subscriptionsIfKnown(account: PurchaseAccount, pool: string): Promise<readonly Subscription[]> {
  try {
    return await account.subscriptions(pool);
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}

/** Returns the card that is charged, and the account that it belongs to. */
export function paymentFacts({ settings }: Pick<Context, 'settings'>): readonly Fact[] {
  return [
    ['Charged to', settings.sandbox.value ? 'a simulated card' : 'your saved card'],
    ['Account', accountLabel(settings)],
  ];
}
