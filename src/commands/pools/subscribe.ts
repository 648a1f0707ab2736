import { chosenPool, poolName } from '../../account/pools.ts';
import {
  buyOnce,
  checkOpen,
  earlierPurchaseOf,
  mineOn,
  type PurchaseResult,
  purchaseIntent,
  withinLimit,
} from '../../account/purchase/buy.ts';
import {
  buyAndDeliver,
  checkKeyOptions,
  type DeliveredPurchase,
  type KeyOptions,
  secretsOf,
} from '../../account/purchase/buy-with-keys.ts';
import { findCovering } from '../../account/purchase/covering.ts';
import { chargeText, purchaseFacts } from '../../account/purchase/facts.ts';
import { checkMaximum, checkSpending, monthlySpending } from '../../account/purchase/limits.ts';
import { chosenBlocks, type PricedPurchase, type PurchaseOptions, priced } from '../../account/purchase/price.ts';
import { quoteColumns, quoteFields, quoteRecord } from '../../account/purchase/quote-record.ts';
import { noteNextStep, printPurchase, purchaseFields, savedText } from '../../account/purchase/receipt.ts';
import { consentToRepeat } from '../../account/purchase/repeat.ts';
import { withMaskedKey } from '../../account/subscription-table.ts';
import type { PoolSubscription } from '../../account/subscriptions.ts';
import {
  billingCycleOption,
  blocksOption,
  createKeyOption,
  noWaitOption,
  parseAmount,
  poolArgument,
  quantityOption,
  type SettlingOptions,
  saveOption,
  settleOption,
  settlingOf,
  variableOption,
} from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { seatsHeld } from '../../domain/coverage.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, formatUsd } from '../../domain/money.ts';
import { counted, factLines, inWords } from '../../output/text.ts';

interface Options extends PurchaseOptions, KeyOptions, SettlingOptions {
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly dryRun?: true;
}

/** `ci pools subscribe`: reserves blocks, and charges the saved card. */
export default function subscribe(command: Verb, context: Context): void {
  command
    .tell({
      fields: [...new Set([...purchaseFields, ...quoteFields])],
      changes: true,
      examples: [
        'ci pools subscribe kimi26 --blocks europe',
        'ci pools subscribe kimi26 --blocks europe --max-price 49 --ensure --yes --json',
        'ci pools subscribe kimi26 --blocks all --create-key prod-api',
      ],
    })
    .addArgument(poolArgument())
    .addOption(blocksOption())
    .addOption(quantityOption())
    .addOption(billingCycleOption())
    .option('--max-price <usd>', "refuse when today's charge is above this", parseAmount('--max-price'))
    .option('--ensure', 'do nothing when active subscriptions of yours cover it already')
    .option('--again', 'allow a repeat of a recent or unsettled purchase')
    .addOption(noWaitOption())
    .addOption(settleOption())
    .addOption(createKeyOption())
    .addOption(saveOption())
    .addOption(variableOption())
    .option('--dry-run', 'show what it would cost, and stop')
    .action((pool: string | undefined, options: Options) => {
      context.settling = settlingOf(options);
      return subscribeToPool(context, pool, options);
    });
}

