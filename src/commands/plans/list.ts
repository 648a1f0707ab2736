import { noteRetired } from '../../account/flat-plans.ts';
import type { Plan } from '../../api/billing.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';

export const fields = ['slug', 'name', 'priceUsdc', 'rateLimits'] as const;

/** Declares `ci plans list`, which lists the retired flat plans. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      examples: ['ci plans list'],
    })
    .action(() => execute(context));
}

/** Prints the retired flat plans. */
export async function run(context: Pick<Context, 'api' | 'output'>): Promise<void> {
  noteRetired(context, 'Use `ci pools list` to see the pools.');
  const { billing } = await context.api();
  await context.output.list(await billing.plans(), { columns, fields, empty: 'There are no flat plans.' });
}

const columns: readonly Column<Plan>[] = [
  { field: 'slug', header: 'PLAN', value: ({ slug }) => slug },
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  { field: 'priceUsdc', header: 'USD/MONTH', value: ({ priceUsdc }) => priceUsdc },
  {
    field: 'rpm',
    header: 'REQUESTS/MIN',
    right: true,
    value: ({ rateLimits }) => rateLimits?.rpm_limit,
    show: ({ rateLimits }) => grouped(rateLimits?.rpm_limit),
  },
  {
    field: 'tpm',
    header: 'TOKENS/MIN',
    right: true,
    value: ({ rateLimits }) => rateLimits?.tpm_limit,
    show: ({ rateLimits }) => grouped(rateLimits?.tpm_limit),
  },
];
