import type { SelfUsage } from '../../api/usage.ts';
import type { Context } from '../../context/context.ts';
import { decimalUsd, shownUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';

export const selfFields = ['budget', 'rate_limits', 'plan', 'credits', 'key'] as const;

/** Shows the limits and credit of the API key in the environment. */
export async function selfUsage(context: Pick<Context, 'api' | 'connections' | 'output' | 'world'>): Promise<void> {
  const { usage } = await context.api();
  const self = await usage.self();
  const now = await context.connections.now();
  const day = (timestamp: string | null | undefined) => dayAndDistance(timestamp, now, context.world.timeZone);
  const columns: readonly Column<SelfUsage>[] = [
    { field: 'key', header: 'Key', value: ({ key }) => key?.name },
    { field: 'type', header: 'Type', value: ({ key }) => key?.type },
    usd('spent', 'Spent', ({ budget }) => budget?.spent),
    {
      ...usd('limit', 'Limit', ({ budget }) => budget?.limit),
      show: ({ budget }) => shownUsd(budget?.limit) || 'none',
    },
    {
      field: 'resets_at',
      header: 'Resets',
      value: ({ budget }) => budget?.resets_at,
      show: ({ budget }) => day(budget?.resets_at),
    },
    {
      field: 'rpm',
      header: 'Requests per minute',
      value: ({ rate_limits }) => rate_limits?.rpm,
      show: ({ rate_limits }) => grouped(rate_limits?.rpm),
    },
    {
      field: 'tpm',
      header: 'Tokens per minute',
      value: ({ rate_limits }) => rate_limits?.tpm,
      show: ({ rate_limits }) => grouped(rate_limits?.tpm),
    },
    { field: 'plan', header: 'Plan', value: ({ plan }) => plan?.slug },
    { field: 'status', header: 'Status', value: ({ plan }) => plan?.status },
    {
      field: 'expires_at',
      header: 'Expires',
      value: ({ plan }) => plan?.expires_at,
      show: ({ plan }) => day(plan?.expires_at),
    },
    usd('balance', 'Credit', ({ credits }) => credits?.balance),
  ];
  await context.output.record(self, { columns, fields: selfFields });
}

function usd(field: string, header: string, amount: (self: SelfUsage) => number | null | undefined): Column<SelfUsage> {
  return {
    field,
    header,
    value: (self) => decimalUsd(amount(self)),
    show: (self) => shownUsd(amount(self)),
  };
}