async function subscribeToPool(context: Context, typed: string | undefined, options: Options): Promise<void> {
  const { output, prompts } = context;
  await check(options);
  if (!options.dryRun && !options.ensure) prompts.requireConsent('a subscription charges the saved card, which');
  if (!options.dryRun) (await context.api()).client.requireSignedIn();
  const name = await chosenPool(context, typed);
  const blocks = await chosenBlocks(context, name, options.blocks, !options.ensure);
  const earlier = options.dryRun
    ? undefined
    : await earlierPurchaseOf(context, name, { ...options, blocks }, { ignoresUnclear: options.ensure });
  if (earlier) return deliver(context, async () => withinLimit(earlier, name, options.maxPrice), options);
  if (options.ensure) {
    const covering = findCovering(name, await mineOn(context, name), blocks, options.quantity);
    if (covering) return tellCovered(context, covering, options);
  }
  const purchase = await priced(context, name, blocks, options);
  if (options.dryRun) {
    checkMaximum(purchase, options.maxPrice);
    checkSpending(context, purchase, await monthlySpending(context));
    await output.record(quoteRecord(purchase), {
      columns: quoteColumns,
      fields: quoteFields,
      drawing: async () => `${factLines(await purchaseFacts(context, purchase))}\n`,
    });
    return output.note('Dry run: nothing was charged.');
  }
  prompts.requireConsent('a subscription charges the saved card, which');
  checkOpen(purchase);
  checkMaximum(purchase, options.maxPrice);
  checkSpending(context, purchase, await monthlySpending(context));
  await consent(context, purchase);
  const agreed =
    options.ensure || options.again
      ? undefined
      : await consentToRepeat(context, purchaseIntent(purchase), () => mineOn(context, poolName(purchase.pool)));
  await deliver(context, () => buyOnce(context, purchase, { ensure: options.ensure, agreed }), options);
}

/** Buys, creates the keys, and shows both. @throws CommandError (price_above_maximum) after all that, when more was charged than agreed */
async function deliver(context: Context, buy: () => Promise<PurchaseResult>, options: Options): Promise<void> {
  const bought = await buyAndDeliver(context, buy, options, (told) => tell(context, told, options));
  if (bought.kind !== 'bought') return;
  noteNextStep(context, bought.subscriptions, options.createKey !== undefined);
  if (!bought.overcharge) return;
  // Without a prompt, the limit counts as the agreed price.
  const { maxPrice } = options;
  const isWithin = maxPrice !== undefined && bought.charge !== undefined && bought.charge <= maxPrice;
  if (context.prompts.asksConsent || !isWithin) throw bought.overcharge;
  context.output.note(`The price rose during the purchase: ${formatUsd(bought.charge)} charged, within --max-price.`);
}

async function tell(context: Context, told: DeliveredPurchase, options: Options): Promise<void> {
  if (told.kind === 'covered') return tellCovered(context, told.subscriptions, options);
  // What was bought an error tells; a secret is told in any case, as it is shown only once.
  if (told.failure && secretsOf(told).length === 0) return;
  await printPurchase(context, told.subscriptions);
  if (told.saved) context.output.done(savedText(told.saved));
}

async function check(options: Options): Promise<void> {
  await checkKeyOptions(options);
  if (options.ensure && options.again) throw usageError('--ensure and --again exclude each other');
}

async function tellCovered(context: Context, covering: PoolSubscription[], options: Options): Promise<void> {
  const ids = inWords(covering.map(({ id }) => id));
  const noKey = options.createKey ? ', and no key was made' : '';
  context.output.note(`Already covered by ${ids}: nothing was charged${noKey}.`);
  await printPurchase(context, covering.map(withMaskedKey));
}

async function consent(context: Context, purchase: PricedPurchase): Promise<void> {
  if (!context.prompts.canAsk) return;
  const lines = [
    ...(await purchaseFacts(context, purchase)),
    ...(await heldAlready(context, purchase)),
    ['Account', accountLabel(context.settings)] as const,
  ];
  context.output.note(factLines(lines));
  await context.prompts.consent(`Charge ${chargeText(purchase.quote)} now?`);
}

/** What I hold of the same already: this comes on top of it. */
async function heldAlready(context: Context, { pool, blocks }: PricedPurchase): Promise<(readonly [string, string])[]> {
  const mine = await mineOn(context, poolName(pool)).catch((error: unknown) => {
    if (error instanceof CommandError) return [];
    throw error;
  });
  const seats = seatsHeld(mine);
  const held = blocks.filter((block) => seats.has(block));
  if (held.length === 0) return [];
  const told = held.map((block) => `${counted(seats.get(block) ?? 0, 'seat')} in ${block}`);
  return [['You hold', `${inWords(told)} already`]];
}
