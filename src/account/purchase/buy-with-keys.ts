import type { CommandError } from '../../domain/errors.ts';
import { createKeys } from '../keys/create-for-seats.ts';
import { createAndDeliver } from '../secrets/delivery.ts';
import type { Description, Destination } from '../secrets/destination.ts';
import { withMaskedKey } from '../subscription-table.ts';
import type { BuyingContext } from './buy.ts';
import type { PurchaseResult } from './purchase-result.ts';

/** The keys to create with a purchase, and where their secrets go. */
export interface KeyOptions {
  /** The name of the key that each seat gets. */
  readonly createKey?: string;
  /** Default: into the result that is printed. */
  readonly destination?: Destination | undefined;
}

/** A purchase as it is shown. Secrets that went elsewhere are masked. */
export type DeliveredPurchase = PurchaseResult & {
  readonly saved?: Description | undefined;
  /** Why a key was not created; thrown once the purchase is shown. */
  readonly failure?: CommandError | undefined;
};

/**
 * Buys, creates a key for each seat that can have one, and shows both, even if not all keys could be created. The user has agreed.
 *
 * @param buy - called once there is room for the keys' secrets
 * @throws CommandError with its outcome
 */
export async function buyAndDeliver(
  context: BuyingContext,
  buy: () => Promise<PurchaseResult>,
  { createKey, destination, quantity }: KeyOptions & { readonly quantity: number },
  show: (purchase: DeliveredPurchase) => Promise<void>,
): Promise<DeliveredPurchase> {
  if (createKey === undefined) {
    const bought = await buy();
    await show(bought);
    return bought;
  }
  const delivered = await createAndDeliver<DeliveredPurchase>(context, {
    destination,
    count: quantity,
    create: async (keep) => {
      const bought = await buy();
      if (bought.kind === 'covered') return bought;
      return { ...bought, ...(await createKeys(context, bought.subscriptions, createKey, keep)) };
    },
    print: (purchase, saved) =>
      show(saved ? { ...purchase, subscriptions: purchase.subscriptions.map(withMaskedKey), saved } : purchase),
  });
  if (delivered.failure) {
    // Only one error can end the command, and the price must be reported.
    const overcharge = delivered.kind === 'bought' ? delivered.overcharge : undefined;
    if (overcharge) context.output.note(`${overcharge.message}. ${overcharge.hint}`);
    throw delivered.failure;
  }
  return delivered;
}

/** Returns the secrets of new keys. Those that existed before aren't shown. */
export function secretsOf({ kind, subscriptions }: PurchaseResult): string[] {
  return kind === 'covered' ? [] : subscriptions.flatMap(({ key }) => (key?.apiKey ? [key.apiKey] : []));
}
