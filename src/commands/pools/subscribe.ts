import { chooseBlocks, choosePool } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { findPool } from '../../account/pools.ts';
import { agree, checkLimits } from '../../account/purchase/agree.ts';
import { checkAvailable } from '../../account/purchase/availability.ts';
import { type BuyingContext, buyOnce, earlierPurchaseOf } from '../../account/purchase/buy.ts';
import {
  buyAndDeliver,
  type DeliveredPurchase,
  type KeyOptions,
  refuseEmailedKeys,
  secretsOf,
} from '../../account/purchase/buy-with-keys.ts';
import { findCovering } from '../../account/purchase/covering.ts';
import { chargeText, purchaseFacts } from '../../account/purchase/facts.ts';
import { purchaseIntent } from '../../account/purchase/intent.ts';
import { monthlySpending } from '../../account/purchase/limits.ts';
import { fetchPrice, type PurchaseOptions } from '../../account/purchase/price.ts';
import { type PurchaseResult, withinLimit } from '../../account/purchase/purchase-result.ts';
import { printQuote, quoteFields } from '../../account/purchase/quote-record.ts';
import { noteCovered, noteNextStep, printPurchase, purchaseFields } from '../../account/purchase/receipt.ts';
import { PurchaseSnapshot } from '../../account/purchase/snapshot.ts';
import { savedText } from '../../account/secrets/destination.ts';
import { withMaskedKey } from '../../account/subscription-table.ts';
import type { PoolSubscription } from '../../account/subscriptions.ts';
import {
  billingCycleOption,
  blocksOption,
  noWaitOption,
  parseAmount,
  poolArgument,
  quantityOption,
  type SettlingOptions,
  settleOption,
  settlingOf,
} from '../../cli/options.ts';
import {
  type CreateKeyOptions,
  createKeyOption,
  forceOption,
  keyOptionsOf,
  saveOption,
  saveSeats,
  storeOption,
  storeSeats,
  variableOption,
} from '../../cli/save-options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import { usageError } from '../../domain/errors.ts';
import { type Cents, formatUsd } from '../../domain/money.ts';
import { suggestWatch, type WatchablePurchase } from '../../watch/suggest-watch.ts';

/** The options of `ci pools subscribe`. */
export interface Options extends PurchaseOptions, CreateKeyOptions, SettlingOptions {
  /** Undefined: ask the user. */
  readonly pool: string | undefined;
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly dryRun?: true;
}

/** Declares `ci pools subscribe`, which reserves blocks and charges the saved card. */
export default function subscribe(command: Verb, context: Context, execute = run): void {
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
    .option('--max-price <usd>', 'Refuse a charge above this amount', parseAmount('--max-price'))
    .option('--ensure', 'Skip if your active subscriptions already cover it')
    .option('--again', 'Allow a repeat of a recent purchase')
    .addOption(noWaitOption())
    .addOption(settleOption())
    .addOption(createKeyOption())
    .addOption(storeOption(storeSeats))
    .addOption(saveOption(saveSeats))
    .addOption(variableOption())
    .addOption(forceOption())
    .option('--dry-run', 'Show the price without buying')
    .action((pool: string | undefined, flags: Omit<Options, 'pool'>) => execute({ pool, ...flags }, context));
}

