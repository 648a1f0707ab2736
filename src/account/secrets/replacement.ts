import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { isConsumptionKey, isManagementKey, masked } from '../../domain/secrets.ts';
import { factLines, harmless, inWords } from '../../output/text.ts';

/**
 * Asks for consent to replace secrets. `--yes` doesn't cover it.
 *
 * @param place - where they are: `.env`
 * @param secrets - by the variable that they are in; none: nothing is asked
 * @throws CommandError (declined); (confirmation_required) if it can't prompt
 */
export async function agreeToReplace(
  { output, prompts }: Pick<Context, 'output' | 'prompts'>,
  place: string,
  secrets: ReadonlyMap<string, string>,
): Promise<void> {
  const all = [...secrets];
  const [first] = all;
  if (!first) return;
  const where = harmless(place);
  if (!prompts.canAsk) {
    const what = all.map(([variable, value]) => (isKey(value) ? `${variable} (${masked(value)})` : variable));
    const values = all.length === 1 ? 'a value' : 'values';
    throw new CommandError('confirmation_required', `${where} already has ${values} for ${inWords(what)}`, {
      hint: `Nothing was changed. Pass --force to replace ${all.length === 1 ? 'it' : 'them'}, or --var to use another variable.`,
      outcome: 'not_applied',
    });
  }
  if (all.length === 1) {
    const [variable, value] = first;
    return prompts.consentAgain(`Replace ${isKey(value) ? masked(value) : `the value of ${variable}`} in ${where}?`);
  }
  output.note(factLines(all.map(([variable, value]) => [variable, isKey(value) ? masked(value) : 'another value'])));
  await prompts.consentAgain(`Replace these ${all.length} values in ${where}?`);
}

/**
 * Asks for consent to replace a file as a whole. `--yes` doesn't cover it.
 *
 * @throws CommandError (declined); (confirmation_required) if it can't prompt
 */
export async function agreeToReplaceFile({ prompts }: Pick<Context, 'prompts'>, file: string): Promise<void> {
  if (prompts.canAsk) return prompts.consentAgain(`Replace ${harmless(file)}?`);
  throw new CommandError('confirmation_required', `${harmless(file)} already exists`, {
    hint: 'Nothing was changed. Pass --force to replace it.',
    outcome: 'not_applied',
  });
}

/** Returns whether a value is a key, which can be shown masked. Nothing is shown of any other value. */
function isKey(secret: string): boolean {
  return isConsumptionKey(secret) || isManagementKey(secret);
}
