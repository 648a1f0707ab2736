import type { Subscription } from '../../api/pools.ts';
import type { Block } from '../../domain/blocks.ts';
import { blocksHeld, hoursInWords, seatsHeld, staysMine } from '../../domain/coverage.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { counted, factLines, inWords } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { billingCycleOption, blocksOption, parseAmount, quantityOption } from '../options.ts';
import { tellingHowToFindOut } from '../outcome.ts';
import { blockState, chosenPool, poolName, withPool } from '../pool.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import {
  chargeText,
  checkMaximum,
  chosenBlocks,
  facts,
  type PricedPurchase,
  type Purchase,
  priced,
  quoteColumns,
  quoteFields,
  quoteRecord,
} from './purchase.ts';
import { subscriptionColumns, subscriptionFields, withMaskedKey } from './subscription.ts';

const fields = [...subscriptionFields, 'subscriptions'];

interface Options extends Purchase {
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly createKey?: string;
  readonly dryRun?: true;
}

/** `ci pools subscribe`: reserves blocks, and charges the saved card. */
export default function subscribe(context: Context): Verb {
  const command = verb('subscribe', 'reserve blocks of a pool: charges the saved card at once', {
    fields: [...new Set([...fields, ...quoteFields])],
    changes: true,
    examples: [
      'ci pools subscribe kimi26 --blocks europe',
      'ci pools subscribe kimi26 --blocks europe --max-price 49 --ensure --yes --json',
      'ci pools subscribe kimi26 --blocks all --create-key prod-api',
    ],
  });
  command
    .argument('[pool]', 'slug or UUID')
    .addOption(blocksOption())
    .addOption(quantityOption())
    .addOption(billingCycleOption())
    .option('--max-price <usd>', "refuse when today's charge is above this", parseAmount('--max-price'))
    .option('--ensure', 'do nothing when active subscriptions of yours cover it already')
    .option('--create-key <name>', 'make an API key for each seat')
    .option('--dry-run', 'show what it would cost, and stop')
    .action((pool: string | undefined, options: Options) => subscribeToPool(context, pool, options));
  return command;
}

async function subscribeToPool(context: Context, typed: string | undefined, options: Options): Promise<void> {
  const { output, prompts } = context;
  if (options.createKey?.trim() === '') throw usageError('the name of the key is empty');
  if (!options.dryRun && !options.ensure) prompts.requireConsent('a subscription charges the saved card, which');
  if (!options.dryRun) (await context.api()).client.requireSignedIn();
  const name = await chosenPool(context, typed);
  const blocks = await chosenBlocks(context, options.blocks);
  if (options.ensure) {
    const covering = await alreadyCovering(context, name, blocks, options.quantity);
    if (covering) {
      const ids = inWords(covering.map(({ id }) => id));
      output.note(`Already covered by ${ids}: nothing was charged${options.createKey ? ', and no key was made' : ''}.`);
      return print(context, covering.map(withMaskedKey), options);
    }
  }
  const purchase = await priced(context, name, blocks, options);
  if (options.dryRun) {
    checkMaximum(purchase, options.maxPrice);
    await output.record(quoteRecord(purchase), {
      columns: quoteColumns,
      fields: quoteFields,
      drawing: async () => `${factLines(await facts(purchase, context))}\n`,
    });
    return output.note('Dry run: nothing was charged.');
  }
  prompts.requireConsent('a subscription charges the saved card, which');
  checkOpen(purchase);
  checkMaximum(purchase, options.maxPrice);
  await consent(context, purchase);
  const bought = await buy(context, purchase, options);
  output.done(`Subscribed to ${inWords(blocks)} of ${poolName(purchase.pool)}: ${chargeText(purchase.quote)} charged.`);
  const withKeys = await createKeys(context, bought, options.createKey);
  await print(context, withKeys, options);
  sayWhatIsNext(context, withKeys, options);
}

