import { blockChoices, poolChoices } from '../../account/choose-pool.ts';
import { blockPrice, closedReason, findPool, freeSeats, poolName } from '../../account/pools.ts';
import { mistakeIn } from '../../cli/options.ts';
import type { Block } from '../../domain/blocks.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { formatUsd, yearlyCharge } from '../../domain/money.ts';
import { hoursWithin, hoursWorked, parseWorkingHours, suggestedBlocks } from '../../domain/working-hours.ts';
import { inWords } from '../../output/text.ts';
import type { Choice } from '../../prompts/question.ts';
import { watchCommand, watchHint, watchNote } from '../../watch/suggest-watch.ts';
import { GoTo, noTerminal, type Step, type Wizard } from './wizard.ts';

/** Asks for the pool. */
export const choosePool: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const { pools } = await context.api();
  const listed = await pools.list();
  const choices = (await poolChoices(context, listed, { onlyAvailable: true })).map((choice) => ({
    ...choice,
    // For a pool that is sold out, the next step shows how to wait for a seat.
    disabled: closedReason(findPool(listed, choice.value)),
    selected: wizard.pool !== undefined && choice.value === poolName(wizard.pool),
  }));
  if (choices.every(({ disabled }) => disabled !== undefined)) {
    throw new CommandError('unavailable', 'No pool is open for subscriptions', {
      hint: 'Run `ci pools list` to see all pools, or `ci pools watch` to wait until one opens.',
      outcome: 'not_applied',
    });
  }
  const name = await prompts.search('Pool:', choices, noTerminal);
  if (wizard.pool !== undefined && poolName(wizard.pool) !== name) delete wizard.blocks;
  wizard.pool = findPool(listed, name);
  return 'asked';
};

/** Asks for the working hours, to suggest blocks. Users who have subscriptions know which blocks they need. */
export const workingHours: Step = async (wizard) => {
  if (wizard.subscriptions || wizard.reservesMore) return 'silent';
  const { context, prompts, typedHours } = wizard;
  const question = 'Working hours, to suggest blocks (e.g. 9-17, Enter to skip):';
  const check = (text: string) => (text.trim() === '' ? undefined : mistakeIn(parseWorkingHours)(text));
  const typed = (await prompts.text(question, noTerminal, check, undefined, typedHours)).trim();
  const work = typed === '' ? undefined : parseWorkingHours(typed);
  if (typed !== typedHours) delete wizard.blocks;
  wizard.typedHours = typed;
  wizard.work = work;
  if (!work) return 'asked';
  const now = await context.connections.now();
  const covers = suggestedBlocks(work, now, context.world.timeZone).map((block) => {
    return `${block} (${hoursWithin(block, work, now, context.world.timeZone)} of your ${counted(hoursWorked(work), 'hour')})`;
  });
  context.output.note(`Suggested: ${inWords(covers)}.`);
  return 'asked';
};

/** Asks for the blocks, each with its hours in local time. */
export const chooseBlocks: Step = async (wizard) => {
  const { context, prompts, work, pool } = wizard;
  if (wizard.subscriptions || !pool) return 'silent';
  const { pools } = await context.api();
  const detail = await pools.get(pool.id);
  const now = await context.connections.now();
  const selected = wizard.blocks ?? (work ? suggestedBlocks(work, now, context.world.timeZone) : []);
  const choices = (await blockChoices(context, { listed: pool, detail, now, onlyAvailable: true })).map((choice) => ({
    ...choice,
    selected: choice.disabled === undefined && selected.includes(choice.value),
  }));
  const soldOut = choices.filter(({ disabled }) => disabled !== undefined).map(({ value }) => value);
  if (soldOut.length === choices.length) {
    const failure = new CommandError('unavailable', `${poolName(pool)} is sold out`, { outcome: 'not_applied' });
    await chooseOther(wizard, failure, watchAny(wizard, soldOut), [{ name: 'Choose another pool', value: choosePool }]);
  }
  if (soldOut.length > 0) {
    const note = watchNote(watchAny(wizard, soldOut), context.output.width);
    context.output.note(`Sold out: ${inWords(soldOut)}. ${note}`);
  }
  wizard.blocks = await prompts.pickSeveral('Blocks:', choices, noTerminal);
  return 'asked';
};

/** Asks for the number of seats. */
export const chooseSeats: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts, pool, blocks = [], quantity } = wizard;
  if (!pool) return 'silent';
  const detail = await (await context.api()).pools.get(pool.id);
  const left = Math.min(20, ...blocks.map((block) => freeSeats(detail, block) ?? 20));
  const question = 'Seats (each handles one request at a time):';
  const check = (text: string) => {
    const count = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isInteger(count) || count < 1 || count > 20) return 'Enter a number from 1 to 20.';
    return count > left ? `Only ${counted(left, 'seat')} left. Enter a smaller number.` : undefined;
  };
  wizard.quantity = Number(await prompts.text(question, noTerminal, check, '1', quantity?.toString()));
  return 'asked';
};

/** Asks for the billing cycle, and says how much yearly billing saves. */
export const chooseCycle: Step = async (wizard) => {
  const { context, prompts, pool, blocks, quantity = 1 } = wizard;
  if (wizard.subscriptions || !pool || !blocks) return 'silent';
  const detail = await (await context.api()).pools.get(pool.id);
  const month = blocks.reduce((sum, block) => sum + (blockPrice(pool, detail, block)?.cents ?? 0), 0) * quantity;
  const year = yearlyCharge(month, pool.annualDiscount ?? detail.annualDiscount ?? 0);
  const saves = month * 12 - year;
  wizard.billingCycle = await prompts.pick(
    'Billing cycle:',
    [
      { name: `Monthly: ${formatUsd(month)} today, then every month`, value: 'month' },
      {
        name: `Yearly: ${formatUsd(year)} today${saves > 0 ? `, saves ${formatUsd(saves)} per year` : ''}`,
        value: 'year',
        selected: wizard.billingCycle === 'year',
      },
    ],
    noTerminal,
  );
  return 'asked';
};

/**
 * Says that something is sold out and how to wait for it, and asks what to choose instead.
 *
 * @param command - the command that waits for it
 * @throws GoTo, or the failure itself if the user quits
 */
export async function chooseOther(
  wizard: Wizard,
  failure: CommandError,
  command: string,
  others: readonly Choice<Step>[],
): Promise<never> {
  const { context, prompts } = wizard;
  context.output.note(
    `✗ ${withoutPeriod(failure.message)}. Nothing was charged. ${watchNote(command, context.output.width)}`,
  );
  const next = await prompts.pick<Step | undefined>(
    'What would you like to do?',
    [...others, { name: 'Quit', value: undefined }],
    noTerminal,
  );
  if (next) throw new GoTo(next);
  throw failure.with({ hint: watchHint(command) });
}

/** Returns the command that waits for a seat in any of some blocks of the chosen pool. */
function watchAny({ context, pool }: Wizard, blocks: readonly Block[]): string {
  return watchCommand(context, { pool: pool ? poolName(pool) : '', blocks, isAnyEnough: true });
}
