import type { Subscription } from '../../api/pools.ts';
import { CommandError } from '../../domain/errors.ts';
import { type Cents, formatUsd, parseUsd } from '../../domain/money.ts';
import { agreedQuote, paidFor, type Quote } from '../../domain/quote.ts';
import type { EarlierChange } from '../changes/earlier.ts';
import { withMaskedKey } from '../subscription-table.ts';
import type { PoolSubscription } from '../subscriptions.ts';

/** Seats that were bought. */
export interface PurchasedSeats {
  readonly kind: 'bought';
  readonly subscriptions: PoolSubscription[];
  /** The error for a charge above the agreed price; thrown after the result is printed. */
  readonly overcharge?: CommandError | undefined;
  /** The charge, if it is known and differs from the agreed one. */
  readonly charge?: Cents | undefined;
}

/** The result of a purchase: the seats were bought, or already covered. */
export type PurchaseResult = PurchasedSeats | { readonly kind: 'covered'; readonly subscriptions: PoolSubscription[] };

/** Returns a charge above the agreed price, which is possible because a request can't set a price limit. */
export function overchargeOf(
  pool: string,
  quote: Quote,
  bought: readonly Subscription[],
): { readonly charge: Cents; readonly error: CommandError } | undefined {
  const actual = paidFor(quote, bought);
  if (!actual?.isAbove) return undefined;
  const message = `The API charged ${formatUsd(actual.charge)} for ${pool}, but you agreed to ${formatUsd(quote.charge.atMost)}`;
  const error = new CommandError('price_above_maximum', message, {
    hint: `The price rose during the purchase. ${cancelHint(pool)}`,
    outcome: 'applied',
  });
  return { charge: actual.charge, error };
}

/** Returns the seats and the charge of an earlier purchase. The secrets of its keys are masked. */
export function boughtEarlier({ intent, found }: EarlierChange<'subscribe'>): PurchasedSeats {
  const { pool, charge } = intent;
  const subscriptions = found.map((each) => withMaskedKey({ ...each, poolSlug: pool }));
  const agreed = charge === undefined ? undefined : parseUsd(charge);
  const overcharge = agreed === undefined ? undefined : overchargeOf(pool, agreedQuote(intent, agreed), found);
  return { kind: 'bought', subscriptions, overcharge: overcharge?.error, charge: overcharge?.charge ?? agreed };
}

/** Returns an earlier purchase, with an error if it charged more than the current limit. */
export function withinLimit(bought: PurchasedSeats, pool: string, maximum: Cents | undefined): PurchasedSeats {
  const { charge } = bought;
  if (maximum === undefined || charge === undefined || charge <= maximum) return bought;
  const message = `An earlier purchase of ${pool} charged ${formatUsd(charge)}, which is above the limit of ${formatUsd(maximum)}`;
  const error = new CommandError('price_above_maximum', message, { hint: cancelHint(pool), outcome: 'applied' });
  return { ...bought, overcharge: error };
}

/** Removes the overcharge error if the charge is within the amount that the user agreed to. */
export function withinAgreed<Result extends PurchaseResult>(purchase: Result, agreed: Cents | undefined): Result {
  const charge = purchase.kind === 'bought' ? purchase.charge : undefined;
  const isWithin = charge !== undefined && agreed !== undefined && charge <= agreed;
  return isWithin ? { ...purchase, overcharge: undefined } : purchase;
}

function cancelHint(pool: string): string {
  return `Run \`ci pools cancel ${pool}\` to cancel the subscription at the end of its billing period.`;
}
