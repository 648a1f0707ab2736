import type { Context } from '../context/context.ts';
import { decimalUsd } from '../domain/money.ts';
import type { Column } from '../output/output.ts';
import { plain } from '../output/style.ts';
import { harmlessData } from '../output/text.ts';
import { differenceText, planText } from './plan-text.ts';
import { type PlanChange, type PlanRecord, planFields } from './plan-view.ts';

/** Prints a plan: its text for people, an object in JSON, and a row for each change elsewhere. */
export async function printPlan({ output }: Pick<Context, 'output'>, plan: PlanRecord): Promise<void> {
  await output.list(
    plan.changes,
    {
      columns,
      fields: planFields,
      empty: planText(harmlessData(plan, output.unicode), plain),
      drawing: (style) => `${planText(harmlessData(plan, output.unicode), style)}\n`,
    },
    plan,
  );
  if (output.hasColumns && !output.isForPeople) for (const note of plan.notes) output.note(note);
}

const columns: readonly Column<PlanChange>[] = [
  { field: 'action', header: 'ACTION', value: ({ action }) => action },
  { field: 'kind', header: 'KIND', value: ({ kind }) => kind },
  { field: 'type', header: 'TYPE', value: ({ type }) => type },
  { field: 'name', header: 'NAME', value: ({ name }) => name },
  { field: 'pool', header: 'POOL', value: ({ pool }) => pool },
  { field: 'blocks', header: 'BLOCKS', value: ({ blocks }) => blocks?.join(',') },
  { field: 'quantity', header: 'SEATS', value: ({ quantity }) => quantity },
  { field: 'billingCycle', header: 'CYCLE', value: ({ billingCycle }) => billingCycle },
  { field: 'keyType', header: 'KEY TYPE', value: ({ keyType }) => keyType },
  { field: 'id', header: 'ID', hasIds: true, value: ({ id }) => id },
  { field: 'differences', header: 'DIFFERENCES', value: differenceText },
  { field: 'willApply', header: 'APPLIED', value: ({ willApply }) => willApply },
  { field: 'requires', header: 'REQUIRES', value: ({ requires }) => requires },
  { field: 'blocked', header: 'BLOCKED', value: ({ blocked }) => blocked },
  { field: 'dueToday', header: 'DUE TODAY', right: true, value: ({ dueToday }) => decimalUsd(dueToday) },
  { field: 'perMonth', header: 'PER MONTH', right: true, value: ({ perMonth }) => decimalUsd(perMonth) },
  { field: 'soldOut', header: 'SOLD OUT', value: ({ soldOut }) => soldOut },
  { field: 'file', header: 'FILE', value: ({ file }) => file },
  { field: 'line', header: 'LINE', right: true, value: ({ line }) => line },
  { field: 'column', header: 'COLUMN', right: true, value: ({ column }) => column },
];
