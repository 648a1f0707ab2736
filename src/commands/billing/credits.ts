import type { Credits } from '../../api/billing.ts';
import { formatUsd, parseUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';

export const fields = ['totalTopUp', 'remaining', 'hasCreditKey', 'creditKeyCount'] as const;

/** `ci billing credits`: the prepaid credit. */
export default function credits(context: Context): Verb {
  const command = verb('credits', 'show the prepaid credit', {
    fields,
    examples: ['ci billing credits', 'ci billing credits --json | jq .remaining'],
  });
  command.action(() => showCredits(context));
  return command;
}

async function showCredits(context: Context): Promise<void> {
  const { billing } = await context.api();
  await context.output.record(await billing.credits(), { columns, fields });
}

const columns: readonly Column<Credits>[] = [
  usdColumn('remaining', 'Left', ({ remaining }) => remaining),
  usdColumn('totalTopUp', 'Topped up', ({ totalTopUp }) => totalTopUp),
  { field: 'creditKeyCount', header: 'Credit keys', value: ({ creditKeyCount }) => creditKeyCount },
  { field: 'hasCreditKey', header: 'Has credit key', value: ({ hasCreditKey }) => hasCreditKey, show: () => '' },
];

function usdColumn(
  field: string,
  header: string,
  usd: (credits: Credits) => number | null | undefined,
): Column<Credits> {
  return {
    field,
    header,
    value: (row) => {
      const amount = usd(row);
      return amount == null ? '' : (parseUsd(amount) / 100).toFixed(2);
    },
    show: (row) => {
      const amount = usd(row);
      return amount == null ? '' : formatUsd(parseUsd(amount));
    },
  };
}
