import type { Credits } from '../../api/billing.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { decimalUsd, shownUsd } from '../../domain/money.ts';
import type { Column } from '../../output/output.ts';

export const fields = ['totalTopUp', 'remaining', 'hasCreditKey', 'creditKeyCount'] as const;

/** `ci billing credits`: shows the prepaid credit. */
export default function credits(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci billing credits', 'ci billing credits --json | jq .remaining'],
    })
    .action(() => execute(context));
}

/** Shows the prepaid credit. */
export async function run(context: Pick<Context, 'api' | 'output'>): Promise<void> {
  const { billing } = await context.api();
  await context.output.record(await billing.credits(), { columns, fields });
}

const columns: readonly Column<Credits>[] = [
  {
    field: 'remaining',
    header: 'Remaining',
    value: ({ remaining }) => decimalUsd(remaining),
    show: ({ remaining }) => shownUsd(remaining),
  },
  {
    field: 'totalTopUp',
    header: 'Topped up',
    value: ({ totalTopUp }) => decimalUsd(totalTopUp),
    show: ({ totalTopUp }) => shownUsd(totalTopUp),
  },
  { field: 'creditKeyCount', header: 'Credit keys', value: ({ creditKeyCount }) => creditKeyCount },
  { field: 'hasCreditKey', header: 'Has credit key', value: ({ hasCreditKey }) => hasCreditKey, show: () => '' },
];
