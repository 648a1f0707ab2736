import { chooseBlocks, choosePool } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { agree, checkLimits, purchasePurpose } from '../../account/purchase/agree.ts';
import { type BuyingContext, buyOnce, earlierPurchaseOf } from '../../account/purchase/buy.ts';
import {
  buyAndDeliver,
  type DeliveredPurchase,
  type KeyOptions,
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
  variableOption,
} from '../../cli/save-options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { type Cents, formatUsd } from '../../domain/money.ts';

/** What `ci pools subscribe` buys, and how. */
export interface Options extends PurchaseOptions, CreateKeyOptions, SettlingOptions {
  /** Undefined: ask. */
  readonly pool: string | undefined;
  readonly maxPrice?: Cents;
  readonly ensure?: true;
  readonly dryRun?: true;
}

/** `ci pools subscribe`: reserves blocks, and charges the saved card. */
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
    .option('--max-price <usd>', "refuse when today's charge is above this", parseAmount('--max-price'))
    .option('--ensure', 'do nothing when active subscriptions of yours cover it already')
    .option('--again', 'allow a repeat of a recent or unsettled purchase')
    .addOption(noWaitOption())
    .addOption(settleOption())
    .addOption(createKeyOption())
    .addOption(saveOption())
    .addOption(variableOption())
    .addOption(forceOption())
    .option('--dry-run', 'show what it would cost, and stop')
    .action((pool: string | undefined, flags: Omit<Options, 'pool'>) => execute({ pool, ...flags }, context));
}

type SubscribingContext = BuyingContext & Pick<Context, 'profiles'>;

/** Buys seats in blocks of a pool, and creates their keys. With `--dry-run`, shows the price. */
export async function run(options: Options, context: SubscribingContext): Promise<void> {
  context.settling = settlingOf(options);
  const { prompts } = context;
  const keys = await keyOptionsOf(context, options);
  if (options.ensure && options.again) throw usageError('--ensure and --again exclude each other');
  if (options.dryRun) return showPrice(options, context);
  const { ensure, maxPrice, quantity, billingCycle } = options;
  if (!ensure) prompts.requireConsent(purchasePurpose);
  (await context.api()).client.requireSignedIn();
  const snapshot = await PurchaseSnapshot.take(context);
  const { catalog } = snapshot;
  const pool = await catalog.nameOf(await choosePool(context, options.pool, catalog));
  const blocks = await chooseBlocks(context, pool, options.blocks, { catalog, onlyFree: !ensure });
  const wanted = { pool, blocks, quantity, billingCycle };
  const earlier = await earlierPurchaseOf(context, wanted, { ignoresUnclear: ensure });
  if (earlier) return deliver(context, async () => withinLimit(earlier, pool, maxPrice), options, keys);
  if (ensure) {
    const covering = findCovering(pool, await snapshot.subscriptions(pool), blocks, quantity);
    if (covering) return showCovered(context, covering, options);
  }
  const purchase = await fetchPrice(catalog, pool, blocks, wanted);
  const agreed = await agree(context, [{ intent: purchaseIntent(purchase), purchase, maximum: maxPrice }], {
    facts: () => purchaseFacts(context, purchase),
    question: `Charge ${chargeText(purchase.quote)} now?`,
    account: snapshot,
    ensure,
  });
  await deliver(context, () => buyOnce(context, { purchase, snapshot, maxPrice, ensure, agreed }), options, keys);
}

async function showPrice(options: Options, context: SubscribingContext): Promise<void> {
  const catalog = new PoolCatalog(context);
  const pool = await choosePool(context, options.pool, catalog);
  const blocks = await chooseBlocks(context, pool, options.blocks, { catalog, onlyFree: !options.ensure });
  const purchase = await fetchPrice(catalog, pool, blocks, options);
  const offer = { intent: purchaseIntent(purchase), purchase, maximum: options.maxPrice };
  await checkLimits(context, [offer], { spending: () => monthlySpending(context) });
  await printQuote(context, purchase);
  context.output.note('Dry run: nothing was charged.');
}

/** Buys, creates the keys, and shows both. @throws CommandError (price_above_maximum) after all that, when more was charged than agreed */
async function deliver(
  context: SubscribingContext,
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
  context.output.note(`The price rose during the purchase: ${formatUsd(bought.charge)} charged, within --max-price.`);
}

async function show(context: SubscribingContext, delivered: DeliveredPurchase, options: Options): Promise<void> {
  if (delivered.kind === 'covered') return showCovered(context, delivered.subscriptions, options);
  // The error says what was bought. Secrets are shown in any case, because the API shows them only once.
  if (delivered.failure && secretsOf(delivered).length === 0) return;
  await printPurchase(context, delivered.subscriptions);
  if (delivered.saved) context.output.done(savedText(delivered.saved));
}

async function showCovered(context: SubscribingContext, covering: PoolSubscription[], options: Options): Promise<void> {
  noteCovered(context, covering, options.createKey !== undefined);
  await printPurchase(context, covering.map(withMaskedKey));
}
