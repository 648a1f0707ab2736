import { chosenPool } from '../../account/pools.ts';
import { purchaseFacts } from '../../account/purchase/facts.ts';
import { chosenBlocks, type PurchaseOptions, priced } from '../../account/purchase/price.ts';
import { quoteColumns, quoteFields, quoteRecord } from '../../account/purchase/quote-record.ts';
import { billingCycleOption, blocksOption, poolArgument, quantityOption } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { factLines } from '../../output/text.ts';

/** `ci pools quote`: what a subscription would cost, without buying. */
export default function quote(command: Verb, context: Context): void {
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
    .action((pool: string | undefined, purchase: PurchaseOptions) => quotePool(context, pool, purchase));
}

async function quotePool(context: Context, typed: string | undefined, purchase: PurchaseOptions): Promise<void> {
  const name = await chosenPool(context, typed);
  const blocks = await chosenBlocks(context, name, purchase.blocks, false);
  const purchased = await priced(context, name, blocks, purchase);
  await context.output.record(quoteRecord(purchased), {
    columns: quoteColumns,
    fields: quoteFields,
    drawing: async () => `${factLines(await purchaseFacts(context, purchased))}\n`,
  });
}
