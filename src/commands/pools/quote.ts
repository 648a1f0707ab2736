import { chooseBlocks, choosePool } from '../../account/choose-pool.ts';
import { PoolCatalog } from '../../account/pool-catalog.ts';
import { fetchPrice, type PurchaseOptions } from '../../account/purchase/price.ts';
import { printQuote, quoteFields } from '../../account/purchase/quote-record.ts';
import { billingCycleOption, blocksOption, poolArgument, quantityOption } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

/** The options of `ci pools quote`. */
export interface Options extends PurchaseOptions {
  /** Undefined: ask the user. */
  readonly pool: string | undefined;
}

/** Declares `ci pools quote`, which shows the price of a subscription. */
export default function quote(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: quoteFields,
      examples: [
        'ci pools quote kimi26 --blocks europe',
        'ci pools quote kimi26 --blocks all --quantity 2 --billing-cycle year --json | jq .charge',
      ],
    })
    .addArgument(poolArgument())
    .addOption(blocksOption())
    .addOption(quantityOption())
    .addOption(billingCycleOption())
    .action((pool: string | undefined, flags: PurchaseOptions) => execute({ pool, ...flags }, context));
}

/** Prints the price of seats in blocks of a pool. */
export async function run(
  options: Options,
  context: Pick<Context, 'api' | 'connections' | 'output' | 'prompts' | 'world'>,
): Promise<void> {
  const catalog = new PoolCatalog(context);
  const pool = await choosePool(context, options.pool, catalog);
  const blocks = await chooseBlocks(context, pool, options.blocks, { catalog, onlyAvailable: false });
  const purchase = await fetchPrice(catalog, pool, blocks, options);
  await printQuote(context, purchase);
}
