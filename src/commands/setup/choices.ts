import { awaitEarlier } from '../../account/changes/earlier.ts';
import { blockChoices, poolChoices } from '../../account/choose-pool.ts';
import { blockPrice, findPool, freeSeats, poolName } from '../../account/pools.ts';
import { allSubscriptions, type PoolSubscription, subscriptionChoices } from '../../account/subscriptions.ts';
import { mistakeIn } from '../../cli/options.ts';
import type { Block } from '../../domain/blocks.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import { CommandError } from '../../domain/errors.ts';
import { formatUsd, yearlyCharge } from '../../domain/money.ts';
import { hoursWithin, hoursWorked, parseWorkingHours, suggestedBlocks } from '../../domain/working-hours.ts';
import { counted, inWords } from '../../output/text.ts';
import type { Choice } from '../../prompts/question.ts';
import { programOf } from './commands.ts';
import { GoTo, nobody, type Step, type Wizard } from './wizard.ts';

/** Asks whether to use an existing subscription. If so, the other questions about the reservation are skipped. */
export const whatIsThere: Step = async (wizard) => {
  const { context, prompts } = wizard;
  delete wizard.subscriptions;
  const api = await context.api();
  // The result of a purchase that may still go through counts as existing.
  await awaitEarlier(context, { ...anyPurchase, any: true });
  const all = await allSubscriptions(api, await api.billing.status());
  for (const waiting of all.filter(({ status }) => status === 'pending_key')) {
    const what = `${waiting.poolSlug} ${hoursInWords(waiting)}`.trim();
    context.output.note(`You already have ${what}: its key is sent by email within 24 hours.`);
  }
  const mine = all.filter(({ status }) => status === 'active');
  if (mine.length === 0) return 'silent';
  const keys: Choice<PoolSubscription | undefined>[] = (await subscriptionChoices(context, mine)).map((choice) => ({
    ...choice,
    name: `Create a key for ${choice.name}`,
    short: `Create a key for ${choice.short}`,
  }));
  const question = `You have ${counted(mine.length, 'subscription')}. What next?`;
  const picked = await prompts.pick(question, [...keys, { name: 'Reserve more blocks', value: undefined }], nobody);
  if (!picked) return 'asked';
  wizard.subscriptions = [picked];
  wizard.pool = findPool(await api.pools.list(), picked.poolSlug);
  return 'asked';
};

const anyPurchase = {
  action: 'subscribe',
  intent: { action: 'subscribe', pool: '', blocks: [], quantity: 1, billingCycle: 'month' },
} as const;

/** Asks for the pool. */
export const choosePool: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const { pools } = await context.api();
  const listed = await pools.list();
  const open = listed.filter(({ status }) => status == null || status === 'active');
  if (open.length === 0) {
    throw new CommandError('unavailable', 'no pool is open for subscriptions', {
      hint: '`ci pools list` shows them all; `ci pools watch` waits until one opens.',
      outcome: 'not_applied',
    });
  }
  const name = await prompts.search('Which pool?', await poolChoices(context, open), nobody);
  wizard.pool = findPool(listed, name);
  return 'asked';
};

/** Asks for the working hours, to suggest blocks. */
export const workingHours: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const question = 'Working hours, to suggest blocks (e.g. 9-17, Enter to skip):';
  const typed = await prompts.text(question, nobody, (text) =>
    text.trim() === '' ? undefined : mistakeIn(parseWorkingHours)(text),
  );
  wizard.work = typed.trim() === '' ? undefined : parseWorkingHours(typed);
  const { work } = wizard;
  if (!work) return 'asked';
  const now = await context.connections.now();
  const covers = suggestedBlocks(work, now, context.world.timeZone).map((block) => {
    return `${block} (${hoursWithin(block, work, now, context.world.timeZone)} of your ${hoursWorked(work)} hours)`;
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
  const suggested = work ? suggestedBlocks(work, now, context.world.timeZone) : [];
  const choices = (await blockChoices(context, { listed: pool, detail, now, onlyFree: true })).map((choice) => ({
    ...choice,
    ticked: choice.disabled === undefined && suggested.includes(choice.value),
  }));
  const soldOut = choices.filter(({ disabled }) => disabled !== undefined).map(({ value }) => value);
  if (soldOut.length === choices.length) {
    const failure = new CommandError('unavailable', `${poolName(pool)} is sold out`, { outcome: 'not_applied' });
    await somethingElse(wizard, failure, soldOut, [{ name: 'Another pool', value: choosePool }]);
  }
  if (soldOut.length > 0) {
    context.output.note(`Sold out: ${inWords(soldOut)}. ${watchHint(wizard, soldOut)}`);
  }
  wizard.blocks = await prompts.pickSeveral('Which blocks?', choices, nobody);
  return 'asked';
};

/** Asks for the number of seats. */
export const chooseSeats: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts, pool, blocks = [] } = wizard;
  if (!pool) return 'silent';
  const detail = await (await context.api()).pools.get(pool.id);
  const free = Math.min(20, ...blocks.map((block) => freeSeats(detail, block) ?? 20));
  const question = 'How many seats? Each answers one request at a time.';
  const check = (text: string) => {
    const count = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isInteger(count) || count < 1 || count > 20) return 'Enter a number from 1 to 20.';
    return count > free ? `${counted(free, 'seat')} ${free === 1 ? 'is' : 'are'} free.` : undefined;
  };
  wizard.quantity = Number(await prompts.text(question, nobody, check, '1'));
  return 'asked';
};

/** Asks for the billing cycle, and says what a year saves. */
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
      },
    ],
    nobody,
  );
  return 'asked';
};

/**
 * Asks what to do instead if a pool or its blocks are sold out.
 *
 * @param watched - the blocks that were wanted
 * @throws GoTo, or the failure itself when the person gives up
 */
export async function somethingElse(
  wizard: Wizard,
  failure: CommandError,
  watched: readonly Block[],
  others: readonly Choice<Step>[],
): Promise<never> {
  wizard.context.output.note(`✗ ${failure.message}. Nothing was charged.`);
  const stop = { name: 'Stop here, and wait for a seat with `ci pools watch`', short: 'Stop here', value: undefined };
  const next = await wizard.prompts.pick<Step | undefined>('What now?', [...others, stop], nobody);
  if (next) throw new GoTo(next);
  throw failure.with({ hint: `Nothing was charged. ${watchHint(wizard, watched)}` });
}

/** Returns the command that waits for blocks of the chosen pool. */
function watchHint({ context, pool }: Wizard, blocks: readonly Block[]): string {
  const name = pool ? poolName(pool) : '';
  return `\`${programOf(context)} pools watch ${name} --blocks ${blocks.join(',')}\` waits for a seat.`;
}
