import type { Pool } from '../../api/pools.ts';
import { CommandError } from '../../domain/errors.ts';
import { createKeys } from '../keys/create-for-seats.ts';
import { poolName } from '../pools.ts';
import { createAndDeliver } from '../secrets/delivery.ts';
import type { Description, Destination } from '../secrets/destination.ts';
import { withMaskedKey } from '../subscription-table.ts';
import type { BuyingContext } from './buy.ts';
import type { PurchaseResult } from './purchase-result.ts';

/** The keys to create with a purchase, and the destination of their secrets. */
export interface KeyOptions {
  /** The name of the key for each seat; none: no keys. */
  readonly createKey?: string;
  /** Default: the secrets are printed with the result. */
  readonly destination?: Destination | undefined;
}

/**
 * Refuses to create keys on a pool that sends its keys by email.
 *
 * @throws CommandError (usage)
 */
export function refuseEmailedKeys({ createKey }: KeyOptions, pool: Pool): void {
  if (createKey === undefined || !pool.manualProvisioning) return;
  const name = poolName(pool);
  throw new CommandError('usage', `--create-key doesn't work with ${name}, because its keys are sent by email`, {
    hint: 'Nothing was charged. Leave out --create-key and --save. The key arrives within 24 hours after you subscribe.',
    outcome: 'not_applied',
  });
}

/** A purchase as it is printed. Secrets that were saved elsewhere are masked. */
export type DeliveredPurchase = PurchaseResult & {
  readonly saved?: Description | undefined;
  /** The error for a key that wasn't created; thrown after the purchase is printed. */
  readonly failure?: CommandError | undefined;
};

/**
 * Buys seats that the user agreed to, creates a key for each seat that can have one, and prints both, even if a key couldn't be
 * created.
 *
 * @param buy - called after the destination has proved that it can take the secrets
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
      return {
        ...bought,
        ...(await createKeys(context, bought.subscriptions, { name: createKey, keep, isBought: true })),
      };
    },
    print: (purchase, saved) =>
      show(
        saved && !saved.isPrinted
          ? { ...purchase, subscriptions: purchase.subscriptions.map(withMaskedKey), saved }
          : purchase,
      ),
  });
  if (delivered.failure) {
    // Only one error can end the command, and the overcharge must be reported too.
    const overcharge = delivered.kind === 'bought' ? delivered.overcharge : undefined;
    if (overcharge) context.output.note(`${overcharge.message}. ${overcharge.hint}`);
    throw delivered.failure;
  }
  return delivered;
}

/** Returns the secrets of the new keys. Secrets of earlier keys aren't printed. */
export function secretsOf({ kind, subscriptions }: PurchaseResult): string[] {
  return kind === 'covered' ? [] : subscriptions.flatMap(({ key }) => (key?.apiKey ? [key.apiKey] : []));
}
