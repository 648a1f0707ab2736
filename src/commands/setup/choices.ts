import { CommandError } from '../../domain/errors.ts';
import { formatUsd, yearlyCharge } from '../../domain/money.ts';
import { hoursWithin, hoursWorked, parseWorkingHours, suggestedBlocks } from '../../domain/working-hours.ts';
import { counted, inWords } from '../../output/text.ts';
import type { Choice } from '../../prompts/question.ts';
import { blockChoices, blockPrice, findPool, poolChoices } from '../pool.ts';
import { allSubscriptions, type PoolSubscription, subscriptionChoices } from '../subscriptions.ts';
import type { Step } from './wizard.ts';

const nobody = 'setup asks questions, and there is nobody to ask';

/** What is held already can be used: the rest of the reservation is then left out. */
export const whatIsThere: Step = async (wizard) => {
  const { context, prompts } = wizard;
  delete wizard.subscriptions;
  const api = await context.api();
  const mine = (await allSubscriptions(api, await api.billing.status())).filter(({ status }) => status === 'active');
  if (mine.length === 0) return 'silent';
  const keys: Choice<PoolSubscription | undefined>[] = (await subscriptionChoices(context, mine)).map((choice) => ({
    ...choice,
    name: `make a key for ${choice.name}`,
    short: `a key for ${choice.short}`,
  }));
  const question = `You hold ${counted(mine.length, 'subscription')} already. What next?`;
  const picked = await prompts.pick(question, [...keys, { name: 'reserve more blocks', value: undefined }], nobody);
  if (!picked) return 'asked';
  wizard.subscriptions = [picked];
  wizard.pool = findPool(await api.pools.list(), picked.poolSlug);
  return 'asked';
};

/** Which pool. */
export const pool: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const { pools } = await context.api();
  const listed = await pools.list();
  const open = listed.filter(({ status }) => status == null || status === 'active');
  const name = await prompts.search('Which pool?', await poolChoices(context, open), nobody);
  wizard.pool = findPool(listed, name);
  return 'asked';
};

/** When the person works: what to suggest. */
export const workingHours: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const question = 'When do you work, by your own clock? 9-17, or Enter to skip:';
  const typed = await prompts.text(question, nobody, (text) =>
    text.trim() === '' ? undefined : mistakeIn(() => parseWorkingHours(text)),
  );
  wizard.work = typed.trim() === '' ? undefined : parseWorkingHours(typed);
  const { work } = wizard;
  if (!work) return 'asked';
  const now = await context.now();
  const covers = suggestedBlocks(work, now, context.timeZone).map((block) => {
    return `${block} (${hoursWithin(block, work, now, context.timeZone)} of your ${hoursWorked(work)} hours)`;
  });
  context.output.note(`Suggested: ${inWords(covers)}.`);
  return 'asked';
};

/** Which blocks, each with the person's own hours. */
export const blocks: Step = async (wizard) => {
  const { context, prompts, work, pool } = wizard;
  if (wizard.subscriptions || !pool) return 'silent';
  const { pools } = await context.api();
  const detail = await pools.get(pool.id);
  const now = await context.now();
  const suggested = work ? suggestedBlocks(work, now, context.timeZone) : [];
  const choices = (await blockChoices(context, { listed: pool, detail, now, onlyFree: true })).map((choice) => ({
    ...choice,
    ticked: choice.disabled === undefined && suggested.includes(choice.value),
  }));
  wizard.blocks = await prompts.pickSeveral('Which blocks?', choices, nobody);
  return 'asked';
};

/** How many seats. */
export const seats: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const question = 'How many seats? Each answers one request at a time. Enter for 1:';
  const typed = await wizard.prompts.text(question, nobody, (text) => {
    const count = text.trim() === '' ? 1 : Number(text);
    const good = Number.isInteger(count) && count >= 1 && count <= 20;
    return good ? undefined : `"${text}" is no number of seats. Type 1 to 20.`;
  });
  wizard.quantity = typed.trim() === '' ? 1 : Number(typed);
  return 'asked';
};

/** By the month or by the year, and what the year saves. */
export const cycle: Step = async (wizard) => {
  const { context, prompts, pool, blocks, quantity = 1 } = wizard;
  if (wizard.subscriptions || !pool || !blocks) return 'silent';
  const detail = await (await context.api()).pools.get(pool.id);
  const month = blocks.reduce((sum, block) => sum + (blockPrice(pool, detail, block)?.cents ?? 0), 0) * quantity;
  const year = yearlyCharge(month, pool.annualDiscount ?? detail.annualDiscount ?? 0);
  const saves = month * 12 - year;
  wizard.billingCycle = await prompts.pick(
    'Billed how?',
    [
      { name: `by the month: ${formatUsd(month)} today, and every month`, value: 'month' },
      {
        name: `by the year: ${formatUsd(year)} today${saves > 0 ? `, saves ${formatUsd(saves)} a year` : ''}`,
        value: 'year',
      },
    ],
    nobody,
  );
  return 'asked';
};

/** What is wrong with a text that is read, in words. */
function mistakeIn(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return [error.message, error.hint].filter(Boolean).join('. ');
    throw error;
  }
}
