import type { Context } from '../../context/context.ts';
import { type CommandError, usageError } from '../../domain/errors.ts';
import { createKeys } from '../keys/create-for-seats.ts';
import { makeAndDeliver } from '../secrets/delivery.ts';
import { openDotenv } from '../secrets/dotenv.ts';
import { checkSaving, type Saved, type Saving, savedIn } from '../secrets/saving.ts';
import { withMaskedKey } from '../subscription-table.ts';
import type { PurchaseResult } from './purchase-result.ts';

/** The keys to create with a purchase, and where their secrets go. */
export interface KeyOptions extends Saving {
  /** The name of the key that each seat gets. */
  readonly createKey?: string;
}

/** Refuses what contradicts itself, before anything is sent. @throws CommandError (usage) */
export async function checkKeyOptions({
  createKey,
  quantity,
  ...saving
}: KeyOptions & { quantity: number }): Promise<void> {
  if (createKey?.trim() === '') throw usageError('the name of the key is empty');
  if (saving.save !== undefined && createKey === undefined) throw usageError('--save goes with --create-key');
  if (saving.save !== undefined && quantity > 1) {
    throw usageError(`--save takes one key, and ${quantity} seats get one each`, 'Leave out --save or --quantity.');
  }
  await checkSaving(saving);
}

/** A purchase as it is shown. Secrets that were saved to a file are masked. */
export type DeliveredPurchase = PurchaseResult & {
  readonly saved?: Saved | undefined;
  /** Why a key was not created; thrown once the purchase is shown. */
  readonly failure?: CommandError | undefined;
};

/**
 * Buys, makes a key for each seat that can have one, and tells of it, also when not all keys could be made. The user has consented.
 *
 * @param buy - called once there is room for the keys' secrets
 * @throws CommandError with its outcome
 */
export async function buyAndDeliver(
  context: Context,
  buy: () => Promise<PurchaseResult>,
  { createKey, ...saving }: KeyOptions,
  tell: (told: DeliveredPurchase) => Promise<void>,
): Promise<DeliveredPurchase> {
  if (createKey === undefined) {
    const bought = await buy();
    await tell(bought);
    return bought;
  }
  const dotenv = saving.save === undefined ? undefined : await openDotenv(context, saving.save);
  let written = false;
  try {
    const made = await makeAndDeliver<DeliveredPurchase>(context, {
      make: async (hold) => {
        const bought = await buy();
        if (bought.kind === 'covered') return bought;
        return { ...bought, ...(await createKeys(context, bought.subscriptions, createKey, hold)) };
      },
      deliver: async (all) => {
        const [secret] = secretsOf(all);
        if (!dotenv || secret === undefined) return tell(all);
        const saved = savedIn(dotenv, saving);
        written = true;
        await dotenv.set(saved.variable, secret);
        const warning = await dotenv.gitWarning();
        if (warning !== undefined) context.output.note(warning);
        await tell({ ...all, subscriptions: all.subscriptions.map(withMaskedKey), saved });
      },
    });
    if (made.failure) {
      // Only one error can end the command, and the price must be reported.
      const overcharge = made.kind === 'bought' ? made.overcharge : undefined;
      if (overcharge) context.output.note(`${overcharge.message}. ${overcharge.hint}`);
      throw made.failure;
    }
    return made;
  } finally {
    if (!written) await dotenv?.discard();
  }
}

/** The secrets of new keys; those that were there before are nobody's to be shown. */
export function secretsOf({ kind, subscriptions }: PurchaseResult): string[] {
  return kind === 'covered' ? [] : subscriptions.flatMap(({ key }) => (key?.apiKey ? [key.apiKey] : []));
}
