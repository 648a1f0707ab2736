import { Argument } from 'commander';
import { AgentApi } from '../../api/agent.ts';
import { mistakeIn, parseAmount, settlingOf } from '../../cli/options.ts';
import { addPaymentOptions, type ChainOptions, paymentOptionsOf } from '../../cli/payment-options.ts';
import { destinationOf, type SaveOptions } from '../../cli/save-options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { WalletOptions } from '../../cli/wallet-options.ts';
import type { Context } from '../../context/context.ts';
import { type Cents, toUsd } from '../../domain/money.ts';
import type { ClaimFields } from '../../payment/claim.ts';
import { claimFields, deliverClaimed } from '../../payment/deliver.ts';
import { creditDue } from '../../payment/due.ts';
import type { PayingContext } from '../../payment/pay.ts';
import { payAndClaim } from '../../payment/pay-and-claim.ts';

export const fields = ['credited', 'balance', ...claimFields] as const;

interface Flags extends ChainOptions, WalletOptions, SaveOptions {
  readonly field?: ClaimFields;
  readonly again?: true;
}

/** How much credit `ci agent topup` buys, and how it pays. */
export interface Options extends Flags {
  /** Undefined: ask. */
  readonly cents: Cents | undefined;
}

/** `ci agent topup`: pays for credit with USDC, without an account. */
export default function topup(command: Verb, context: Context, execute = run): void {
  addPaymentOptions(
    command
      .tell({
        fields,
        changes: true,
        examples: [
          'ci agent topup 25 --account agent',
          'ci agent topup 25 --password-file agent.password --yes --save .env',
        ],
      })
      .addArgument(new Argument('[usd]', 'Amount in USD').argParser(parseAmount())),
  )
    .option('--again', "Pay even if you paid for the same moments ago, or an earlier payment isn't finished")
    .action((cents: Cents | undefined, flags: Flags) => execute({ cents, ...flags }, context));
}

/** Pays for credit, claims it, and delivers the API key that comes with it. */
export async function run({ cents: typed, field, again, ...options }: Options, context: PayingContext): Promise<void> {
  context.settling = settlingOf(again ? { again } : {});
  const destination = await destinationOf(context, options);
  const cents = typed ?? (await askedAmount(context));
  const { client } = await context.connections.withoutKey();
  const payment = paymentOptionsOf(options);
  const order = {
    purchase: { type: 'credit' },
    amount: toUsd(cents),
    due: async () => creditDue(await new AgentApi(client).catalog(payment.chain), cents),
  } as const;
  await deliverClaimed(context, { destination, type: 'credit' }, (keep) =>
    payAndClaim(context, order, payment, { fields: field, keep }),
  );
}

async function askedAmount({ prompts }: Pick<Context, 'prompts'>): Promise<Cents> {
  const missing = "Can't ask for the amount without a terminal. Pass it, such as `ci agent topup 25`";
  return parseAmount()(await prompts.text('Amount in USD:', missing, mistakeIn(parseAmount())));
}
