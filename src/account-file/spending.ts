import { poolName } from '../account/pools.ts';
import { chargeText } from '../account/purchase/facts.ts';
import { monthlySpending } from '../account/purchase/limits.ts';
import type { PricedPurchase } from '../account/purchase/price.ts';
import type { PurchaseSnapshot } from '../account/purchase/snapshot.ts';
import type { Context } from '../context/context.ts';
import type { DesiredAccount } from '../domain/desired-account.ts';
import { CommandError } from '../domain/errors.ts';
import { type Cents, formatUsd, toUsd } from '../domain/money.ts';

/** The limits of what one apply may charge. */
export interface SpendingLimits {
  /** The most that it may charge today, in all; undefined: anything. */
  readonly maximum: Cents | undefined;
  /** What the maximum is called in an error: `--max-charge`, or what the user agreed to. */
  readonly name: string;
}

/**
 * Refuses a purchase that would make the charges of this apply exceed their limit.
 *
 * @param charged - what this apply has charged so far
 * @throws CommandError (price_above_maximum)
 */
export function checkCharge(
  { pool, quote }: Pick<PricedPurchase, 'pool' | 'quote'>,
  charged: Cents,
  { maximum, name }: SpendingLimits,
): void {
  if (maximum === undefined || charged + quote.charge.atMost <= maximum) return;
  const before = charged > 0 ? `, after ${formatUsd(charged)} for others` : '';
  throw new CommandError(
    'price_above_maximum',
    `${poolName(pool)} costs ${chargeText(quote)} today${before}, which is above ${name} ${formatUsd(maximum)}`,
    { hint: 'These seats were not charged. Run `ci plan` to see the prices.', outcome: 'not_applied' },
  );
}

/**
 * Refuses a purchase that would raise the monthly price of all subscriptions above the ceiling of the file. A canceled subscription
 * counts until its period ends, because it is paid for.
 *
 * @throws CommandError (price_above_maximum); (unexpected_response) if the API doesn't state a price that has to be counted
 */
export async function checkCeiling(
  context: Pick<Context, 'api' | 'clocks' | 'record' | 'settings'>,
  { maxMonthlySpend: ceiling, file }: Pick<DesiredAccount, 'file' | 'maxMonthlySpend'>,
  { pool, quote }: Pick<PricedPurchase, 'pool' | 'quote'>,
  snapshot: Pick<PurchaseSnapshot, 'subscriptions'>,
): Promise<void> {
  if (ceiling === undefined) return;
  const maxMonthlySpend = { value: String(toUsd(ceiling)), origin: file };
  const spent = await monthlySpending(
    {
      api: () => context.api(),
      clocks: context.clocks,
      record: context.record,
      settings: { ...context.settings, maxMonthlySpend },
    },
    { pools: { subscriptions: async (name) => [...(await snapshot.subscriptions(name))] } },
  );
  if (spent === undefined || spent + quote.monthly.atMost <= ceiling) return;
  throw new CommandError(
    'price_above_maximum',
    `${poolName(pool)} would raise the price of your subscriptions from ${formatUsd(spent)} to ${formatUsd(spent + quote.monthly.atMost)} per month, which is above maxMonthlySpend ${formatUsd(ceiling)} of ${file}`,
    {
      hint: 'These seats were not charged. Cancel a subscription, or raise the ceiling in the file.',
      outcome: 'not_applied',
    },
  );
}