/** The subscriptions that cover the blocks with enough seats and will renew; undefined when nothing is covered. */
async function alreadyCovering(
  context: Context,
  pool: string,
  blocks: readonly Block[],
  quantity: number,
): Promise<PoolSubscription[] | undefined> {
  const { pools } = await context.api();
  const mine = await withPool(context, pool, () => pools.subscriptions(pool));
  const held = seatsHeld(mine);
  const covered = blocks.filter((block) => (held.get(block) ?? 0) >= quantity);
  const partly = blocks.filter((block) => (held.get(block) ?? 0) > 0);
  if (covered.length === blocks.length) {
    return mine
      .filter((each) => staysMine(each) && blocks.some((block) => blocksHeld(each).includes(block)))
      .map((each) => ({ ...each, poolSlug: pool }));
  }
  if (partly.length === 0) {
    refuseHeld(pool, mine, blocks);
    return undefined;
  }
  const have = partly.map((block) => `${counted(held.get(block) ?? 0, 'seat')} in ${block}`);
  const missing = blocks.filter((block) => !covered.includes(block));
  throw new CommandError(
    'unavailable',
    `partly covered already: you hold ${inWords(have)}, and asked for ${quantity} in each of ${inWords(blocks)}`,
    {
      hint: `Nothing was charged. Subscribe to what is missing: \`ci pools subscribe ${pool} --blocks ${missing.join(',')}\`.`,
      outcome: 'not_applied',
    },
  );
}

/** Blocks that are paid for and will not renew, or whose payment failed, are neither covered nor to be bought again unasked. */
function refuseHeld(pool: string, mine: readonly Subscription[], blocks: readonly Block[]): void {
  const held = mine.find(
    (each) => each.status !== 'canceled' && blocks.some((block) => blocksHeld(each).includes(block)),
  );
  if (!held) return;
  const why = held.status === 'past_due' ? 'its payment failed' : `it ends on ${held.currentPeriodEnd}`;
  throw new CommandError('unavailable', `you hold ${hoursInWords(held)} of ${pool} in ${held.id}, and ${why}`, {
    hint: 'Nothing was charged. Without --ensure it is bought a second time.',
    outcome: 'not_applied',
  });
}

/** Refuses before anyone is asked what the list already rules out. */
function checkOpen({ pool, blocks, free, quote }: PricedPurchase): void {
  const short = blocks.find((block) => (free.get(block) ?? quote.quantity) < quote.quantity && free.get(block) !== 0);
  if (short) {
    const seats = counted(free.get(short) ?? 0, 'seat');
    throw new CommandError(
      'unavailable',
      `${poolName(pool)} has ${seats} free in ${short}, and you asked for ${quote.quantity}`,
      {
        hint: 'Nothing was charged. Take fewer seats, or other blocks.',
        outcome: 'not_applied',
      },
    );
  }
  const soldOut = blocks.filter((block) => blockState(pool, block) === 'sold-out');
  if (pool.status === 'paused' || soldOut.length > 0) {
    const what = pool.status === 'paused' ? 'is paused' : `is sold out in ${inWords(soldOut)}`;
    throw new CommandError('unavailable', `${poolName(pool)} ${what}`, {
      hint: 'Nothing was charged. `ci pools list --available` shows what is open.',
      outcome: 'not_applied',
    });
  }
}

async function consent(context: Context, purchase: PricedPurchase): Promise<void> {
  if (!context.prompts.canAsk) return;
  const lines = [...(await facts(purchase, context)), ['Account', context.account()] as const];
  context.output.note(factLines(lines));
  await context.prompts.consent(`Charge ${chargeText(purchase.quote)} now?`);
}