/** Buys seats in blocks of a pool, and creates their keys. With `--dry-run`, only prints the price. */
export async function run(options: Options, context: BuyingContext): Promise<void> {
  context.settling = settlingOf(options);
  const { prompts } = context;
  const keys = await keyOptionsOf(context, options);
  if (options.ensure && options.again) throw usageError("--ensure and --again can't be combined", 'Pass one of them.');
  if (options.dryRun) return showPrice(options, context, keys);
  const { ensure, maxPrice, quantity, billingCycle } = options;
  if (!ensure) prompts.requireConsent();
  (await context.api()).client.requireSignedIn();
  const snapshot = await PurchaseSnapshot.take(context);
  const { catalog } = snapshot;
  const { pool, blocks } = await chooseSeats(context, options, { catalog, keys });
  const seats = { pool, blocks, quantity, billingCycle };
  const earlier = await earlierPurchaseOf(context, seats, { ignoresUnclear: ensure });
  if (earlier) return deliver(context, async () => withinLimit(earlier, pool, maxPrice), options, keys);
  if (ensure) {
    const covering = findCovering(pool, await snapshot.subscriptions(pool), blocks, quantity);
    if (covering) return showCovered(context, covering, options);
  }
  const purchase = await fetchPrice(catalog, pool, blocks, seats);
  await suggestWatch(context, { ...options, ...seats }, async () => {
    const agreed = await agree(context, [{ intent: purchaseIntent(purchase), purchase, maximum: maxPrice }], {
      facts: () => purchaseFacts(context, purchase),
      question: `Charge ${chargeText(purchase.quote)} now?`,
      account: snapshot,
      ensure,
    });
    await deliver(context, () => buyOnce(context, { purchase, snapshot, maxPrice, ensure, agreed }), options, keys);
  });
}

/** Returns the pool and the blocks to buy, as typed or picked. Refuses `--create-key` on a pool that sends its keys by email. */
async function chooseSeats(
  context: BuyingContext,
  options: Options,
  { catalog, keys }: { readonly catalog: PoolCatalog; readonly keys: KeyOptions },
): Promise<Pick<WatchablePurchase, 'pool'> & { readonly blocks: readonly Block[] }> {
  const onlyAvailable = !options.ensure;
  const pool = await catalog.nameOf(await choosePool(context, options.pool, catalog, { onlyAvailable }));
  if (keys.createKey !== undefined) refuseEmailedKeys(keys, findPool(await catalog.list(), pool));
  const blocks = await suggestWatch(context, { ...options, pool, isAnyEnough: options.blocks === undefined }, () =>
    chooseBlocks(context, pool, options.blocks, { catalog, onlyAvailable }),
  );
  return { pool, blocks };
}

async function showPrice(options: Options, context: BuyingContext, keys: KeyOptions): Promise<void> {
  const catalog = new PoolCatalog(context);
  const { pool, blocks } = await chooseSeats(context, options, { catalog, keys });
  const purchase = await fetchPrice(catalog, pool, blocks, options);
  if (!options.ensure) await suggestWatch(context, { ...options, pool, blocks }, async () => checkAvailable(purchase));
  const offer = { intent: purchaseIntent(purchase), purchase, maximum: options.maxPrice };
  await checkLimits(context, [offer], { spending: () => monthlySpending(context) });
  await printQuote(context, purchase);
  context.output.note('Dry run. Nothing was charged.');
}

/** Buys, creates the keys, and prints both. @throws CommandError (price_above_maximum) afterwards, if the charge was too high */
async function deliver(
  context: BuyingContext,
  buy: () => Promise<PurchaseResult>,
  options: Options,
  keys: KeyOptions,
): Promise<void> {
  const bought = await buyAndDeliver(context, buy, { ...keys, quantity: options.quantity }, (delivered) =>
    show(context, delivered, options),
  );
  if (bought.kind !== 'bought') return;
  noteNextStep(context, bought.subscriptions, options.createKey !== undefined);
  if (!bought.overcharge) return;
  const { maxPrice } = options;
  const isWithin = maxPrice !== undefined && bought.charge !== undefined && bought.charge <= maxPrice;
  if (context.prompts.asksConsent || !isWithin) throw bought.overcharge;
  context.output.note(`The price rose during the purchase. Charged ${formatUsd(bought.charge)}, within --max-price.`);
}

async function show(context: BuyingContext, delivered: DeliveredPurchase, options: Options): Promise<void> {
  if (delivered.kind === 'covered') return showCovered(context, delivered.subscriptions, options);
  // The error says what was bought. New secrets are printed even so, because the API shows them only once.
  if (delivered.failure && secretsOf(delivered).length === 0) return;
  await printPurchase(context, delivered.subscriptions);
  if (delivered.saved) context.output.done(savedText(delivered.saved));
}

async function showCovered(context: BuyingContext, covering: PoolSubscription[], options: Options): Promise<void> {
  noteCovered(context, covering, options.createKey !== undefined);
  await printPurchase(context, covering.map(withMaskedKey));
}
