import type { Credits } from '../../api/billing.ts';
import { decimalUsd, shownUsd } from '../../domain/money.ts';
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
  {
    field: 'remaining',
    header: 'Left',
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
