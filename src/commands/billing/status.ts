import type { BillingStatus, PoolPledge } from '../../api/billing.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { decimalUsd, shownUsd } from '../../domain/money.ts';
import { statusText } from '../../domain/subscription-status.ts';
import type { Column } from '../../output/output.ts';
import type { Style } from '../../output/style.ts';
import { factLines } from '../../output/text.ts';
import { distanceTo } from '../../output/time.ts';

export const fields = [
  'subscriptions',
  'poolPledges',
  'plan',
  'status',
  'creditBalance',
  'stripeCustomerId',
  'subscriptionExpiresAt',
  'legacySubscriptionKeys',
] as const;

/** `ci billing status`: shows the subscriptions and the credit of the account. */
export default function status(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci billing status', 'ci billing status --json | jq .creditBalance'],
    })
    .action(() => execute(context));
}

/** Shows the subscriptions and the credit of the account. */
export async function run(context: Pick<Context, 'api' | 'connections' | 'output'>): Promise<void> {
  const { billing } = await context.api();
  const account = await billing.status();
  const now = await context.connections.now();
  await context.output.record(account, {
    columns,
    fields,
    drawing: (style, clean) => drawing(clean, style, now, context.output.width),
  });
}

const columns: readonly Column<BillingStatus>[] = [
  { field: 'status', header: 'Status', value: ({ status }) => status },
  {
    field: 'creditBalance',
    header: 'Credit',
    value: ({ creditBalance }) => decimalUsd(creditBalance),
  },
  {
    field: 'poolPledges',
    header: 'Subscriptions',
    value: ({ poolPledges }) => (poolPledges ?? []).map(({ id }) => id).join(','),
  },
  { field: 'plan', header: 'Plan', value: ({ plan }) => (typeof plan === 'string' ? plan : '') },
  { field: 'stripeCustomerId', header: 'Stripe customer', value: ({ stripeCustomerId }) => stripeCustomerId },
  { field: 'subscriptionExpiresAt', header: 'Expires', value: ({ subscriptionExpiresAt }) => subscriptionExpiresAt },
];

async function drawing(account: BillingStatus, style: Style, now: Date, width: number): Promise<string> {
  const { fitted } = await import('../../output/table.ts');
  const credit = shownUsd(account.creditBalance) || 'unknown';
  const facts = factLines([
    ['Status', statusText(account.status) || 'No active subscription'],
    ['Credit', credit],
  ]);
  const pledges = account.poolPledges ?? [];
  if (pledges.length === 0) return `${facts}\n\nNo subscriptions. Run \`ci pools list\` to see the pools.\n`;
  const ending = ({ currentPeriodEnd, cancelAtPeriodEnd }: PoolPledge) => {
    const end = distanceTo(currentPeriodEnd, now);
    return cancelAtPeriodEnd ? style.warning(`ends ${end}`) : end;
  };
  const columns = [
    { header: 'POOL', cells: pledges.map(({ poolSlug, poolId }) => style.bold(poolSlug ?? poolId ?? '')) },
    { header: 'SUBSCRIPTION', hasIds: true, cells: pledges.map(({ id }) => id) },
    {
      header: 'STATUS',
      cells: pledges.map(({ status }) =>
        status === 'active' ? style.good(status) : style.warning(statusText(status)),
      ),
    },
    { header: 'RENEWS', cells: pledges.map(ending) },
    {
      header: 'KEY',
      cells: pledges.map(({ hasKey }) => (hasKey === false ? style.warning('none') : hasKey ? 'yes' : '')),
    },
  ];
  return `${facts}\n\n${fitted(
    columns.map((column) => ({ ...column, header: style.dim(column.header) })),
    width,
  )}`;
}
