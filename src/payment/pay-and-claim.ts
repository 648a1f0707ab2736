import { type ClaimFields, claim, claimOf, idsIn } from './claim.ts';
import type { ClaimResult, KeepKeys } from './deliver.ts';
import { type Order, type PayingContext, type PaymentOptions, pay } from './pay.ts';

/** How to claim. */
export interface ClaimOptions {
  /** More members of the claim. */
  readonly fields: ClaimFields | undefined;
  readonly keep: KeepKeys;
}

/** Pays for something without an account, exactly once, and claims it. @throws as `pay` and `claim` */
export function payAndClaim(
  context: PayingContext,
  order: Order,
  options: PaymentOptions,
  { fields, keep }: ClaimOptions,
): Promise<ClaimResult> {
  return pay(context, order, options, async (paid) => {
    const claimed = await claim(context, claimOf(paid, fields));
    keep(claimed);
    return { result: { ...claimed, hash: paid.hash }, ids: idsIn(claimed.data) };
  });
}
