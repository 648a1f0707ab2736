import { storedKeys } from '../account/stored-keys/store.ts';
import type { Context } from '../context/context.ts';
import type { CreateKeyStep, PlanStep, RotateKeyStep } from '../domain/account-plan.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type Cents, formatUsd } from '../domain/money.ts';
import type { PricedPlan } from './make-plan.ts';
import { checkLimits, isBought } from './price-plan.ts';
import type { SpendingLimits } from './spending.ts';

/** Returns the limits of what is charged. @throws CommandError (unavailable), (price_above_maximum) or (unexpected_response) */
export function checkedLimits(
  { prompts }: Pick<Context, 'prompts'>,
  { plan, price }: Pick<PricedPlan, 'plan' | 'price'>,
  maxCharge: Cents | undefined,
): SpendingLimits {
  for (const step of plan.steps) {
    if (step.action !== 'reserve' || step.obstacle || step.seats.onSoldOut === 'skip') continue;
    const priced = price.steps.get(step);
    if (isBought(step, priced)) continue;
    throw new CommandError('unavailable', priced?.unavailable ?? 'The seats are not available', {
      hint: 'Nothing was changed. To wait for the seats or to continue without them, set onSoldOut to wait or skip.',
      outcome: 'not_applied',
    });
  }
  checkLimits(price);
  const due = price.dueToday?.atMost;
  if (due === undefined) {
    throw new CommandError('unexpected_response', "The API doesn't state the price of all seats", {
      hint: 'Nothing was changed. Run `ci plan` to see which.',
      outcome: 'not_applied',
    });
  }
  if (maxCharge !== undefined && due > maxCharge) {
    throw new CommandError(
      'price_above_maximum',
      `The changes cost ${formatUsd(due)} today, which is above --max-charge ${formatUsd(maxCharge)}`,
      { hint: 'Nothing was changed. Pass a higher --max-charge, or ask for fewer seats.', outcome: 'not_applied' },
    );
  }
  return prompts.asksConsent || maxCharge === undefined
    ? { maximum: due, name: 'the agreed total of' }
    : { maximum: maxCharge, name: '--max-charge' };
}

/** Refuses keys whose secrets have no place. @throws CommandError (usage) */
export async function checkDestinations(
  context: Parameters<typeof storedKeys>[0],
  steps: readonly PlanStep[],
): Promise<void> {
  const stored = new Set((await storedKeys(context)).map(({ id }) => id));
  const homeless = steps
    .filter(isOfNewKey)
    .filter((step) => step.key.to === undefined && !(step.action === 'rotate-key' && stored.has(step.id)));
  if (homeless.length === 0) return;
  const lines = homeless.slice(0, 20).map(({ key: { name, place } }) => `${place.file}, line ${place.line}: ${name}`);
  const more = homeless.length - lines.length;
  throw usageError(
    homeless.length === 1
      ? 'Nothing says where the secret of a new key goes'
      : `Nothing says where the secrets of ${homeless.length} new keys go`,
    'Nothing was changed. Pass --save-to FILE, such as --save-to secrets.ndjson, or add `to` to the keys:',
  ).with({ lines: more > 0 ? [...lines, `and ${more} more`] : lines, outcome: 'not_applied' });
}

/** Returns whether a secret goes to the file of `--save-to`. */
export function needsFile(steps: readonly PlanStep[]): boolean {
  return steps.filter(isOfNewKey).some(({ key }) => key.to === undefined);
}

function isOfNewKey(step: PlanStep): step is CreateKeyStep | RotateKeyStep {
  return step.action === 'create-key' || step.action === 'rotate-key';
}
