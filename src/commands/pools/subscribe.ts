import type { SubscribeResult, Subscription } from '../../api/pools.ts';
import type { Block } from '../../domain/blocks.ts';
import { blocksHeld, hoursInWords, seatsHeld, staysMine } from '../../domain/coverage.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, toUsd } from '../../domain/money.ts';
import { judgeSubscribe, type SubscribeIntent } from '../../domain/reconcile.ts';
import { counted, factLines, inWords } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';
import { carryOut } from '../change.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { makeAndDeliver } from '../delivery.ts';
import { makeKey } from '../keys/make.ts';
import { billingCycleOption, blocksOption, parseAmount, quantityOption } from '../options.ts';
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
import { checkRepeat, consentToRepeat } from './repeat.ts';
import { checkSpending } from './spending.ts';
import { subscriptionColumns, subscriptionFields, withMaskedKey } from './subscription.ts';

const fields = [...subscriptionFields, 'subscriptions'];

interface Options extends Purchase {
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly createKey?: string;
  readonly dryRun?: true;
  readonly again?: true;
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
    .option('--again', 'buy it though the same was bought a moment ago')
    .option('--dry-run', 'show what it would cost, and stop')
    .action((pool: string | undefined, options: Options) => subscribeToPool(context, pool, options));
  return command;
}

