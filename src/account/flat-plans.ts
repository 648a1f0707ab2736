import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { shownUsd } from '../domain/money.ts';

/**
 * Returns the slug of a retired flat plan as typed, or lets the user pick one.
 *
 * @throws CommandError (usage) for an empty name; (input_required) if none was typed and it can't prompt
 */
export async function choosePlan(
  context: Pick<Context, 'api' | 'output' | 'prompts'>,
  typed: string | undefined,
): Promise<string> {
  if (typed !== undefined) {
    if (typed.trim() === '') throw usageError('The plan slug is empty', 'Run `ci plans list` to see the plans.');
    noteRetired(context, reserveInstead);
    return typed;
  }
  const { prompts } = context;
  const missing = "Can't ask for the plan without a terminal. Pass its slug. Run `ci plans list` to see the plans";
  prompts.requirePrompt(missing);
  noteRetired(context, reserveInstead);
  const plans = await (await context.api()).billing.plans();
  if (plans.length === 0) throw new CommandError('not_found', 'There are no flat plans', { outcome: 'not_applied' });
  const names = await prompts.rows([
    { cells: plans.map(({ slug }) => slug) },
    { cells: plans.map(({ name }) => name ?? ''), optional: 1 },
    { cells: plans.map(({ priceUsdc }) => (priceUsdc == null ? '' : `${shownUsd(priceUsdc)} per month`)), optional: 2 },
  ]);
  const choices = plans.map(({ slug }, at) => ({ name: names[at] ?? slug, value: slug, short: slug }));
  return prompts.pick('Plan:', choices, missing);
}

const reserveInstead = 'Use `ci pools subscribe` to reserve blocks of a pool.';

/** Notes that flat plans are retired. @param instead - a sentence that says what to use instead */
export function noteRetired({ output }: Pick<Context, 'output'>, instead: string): void {
  output.note(`Flat plans are retired. ${instead}`);
}
