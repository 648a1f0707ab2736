import type { Subscription } from '../api/pools.ts';
import { hoursInWords, isLive } from '../domain/coverage.ts';
import { decimalUsd, shownUsd } from '../domain/money.ts';
import { masked } from '../domain/secrets.ts';
import type { Column } from '../output/output.ts';
import { distanceTo } from '../output/time.ts';
import { liveness, type PoolSubscription } from './subscriptions.ts';

export const subscriptionFields = [
  'id',
  'poolId',
  'status',
  'monthlyPrice',
  'billingCycle',
  'cancelAtPeriodEnd',
  'currentPeriodEnd',
  'hours',
  'key',
  'poolSlug',
] as const;

/** The same subscription, its key's secret masked. */
export function withMaskedKey<Sub extends Subscription>(subscription: Sub): Sub {
  const { key } = subscription;
  return key?.apiKey ? { ...subscription, key: { ...key, apiKey: masked(key.apiKey) } } : subscription;
}

/** The columns of a list of subscriptions; a key is shown as it stands in them, so mask it before. */
export function subscriptionColumns(now: Date): readonly Column<PoolSubscription>[] {
  return [
    { field: 'id', header: 'ID', value: ({ id }) => id },
    {
      field: 'poolSlug',
      header: 'POOL',
      value: ({ poolSlug }) => poolSlug,
      show: ({ poolSlug }, style) => style.bold(poolSlug),
    },
    { field: 'blocks', header: 'BLOCKS', value: hoursInWords },
    {
      field: 'status',
      header: 'STATUS',
      value: ({ status }) => status,
      show: (subscription, style) => {
        const words = liveness(subscription, now);
        if (subscription.status !== 'active') return style.warning(words);
        return isLive(subscription, now) ? style.good(words) : words;
      },
    },
    {
      field: 'monthlyPrice',
      header: 'PRICE/MONTH',
      optional: 2,
      value: ({ monthlyPrice }) => decimalUsd(monthlyPrice),
      show: ({ monthlyPrice }) => shownUsd(monthlyPrice),
    },
    {
      field: 'currentPeriodEnd',
      header: 'RENEWS',
      value: ({ currentPeriodEnd }) => currentPeriodEnd,
      show: ({ currentPeriodEnd, cancelAtPeriodEnd }, style) => {
        const when = distanceTo(currentPeriodEnd, now);
        return cancelAtPeriodEnd ? style.warning(`ends ${when}`) : when;
      },
    },
    {
      field: 'cancelAtPeriodEnd',
      header: 'ENDING',
      value: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd,
      show: () => '',
    },
    {
      field: 'key',
      header: 'KEY',
      optional: 1,
      value: ({ key }) => key?.apiKey,
      show: ({ key }, style) => (key ? (key.apiKey ?? key.id ?? 'yes') : style.warning('none')),
    },
  ];
}
