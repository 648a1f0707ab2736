import { blockNames, startHour, utcHours } from '../../domain/blocks.ts';
import { hoursInWords, isLive, occurrence } from '../../domain/coverage.ts';
import { usageError } from '../../domain/errors.ts';
import { formatUsd, parseUsd, yearlyCharge } from '../../domain/money.ts';
import { hoursWithin, hoursWorked, parseWorkingHours, suggestedBlocks } from '../../domain/working-hours.ts';
import { counted, inWords } from '../../output/text.ts';
import { timeSpan } from '../../output/time.ts';
import type { Choice } from '../../prompts/prompts.ts';
import { blockPrice, freeSeats, isOpen, poolName } from '../pool.ts';
import { priceText } from '../pools/purchase.ts';
import { allSubscriptions, type PoolSubscription } from '../subscriptions.ts';
import type { Step } from './wizard.ts';

const nobody = 'setup asks questions, and there is nobody to ask';

/** What is held already can be used: the rest of the reservation is then left out. */
export const whatIsThere: Step = async (wizard) => {
  const { context, prompts } = wizard;
  delete wizard.subscriptions;
  const api = await context.api();
  const mine = (await allSubscriptions(api, await api.billing.status())).filter(({ status }) => status === 'active');
  if (mine.length === 0) return 'silent';
  const now = await context.now();
  const choices: Choice<PoolSubscription | undefined>[] = mine.map((each) => ({
    name: `Make a key for ${each.poolSlug} ${hoursInWords(each)}${isLive(each, now) ? ', live now' : ''}${each.key ? '' : ', which has none yet'}`,
    short: `a key for ${each.poolSlug} ${hoursInWords(each)}`,
    description: each.id,
    value: each,
  }));
  const picked = await prompts.pick(
    `You hold ${counted(mine.length, 'subscription')} already. What next?`,
    [...choices, { name: 'Reserve more blocks', value: undefined }],
    nobody,
  );
  if (picked) {
    wizard.subscriptions = [picked];
    const pools = await api.pools.list();
    const pool = pools.find(({ slug, id }) => slug === picked.poolSlug || id === picked.poolId);
    if (pool) wizard.pool = pool;
  }
  return 'asked';
};

/** Which pool. */
export const pool: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const { pools } = await context.api();
  const listed = await pools.list();
  const choices = listed.map((each): Choice<typeof each> => {
    const open = blockNames.filter((block) => isOpen(each, block));
    const from = each.minPricePerDay == null ? '' : `from ${formatUsd(parseUsd(each.minPricePerDay))} a month`;
    const free = each.status !== 'active' ? (each.status ?? '') : open.length > 0 ? inWords(open) : 'sold out';
    return {
      name: [poolName(each), each.modelName, from, ...(open.length > 0 ? [free] : [])].filter(Boolean).join('  '),
      short: poolName(each),
      value: each,
      ...(each.description ? { description: each.description } : {}),
      ...(open.length > 0 ? {} : { disabled: free }),
    };
  });
  wizard.pool = await prompts.pick('Which pool?', choices, nobody);
  return 'asked';
};

/** When the person works: what to suggest. */
export const workingHours: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const { context, prompts } = wizard;
  const typed = await prompts.optionalText('When do you work, by your own clock? 9-17, or Enter to skip:', (text) => {
    if (text.trim() !== '') parseWorkingHours(text);
  });
  wizard.work = typed.trim() === '' ? undefined : parseWorkingHours(typed);
  if (!wizard.work) return 'asked';
  const blocks = suggestedBlocks(wizard.work, await context.now(), context.timeZone);
  context.output.note(`Suggested: ${inWords(blocks)}.`);
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
  const choices = blockNames.map((block) => {
    const { from, to } = occurrence(startHour(block), now);
    const price = blockPrice(pool, detail, block);
    const seats = freeSeats(detail, block);
    const open = isOpen({ ...detail, ...pool }, block);
    const covers = work ? [`${hoursWithin(block, work, now, context.timeZone)} of your ${hoursWorked(work)} h`] : [];
    const facts = [
      price ? priceText(price) : 'no price',
      ...(seats === undefined ? [] : [`${seats} free`]),
      ...(from <= now ? ['live now'] : []),
      ...covers,
    ];
    return {
      name: `${block.padEnd(8)}  ${timeSpan(from, to, context.timeZone)} local  ${facts.join(', ')}`,
      value: block,
      short: block,
      description: `${utcHours(block)} UTC`,
      checked: open && suggested.includes(block),
      ...(open ? {} : { disabled: 'sold out' }),
    };
  });
  wizard.blocks = await prompts.pickSeveral('Which blocks?', choices, nobody);
  return 'asked';
};

/** How many seats. */
export const seats: Step = async (wizard) => {
  if (wizard.subscriptions) return 'silent';
  const typed = await wizard.prompts.optionalText(
    'How many seats? Each answers one request at a time. Enter for 1:',
    (text) => {
      const count = text.trim() === '' ? 1 : Number(text);
      if (!Number.isInteger(count) || count < 1 || count > 20)
        throw usageError(`"${text}" is no number of seats`, 'Type 1 to 20.');
    },
  );
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
