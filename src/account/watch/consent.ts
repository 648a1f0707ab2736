import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { type Cents, formatUsd } from '../../domain/money.ts';
import { factLines } from '../../output/text.ts';
import type { RecordedChange } from '../../state/history.ts';
import { noteRisk } from '../changes/earlier.ts';
import { blockHours, priceText } from '../pools.ts';
import { plannedPurchase } from '../purchase/buy.ts';
import { checkMaximum, checkSpending } from '../purchase/limits.ts';
import type { PricedPurchase } from '../purchase/price.ts';
import { type Agreement, consentToRepeat } from '../purchase/repeat.ts';
import { type AccountSnapshot, subscriptionsOn } from './account-snapshot.ts';
import type { Candidate } from './availability.ts';
import { type BuyOptions, candidateIntent, priceNotStated, statedPrice } from './candidate-purchase.ts';
import type { Poll } from './poll.ts';

/** What the user agreed to before the watch began. */
export interface Consent {
  /** The most that each candidate may charge. */
  readonly limits: ReadonlyMap<Candidate, Cents>;
  /** The consent to one purchase; undefined if any number of earlier ones may be repeated. */
  readonly agreed?: Agreement | undefined;
}

/** What the consent is about. */
interface PlannedWatch {
  readonly candidates: readonly Candidate[];
  readonly poll: Poll;
  readonly account: AccountSnapshot;
  readonly options: BuyOptions;
}

/**
 * Asks for consent to one purchase up front, because nobody may be there when a seat opens.
 *
 * @throws CommandError (price_above_maximum) if the only candidate costs too much; (confirmation_required), (declined)
 */
export async function askConsent(context: Context, watch: PlannedWatch): Promise<Consent> {
  const { candidates, poll, account, options } = watch;
  const { prompts, output, clocks } = context;
  prompts.requireConsent('watching with --subscribe charges the saved card, which');
  const prices = new Map<Candidate, PricedPurchase>();
  const limits = new Map<Candidate, Cents>();
  for (const candidate of candidates) {
    const price = statedPrice(poll, candidate, options);
    if (price) prices.set(candidate, price);
    const limit = options.maxPrice ?? price?.quote.charge.atMost;
    if (limit === undefined) throw priceNotStated(candidate);
    limits.set(candidate, limit);
    if (!price || candidates.length > 1) continue;
    checkMaximum(price, limit);
    checkSpending(context, price, account.spent);
  }
  if (prompts.canAsk) {
    output.note(factLines(await watchFacts(context, watch, prices)));
    await prompts.consent(`Charge up to ${formatUsd(Math.max(...limits.values()))} as soon as one opens?`);
  }
  if (options.again) {
    const [candidate] = candidates;
    if (candidate) await noteRisk(context, plannedPurchase(context, candidateIntent(candidate, options)));
  }
  if (options.ensure || options.again) return { limits };
  const agreed = { repeated: new Set<string>(), at: clocks.wall() };
  for (const candidate of candidates) {
    const mine = async () => subscriptionsOn(account, candidate);
    // The watch waits for a purchase without a known outcome, and adopts it if it goes through.
    const { repeated } = await consentToRepeat(context, candidateIntent(candidate, options), mine, isSettled);
    for (const id of repeated) agreed.repeated.add(id);
  }
  return { limits, agreed };
}

/** Whether the outcome of a change is known. */
export function isSettled({ settled }: RecordedChange): boolean {
  return settled !== undefined && settled.outcome !== 'unknown';
}

/** Returns what the watch is going to buy, for people. */
async function watchFacts(
  { connections, settings, world }: Pick<Context, 'connections' | 'settings' | 'world'>,
  { candidates, options }: PlannedWatch,
  prices: ReadonlyMap<Candidate, PricedPurchase>,
): Promise<(readonly [string, string])[]> {
  const { quantity, billingCycle, maxPrice, createKey, timeLimit } = options;
  const now = await connections.now();
  const lines = candidates.flatMap((candidate) =>
    candidate.blocks.map((block) => {
      const monthly = prices.get(candidate)?.quote.blocks.find((each) => each.block === block)?.monthly;
      const price = monthly ? `${priceText(monthly)}  ` : '';
      return `${candidate.pool}  ${block.padEnd(8)}  ${price}${blockHours(block, now, world.timeZone)}`;
    }),
  );
  const several = candidates.length > 1;
  const together = candidates.some(({ blocks }) => blocks.length > 1);
  const limit = maxPrice === undefined ? 'at most what it costs now' : `at most ${formatUsd(maxPrice)}`;
  const what = together ? 'when all its blocks are open' : 'when it opens';
  return [
    ...lines.map((line, at) => [at === 0 ? 'Waits for' : '', line] as const),
    ['Takes', several ? `the first of them, ${what}, and no other` : `it, ${what}`],
    ['Seats', `${quantity} in each block`],
    ['Charged', `once, ${limit}, to the saved card`],
    ['Renews', `every ${billingCycle}, until canceled`],
    ...(createKey === undefined ? [] : [['Key', createKey] as const]),
    ['Gives up', timeLimit === undefined ? 'never' : `after ${timeLimit}`],
    ['Account', accountLabel(settings)],
  ];
}