async function subscribeToPool(context: Context, typed: string | undefined, options: Options): Promise<void> {
  const { output, prompts } = context;
  check(options);
  if (!options.dryRun && !options.ensure) prompts.requireConsent('a subscription charges the saved card, which');
  if (!options.dryRun) (await context.api()).client.requireSignedIn();
  const name = await chosenPool(context, typed);
  const blocks = await chosenBlocks(context, options.blocks);
  if (options.ensure) {
    const covering = alreadyCovering(name, await mineOn(context, name), blocks, options.quantity);
    if (covering) return tellCovered(context, covering, options);
  }
  const purchase = await priced(context, name, blocks, options);
  if (options.dryRun) {
    checkMaximum(purchase, options.maxPrice);
    await checkSpending(context, purchase);
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
  await checkSpending(context, purchase);
  await consent(context, purchase);
  const again =
    options.ensure || options.again
      ? undefined
      : await consentToRepeat(context, intentOf(purchase), () => mineOn(context, poolName(purchase.pool)));
  if (options.createKey === undefined) {
    const bought = await buyAlone(context, purchase, options, again);
    if (bought === undefined) return;
    await print(context, bought, options);
    return sayWhatIsNext(context, bought, options);
  }
  await buyWithKeys(context, purchase, options, again);
}

/** Buys while no other `ci` on this machine buys for this account. Undefined: it was covered after all, which was told. */
async function buyAlone(
  context: Context,
  purchase: PricedPurchase,
  options: Options,
  again: ReadonlySet<string> | undefined,
): Promise<PoolSubscription[] | undefined> {
  const pool = poolName(purchase.pool);
  const result = await context.exclusively('purchase', async () => {
    const mine = await mineOn(context, pool);
    // What was so before the question was asked may not be so any more.
    const covering = options.ensure ? alreadyCovering(pool, mine, purchase.blocks, options.quantity) : undefined;
    if (covering) return { covering };
    if (again) await checkRepeat(context, intentOf(purchase), mine, again);
    await checkSpending(context, purchase);
    return { bought: await buy(context, purchase, mine, options) };
  });
  if (result.covering) {
    await tellCovered(context, result.covering, options);
    return undefined;
  }
  const charged = chargeText(purchase.quote);
  context.output.done(`Subscribed to ${inWords(purchase.blocks)} of ${pool}: ${charged} charged.`);
  return result.bought;
}

/** Buys, and makes a key for each seat that can have one. What was made is told even when not all could be. */
async function buyWithKeys(
  context: Context,
  purchase: PricedPurchase,
  options: Options,
  again: ReadonlySet<string> | undefined,
): Promise<void> {
  const made = await makeAndDeliver(context, {
    make: async () => {
      const bought = await buyAlone(context, purchase, options, again);
      return bought === undefined ? undefined : createKeys(context, bought, options.createKey ?? '');
    },
    secrets: (all) => (all?.subscriptions ?? []).flatMap(({ key }) => (key?.apiKey ? [key.apiKey] : [])),
    deliver: async (all) => {
      const holdsSecret = all?.subscriptions.some(({ key }) => key?.apiKey);
      // What was bought an error tells; a secret is told in any case, as it is shown only once.
      if (all && (!all.failure || holdsSecret)) await print(context, all.subscriptions, options);
    },
  });
  if (made?.failure) throw made.failure;
  if (made) sayWhatIsNext(context, made.subscriptions, options);
}

function check({ createKey, ensure, again }: Options): void {
  if (createKey?.trim() === '') throw usageError('the name of the key is empty');
  if (ensure && again) throw usageError('--ensure and --again exclude each other');
}

/** My subscriptions on the pool. @throws CommandError (not_found) that names the nearest pools */
async function mineOn(context: Context, pool: string): Promise<Subscription[]> {
  const { pools } = await context.api();
  return withPool(context, pool, () => pools.subscriptions(pool));
}

async function tellCovered(context: Context, covering: PoolSubscription[], options: Options): Promise<void> {
  const ids = inWords(covering.map(({ id }) => id));
  const noKey = options.createKey ? ', and no key was made' : '';
  context.output.note(`Already covered by ${ids}: nothing was charged${noKey}.`);
  await print(context, covering.map(withMaskedKey), options);
}

/** The subscriptions that cover the blocks with enough seats and will renew; undefined when nothing is covered. */
function alreadyCovering(
  pool: string,
  mine: readonly Subscription[],
  blocks: readonly Block[],
  quantity: number,
): PoolSubscription[] | undefined {
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

function intentOf({ pool, blocks, quote }: PricedPurchase): SubscribeIntent {
  const { quantity, billingCycle, charge } = quote;
  return { action: 'subscribe', pool: poolName(pool), blocks, quantity, billingCycle, charge: toUsd(charge.atMost) };
}

/** @param mine - my subscriptions on the pool, a moment before */
async function buy(
  context: Context,
  purchase: PricedPurchase,
  mine: readonly Subscription[],
  { quantity, billingCycle }: Options,
): Promise<PoolSubscription[]> {
  const { pools } = await context.api();
  const { blocks } = purchase;
  const name = poolName(purchase.pool);
  const intent = intentOf(purchase);
  const before = { ids: mine.map(({ id }) => id) };
  const bought = await carryOut<Subscription[], Subscription[]>(context, {
    intent,
    before,
    send: async () => subscribed(context, name, await pools.subscribe(name, { blocks, quantity, billingCycle })),
    ids: (subscriptions) => subscriptions.map(({ id }) => id),
    look: async (api, others) => judgeSubscribe(intent, before, await api.pools.subscriptions(name), others),
    adopt: (found) => found,
    command: `ci pools subscriptions ${name}`,
  });
  if (bought.length !== quantity) {
    const told = counted(bought.length, 'subscription');
    context.output.note(
      `The API told of ${told} for ${counted(quantity, 'seat')}: \`ci pools subscriptions ${name}\` shows all.`,
    );
  }
  return bought.map((subscription) => ({ ...subscription, poolSlug: name }));
}

/** What an answer says was bought. @throws CommandError (no_payment_method) when it names a page to pay on instead */
async function subscribed(context: Context, pool: string, result: SubscribeResult): Promise<Subscription[]> {
  if (result.kind === 'subscribed') return result.subscriptions;
  await context.showPage(result.sessionUrl);
  throw new CommandError(
    'no_payment_method',
    `no card is saved; pay in the browser to subscribe: ${result.sessionUrl}`,
    {
      hint: `Nothing is charged until then. Afterwards \`ci pools subscriptions ${pool}\` shows it.`,
      outcome: 'not_applied',
    },
  );
}

/** What was bought, with its keys as far as they could be made. */
interface WithKeys {
  readonly subscriptions: PoolSubscription[];
  readonly failure?: CommandError;
}

/** Makes a key for each seat that can have one. */
async function createKeys(context: Context, bought: PoolSubscription[], name: string): Promise<WithKeys> {
  const done: PoolSubscription[] = [];
  for (const [at, subscription] of bought.entries()) {
    if (subscription.status === 'pending_key') {
      done.push(subscription);
      continue;
    }
    const keyName = bought.length > 1 ? `${name}-${at + 1}` : name;
    try {
      const key = await makeKey(context, { name: keyName, subscriptionId: subscription.id });
      done.push({ ...subscription, key });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const unknown = error.outcome === 'unknown';
      const fate = error.code === 'secret_lost' ? 'is of no use' : unknown ? 'may not have been made' : 'was not made';
      const failure = error.with({
        message: `subscribed, but the key "${keyName}" ${fate}: ${error.message}`,
        outcome: unknown ? 'unknown' : 'applied',
        hint: `Bought: ${inWords(bought.map(({ id }) => id))}. Look with \`ci keys list\`, then \`ci keys create ${keyName} --subscription ${subscription.id}\`.`,
      });
      return { subscriptions: [...done, ...bought.slice(at)], failure };
    }
  }
  return { subscriptions: done };
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