async function buy(context: Context, { pool, blocks }: PricedPurchase, options: Options): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const { quantity, billingCycle } = options;
  const name = poolName(pool);
  const result = await tellingHowToFindOut(
    pools.subscribe(name, { blocks, quantity, billingCycle }),
    `ci pools subscriptions ${name}`,
  );
  if (result.kind === 'checkout') {
    await context.showPage(result.sessionUrl);
    throw new CommandError(
      'no_payment_method',
      `no card is saved; pay in the browser to subscribe: ${result.sessionUrl}`,
      {
        hint: `Nothing is charged until then. Afterwards \`ci pools subscriptions ${name}\` shows it.`,
        outcome: 'not_applied',
      },
    );
  }
  if (result.subscriptions.length !== quantity) {
    const told = counted(result.subscriptions.length, 'subscription');
    context.output.note(
      `The API told of ${told} for ${counted(quantity, 'seat')}: \`ci pools subscriptions ${name}\` shows all.`,
    );
  }
  return result.subscriptions.map((subscription) => ({ ...subscription, poolSlug: name }));
}

/** Makes a key for each seat that can have one. What was bought is told even when a key cannot be made. */
async function createKeys(
  context: Context,
  bought: PoolSubscription[],
  name: string | undefined,
): Promise<PoolSubscription[]> {
  if (name === undefined) return bought;
  const { keys } = await context.api();
  const done: PoolSubscription[] = [];
  for (const [at, subscription] of bought.entries()) {
    if (subscription.status === 'pending_key') {
      done.push(subscription);
      continue;
    }
    const keyName = bought.length > 1 ? `${name}-${at + 1}` : name;
    try {
      const key = await keys.createForSubscription({ name: keyName, subscriptionId: subscription.id });
      done.push({ ...subscription, key });
    } catch (error) {
      // A secret is shown only once: those made so far must not be lost. What was bought the error itself tells.
      if (done.some(({ key }) => key?.apiKey)) await print(context, [...done, ...bought.slice(at)], {});
      if (!(error instanceof CommandError)) throw error;
      throw error.with({
        message: `subscribed, but the key "${keyName}" ${error.outcome === 'unknown' ? 'may not have been made' : 'was not made'}: ${error.message}`,
        outcome: error.outcome === 'unknown' ? 'unknown' : 'applied',
        hint: `Bought: ${inWords(bought.map(({ id }) => id))}. Look with \`ci keys list\`, then \`ci keys create ${keyName} --subscription ${subscription.id}\`.`,
      });
    }
  }
  return done;
}

async function print(
  context: Context,
  subscriptions: PoolSubscription[],
  { createKey }: Pick<Options, 'createKey'>,
): Promise<void> {
  const now = await context.now();
  const secret = (subscription: Subscription) => subscription.key?.apiKey ?? '';
  const columns = subscriptionColumns(now).map((column) =>
    column.field === 'key' ? { ...column, value: secret } : column,
  );
  const [only] = subscriptions;
  const whole = subscriptions.length === 1 && only ? only : { subscriptions };
  await context.output.list(
    subscriptions,
    {
      columns,
      fields,
      empty: '',
      drawing: (style, clean) =>
        clean
          .map((subscription) => {
            const renewal = dayAndDistance(subscription.currentPeriodEnd, now, context.timeZone);
            const lines: [string, string][] = [
              ['Subscription', subscription.id],
              ['Blocks', hoursInWords(subscription)],
              ['Status', subscription.status ?? ''],
              ['Renews', renewal],
              ['Key', subscription.key?.apiKey ?? ''],
            ];
            const shown = lines.filter(([, value]) => value !== '');
            const once =
              createKey !== undefined && subscription.key
                ? `\n  ${style.dim('Keep the key now: it is shown only once.')}`
                : '';
            return `${factLines(shown)}${once}\n`;
          })
          .join('\n'),
    },
    whole,
  );
}

function sayWhatIsNext({ output }: Context, subscriptions: PoolSubscription[], { createKey }: Options): void {
  const pending = subscriptions.filter(({ status }) => status === 'pending_key');
  if (pending.length > 0) {
    output.note('The key of this pool is sent by mail, usually within hours, always within 24 hours.');
  } else if (createKey === undefined) {
    const [only] = subscriptions;
    if (only && output.isForPeople)
      output.note(`Next: \`ci keys create NAME --subscription ${only.id}\` makes its key.`);
  }
}
