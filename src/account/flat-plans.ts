import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';

/**
 * The slug of a flat plan, as typed or picked from the list, once it is said that they are retired.
 *
 * @throws CommandError (usage) for an empty name; (input_required) when none was typed and nobody can be asked
 */
export async function chosenPlan(
  context: Pick<Context, 'api' | 'output' | 'prompts'>,
  typed: string | undefined,
): Promise<string> {
  if (typed !== undefined) {
    if (typed.trim() === '') throw usageError('the name of the plan is empty', '`ci plans list` shows the plans.');
    sayThatRetired(context);
    return typed;
  }
  const { prompts } = context;
  const missing = 'which plan? Name it: `ci plans list` shows them';
  prompts.requireSomebody(missing);
  sayThatRetired(context);
  const plans = await (await context.api()).billing.plans();
  if (plans.length === 0) throw new CommandError('not_found', 'there are no plans', { outcome: 'not_applied' });
  const names = await prompts.rows([
    { cells: plans.map(({ slug }) => slug) },
    { cells: plans.map(({ name }) => name ?? ''), optional: 1 },
    { cells: plans.map(({ priceUsdc }) => (priceUsdc == null ? '' : `${shownUsd(priceUsdc)} a month`)), optional: 2 },
  ]);
  const choices = plans.map(({ slug }, at) => ({ name: names[at] ?? slug, value: slug, short: slug }));
  return prompts.pick('Which plan?', choices, missing);
}

function sayThatRetired(context: Pick<Context, 'output'>): void {
  sayRetired(context, 'reserve blocks of a pool with `ci pools subscribe`');
}

/** Notes that a command belongs to the flat plans, which are retired. */
export function sayRetired({ output }: Pick<Context, 'output'>, instead: string): void {
  output.note(`The flat plans are retired; ${instead}.`);
}
