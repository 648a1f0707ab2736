import { AgentApi } from '../../api/agent.ts';
import { blocksOption, parseAmount, poolArgument, settlingOf } from '../../cli/options.ts';
import { addPaymentOptions, type ChainOptions, paymentOptionsOf } from '../../cli/payment-options.ts';
import { destinationOf, type SaveOptions } from '../../cli/save-options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { WalletOptions } from '../../cli/wallet-options.ts';
import type { Context } from '../../context/context.ts';
import type { Block } from '../../domain/blocks.ts';
import type { Cents } from '../../domain/money.ts';
import { choosePaidBlocks, choosePaidPool } from '../../payment/choose.ts';
import type { ClaimFields } from '../../payment/claim.ts';
import { claimFields, deliverClaimed } from '../../payment/deliver.ts';
import { subscriptionDue } from '../../payment/due.ts';
import type { PayingContext } from '../../payment/pay.ts';
import { payAndClaim } from '../../payment/pay-and-claim.ts';

export const fields = ['subscriptionId', 'poolSlug', 'blocks', 'status', 'expiresAt', ...claimFields] as const;

interface Flags extends ChainOptions, WalletOptions, SaveOptions {
  readonly blocks?: readonly Block[];
  readonly maxPrice?: Cents;
  readonly field?: ClaimFields;
  readonly again?: true;
}

/** What `ci agent subscribe` buys, and how it pays. */
export interface Options extends Flags {
  readonly pool: string | undefined;
}

/** `ci agent subscribe`: pays for a subscription with USDC, without an account, and gets its API key. */
export default function subscribe(command: Verb, context: Context, execute = run): void {
  addPaymentOptions(
    command
      .tell({
        fields,
        changes: true,
        examples: [
          'ci agent subscribe kimi26 --blocks europe --account agent',
          'ci agent subscribe kimi26 --blocks europe,asia --max-price 90 --save .env',
          'ci agent subscribe kimi26 --blocks all --password-file agent.password --yes --json',
        ],
      })
      .addArgument(poolArgument('[pool]', 'Slug, as `ci agent plans` lists it'))
      .addOption(blocksOption())
      .option('--max-price <usd>', 'Refuse to pay more than this', parseAmount('--max-price')),
  )
    .option('--again', "Pay even if you paid for the same moments ago, or an earlier payment isn't finished")
    .action((pool: string | undefined, flags: Flags) => execute({ pool, ...flags }, context));
}

/** Pays for a subscription, claims it, and delivers its API key. */
export async function run(
  { pool: typed, blocks: typedBlocks, maxPrice, field, again, ...options }: Options,
  context: PayingContext,
): Promise<void> {
  context.settling = settlingOf(again ? { again } : {});
  const destination = await destinationOf(context, options);
  const { client } = await context.connections.withoutKey();
  const agent = new AgentApi(client);
  const payment = paymentOptionsOf(options);
  const catalog = () => agent.catalog(payment.chain);
  const pool = await choosePaidPool(context, typed, catalog);
  const blocks = await choosePaidBlocks(context, pool, typedBlocks, catalog);
  const order = {
    purchase: { type: 'subscription', pool, blocks },
    due: async () => subscriptionDue(await catalog(), pool, blocks),
    maximum: maxPrice,
  } as const;
  await deliverClaimed(context, { destination, type: 'subscription' }, (keep) =>
    payAndClaim(context, order, payment, { fields: field, keep }),
  );
}
