import type { KeyOptions } from '../account/purchase/buy-with-keys.ts';
import { type PricedPurchase, UnstatedPrice } from '../account/purchase/price.ts';
import { CommandError } from '../domain/errors.ts';
import type { Cents } from '../domain/money.ts';
import type { BillingCycle } from '../domain/quote.ts';
import type { SubscribeIntent } from '../domain/reconcile.ts';
import { inWords } from '../output/text.ts';
import type { Candidate } from './availability.ts';
import type { Poll } from './poll.ts';

/** How to buy a candidate that opens. */
export interface BuyOptions extends KeyOptions {
  readonly quantity: number;
  readonly billingCycle: BillingCycle;
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly again?: boolean;
  /** The time limit of the watch, as typed: `6h`. */
  readonly timeLimit?: string | undefined;
}

/** Returns the purchase of a candidate, as the record keeps it. */
export function candidateIntent(
  { pool, blocks }: Candidate,
  { quantity, billingCycle }: Pick<BuyOptions, 'quantity' | 'billingCycle'>,
): SubscribeIntent {
  return { action: 'subscribe', pool, blocks, quantity, billingCycle };
}

/** Returns the price of a candidate; undefined if the API states none. @throws CommandError (unexpected_response) if it is implausible */
export function statedPrice(poll: Poll, candidate: Candidate, options: BuyOptions): PricedPurchase | undefined {
  try {
    return poll.price(candidate, options);
  } catch (error) {
    if (error instanceof UnstatedPrice) return undefined;
    throw error;
  }
}

/** Returns the price of a candidate, or an error if it is implausible or not stated. The next poll may have another price. */
export function priceOrRefusal(poll: Poll, candidate: Candidate, options: BuyOptions): PricedPurchase | CommandError {
  try {
    return statedPrice(poll, candidate, options) ?? priceNotStated(candidate);
  } catch (error) {
    if (error instanceof CommandError && error.code === 'unexpected_response') return error;
    throw error;
  }
}

/** Returns the error for a candidate without a stated price. */
export function priceNotStated({ pool, blocks }: Candidate): CommandError {
  return new CommandError('input_required', `The API returned no price for ${inWords(blocks)} of ${pool}`, {
    hint: 'Pass a price limit, such as --max-price 49.',
    outcome: 'not_applied',
  });
}
