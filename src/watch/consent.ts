import { blockHours, priceText } from '../account/pools.ts';
import { type AgreeingContext, type Agreement, agree, type Fact, type Offer } from '../account/purchase/agree.ts';
import { cycleText } from '../account/purchase/facts.ts';
import type { Context } from '../context/context.ts';
import { type Cents, formatUsd } from '../domain/money.ts';
import type { AccountSnapshot } from './account-snapshot.ts';
import type { Candidate } from './availability.ts';
import { type BuyOptions, candidateIntent, priceNotStated, statedPrice } from './candidate-purchase.ts';
import type { Poll } from './poll.ts';

/** The user's consent to one purchase, given before the watch began. */
export interface Consent {
  /** The most that each candidate may cost. */
  readonly limits: ReadonlyMap<Candidate, Cents>;
  /** The consent to repeat earlier purchases; undefined: any may be repeated. */
  readonly agreed?: Agreement | undefined;
}

/** A watch that the user is asked about. */
interface PlannedWatch {
  readonly candidates: readonly Candidate[];
  readonly poll: Poll;
  readonly account: AccountSnapshot;
  readonly options: BuyOptions;
}

/**
 * Asks for consent to one purchase in advance, because the user may be away when a seat opens.
 *
 * @throws CommandError (price_above_maximum) if the only candidate costs too much; (confirmation_required) if it can't prompt;
 *   (declined)
 */
export async function askConsent(context: AgreeingContext, watch: PlannedWatch): Promise<Consent> {
  const { candidates, poll, account, options } = watch;
  const limits = new Map<Candidate, Cents>();
  const offers = candidates.map((candidate): Offer => {
    const purchase = statedPrice(poll, candidate, options);
    const maximum = options.maxPrice ?? purchase?.quote.charge.atMost;
    if (maximum === undefined) throw priceNotStated(candidate);
    limits.set(candidate, maximum);
    return { intent: candidateIntent(candidate, options), purchase, maximum };
  });
  const agreed = await agree(context, offers, {
    facts: () => watchFacts(context, offers, options),
    question: `Charge up to ${formatUsd(Math.max(...limits.values()))} as soon as a seat opens?`,
    account: {
      subscriptions: async (pool) => account.subscriptions.get(pool) ?? [],
      spending: async () => account.spent,
    },
    ensure: options.ensure,
    opensLater: true,
  });
  return { limits, agreed };
}

/** Returns what the watch will buy, as labels and values for people. */
async function watchFacts(
  { connections, world }: Pick<Context, 'connections' | 'world'>,
  offers: readonly Offer[],
  options: BuyOptions,
): Promise<Fact[]> {
  const { quantity, billingCycle, maxPrice, createKey, timeLimit } = options;
  const now = await connections.now();
  const lines = offers.flatMap(({ intent, purchase }) =>
    intent.blocks.map((block) => {
      const monthly = purchase?.quote.blocks.find((each) => each.block === block)?.monthly;
      const price = monthly ? `${priceText(monthly)}  ` : '';
      return `${intent.pool}  ${block.padEnd(8)}  ${price}${blockHours(block, now, world.timeZone)}`;
    }),
  );
  const several = offers.length > 1;
  const together = offers.some(({ intent }) => intent.blocks.length > 1);
  const what = several ? 'only the first one, as soon as' : 'as soon as';
  const when = together ? 'all its blocks are open' : 'it opens';
  return [
    ...lines.map((line, at) => [at === 0 ? 'Waits for' : '', line] as const),
    ['Buys', `${what} ${when}`],
    ['Seats', `${quantity} per block`],
    ['Price limit', maxPrice === undefined ? 'the current price' : formatUsd(maxPrice)],
    ['Billing', `${cycleText({ billingCycle })}, renews until canceled`],
    ...(createKey === undefined ? [] : [['Key', createKey] as const]),
    ['Time limit', timeLimit ?? 'none'],
  ];
}
