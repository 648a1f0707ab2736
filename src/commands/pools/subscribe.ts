import type { Subscription } from '../../api/pools.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import { usageError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { isWholeKey } from '../../domain/secrets.ts';
import { framed } from '../../output/frame.ts';
import { factLines, inWords } from '../../output/text.ts';
import { dayAndDistance } from '../../output/time.ts';
import { type Verb, verb } from '../command.ts';
import type { Context } from '../context.ts';
import { makeAndDeliver } from '../delivery.ts';
import { billingCycleOption, blocksOption, parseAmount, quantityOption } from '../options.ts';
import { chosenPool, poolName } from '../pool.ts';
import type { PoolSubscription } from '../subscriptions.ts';
import { buyOnce, checkOpen, intentOf, mineOn } from './buy.ts';
import { alreadyCovering } from './covering.ts';
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
import { consentToRepeat } from './repeat.ts';
import { createKeys } from './seat-keys.ts';
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
  const blocks = await chosenBlocks(context, name, options.blocks, !options.ensure);
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
  const agreed =
    options.ensure || options.again
      ? undefined
      : await consentToRepeat(context, intentOf(purchase), () => mineOn(context, poolName(purchase.pool)));
  if (options.createKey === undefined) {
    const { kind, subscriptions } = await buyOnce(context, purchase, { ensure: options.ensure, agreed });
    if (kind === 'covered') return tellCovered(context, subscriptions, options);
    await print(context, subscriptions);
    return sayWhatIsNext(context, subscriptions, options);
  }
  await buyWithKeys(context, purchase, options, agreed);
}

/** Buys, and makes a key for each seat that can have one. What was made is told even when not all could be. */
async function buyWithKeys(
  context: Context,
  purchase: PricedPurchase,
  options: Options,
  agreed: ReadonlySet<string> | undefined,
): Promise<void> {
  const made = await makeAndDeliver(context, {
    make: async (hold) => {
      const { kind, subscriptions } = await buyOnce(context, purchase, { ensure: options.ensure, agreed });
      if (kind === 'bought') return createKeys(context, subscriptions, options.createKey ?? '', hold);
      await tellCovered(context, subscriptions, options);
      return undefined;
    },
    deliver: async (all) => {
      const holdsSecret = all?.subscriptions.some(({ key }) => key?.apiKey);
      // What was bought an error tells; a secret is told in any case, as it is shown only once.
      if (all && (!all.failure || holdsSecret)) await print(context, all.subscriptions);
    },
  });
  if (made?.failure) throw made.failure;
  if (made) sayWhatIsNext(context, made.subscriptions, options);
}

function check({ createKey, ensure, again }: Options): void {
  if (createKey?.trim() === '') throw usageError('the name of the key is empty');
  if (ensure && again) throw usageError('--ensure and --again exclude each other');
}

async function tellCovered(context: Context, covering: PoolSubscription[], options: Options): Promise<void> {
  const ids = inWords(covering.map(({ id }) => id));
  const noKey = options.createKey ? ', and no key was made' : '';
  context.output.note(`Already covered by ${ids}: nothing was charged${noKey}.`);
  await print(context, covering.map(withMaskedKey));
}

async function consent(context: Context, purchase: PricedPurchase): Promise<void> {
  if (!context.prompts.canAsk) return;
  const lines = [...(await facts(purchase, context)), ['Account', context.account()] as const];
  context.output.note(factLines(lines));
  await context.prompts.consent(`Charge ${chargeText(purchase.quote)} now?`);
}

async function print(context: Context, subscriptions: PoolSubscription[]): Promise<void> {
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
            const { name, apiKey } = subscription.key ?? {};
            const created = isWholeKey(apiKey) ? apiKey : undefined;
            const lines: [string, string][] = [
              ['Subscription', subscription.id],
              ['Blocks', hoursInWords(subscription)],
              ['Status', subscription.status ?? ''],
              ['Renews', renewal],
              ['Key', created === undefined ? (apiKey ?? '') : ''],
            ];
            const facts = `${factLines(lines.filter(([, value]) => value !== ''))}\n`;
            if (created === undefined) return facts;
            const title = `API key ${name ?? ''}, shown only this once`.replace(' ,', ',');
            return `${facts}\n${framed(created, title, style, context.output.width)}`;
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
