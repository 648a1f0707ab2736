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

/** Returns a subscription with its key masked. */
export function withMaskedKey<Sub extends Subscription>(subscription: Sub): Sub {
  const { key } = subscription;
  return key?.apiKey ? { ...subscription, key: { ...key, apiKey: masked(key.apiKey) } } : subscription;
}

/** Returns the columns of a list of subscriptions. They show keys as they are: mask them first. */
export function subscriptionColumns(now: Date): readonly Column<PoolSubscription>[] {
  return [
    { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
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
        const text = liveness(subscription, now);
        if (subscription.status !== 'active') return style.warning(text);
        return isLive(subscription, now) ? style.good(text) : text;
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
      audience: 'programs',
      value: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd,
    },
    {
      field: 'key',
      header: 'KEY',
      optional: 3,
      value: ({ key }) => key?.apiKey,
      show: ({ key }, style) => (key ? (key.apiKey ?? key.id ?? 'yes') : style.warning('none')),
    },
  ];
}
