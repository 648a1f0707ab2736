import { type Cents, toUsd } from '../../domain/money.ts';
import type { BillingCycle } from '../../domain/quote.ts';

/** A purchase in the options that `pools subscribe` and `pools watch` share. */
export interface PurchaseCommand {
  readonly quantity?: number | undefined;
  readonly billingCycle?: BillingCycle | undefined;
  readonly maxPrice?: Cents | undefined;
  readonly ensure?: boolean | undefined;
}

/** Returns the options of a purchase for a command to be pasted, without those that only repeat a default. */
export function commandOptions({ quantity = 1, billingCycle, maxPrice, ensure }: PurchaseCommand): string[] {
  return [
    ...(quantity === 1 ? [] : [`--quantity ${quantity}`]),
    ...(billingCycle === 'year' ? ['--billing-cycle year'] : []),
    ...(maxPrice === undefined ? [] : [`--max-price ${toUsd(maxPrice).toFixed(2)}`]),
    ...(ensure ? ['--ensure'] : []),
  ];
}
