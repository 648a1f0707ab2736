import { Argument } from 'commander';
import type { ChangingContext } from '../../account/changes/carry-out.ts';
import { mistakeIn, parseAmount, settleOption, settlingOf } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import type { Cents } from '../../domain/money.ts';
import { isTransactionHash } from '../../domain/usdc.ts';
import { printVerified, verifiedFields, verifyTopup } from '../../payment/verify.ts';

export const fields = verifiedFields;

const parseSent = parseAmount('--amount');

interface Flags {
  readonly amount?: Cents;
  readonly wait?: true;
  readonly settle?: number;
}

/** The payment that `ci billing verify` verifies. */
export interface Options extends Flags {
  /** Undefined: ask. */
  readonly txHash: string | undefined;
}

type VerifyingContext = ChangingContext & Pick<Context, 'api' | 'prompts'>;

/** `ci billing verify`: adds credit for a USDC payment that was sent. */
export default function verify(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing verify 0x… --amount 50', 'ci billing verify 0x… --amount 50 --wait'],
    })
    .addArgument(new Argument('[txHash]', 'Hash of the transaction').argParser(parseHash))
    .option('--amount <usd>', 'Exact amount that you sent, in USD', parseSent)
    .option('--wait', "Retry while the transaction isn't final")
    .addOption(settleOption())
    .action((txHash: string | undefined, flags: Flags) => execute({ txHash, ...flags }, context));
}

/** Adds credit for a USDC payment that was sent. */
export async function run(
  { txHash: typed, amount: typedAmount, wait, settle }: Options,
  context: VerifyingContext,
): Promise<void> {
  context.settling = settlingOf(settle === undefined ? {} : { settle });
  const txHash = typed ?? (await askedHash(context));
  const amount = typedAmount ?? (await askedAmount(context));
  const verified = await verifyTopup(context, txHash, amount, wait === true);
  await printVerified(context, verified, amount);
}

function askedHash({ prompts }: Pick<Context, 'prompts'>): Promise<string> {
  const missing =
    "Can't ask for the transaction without a terminal. Pass its hash, such as `ci billing verify 0x… --amount 50`";
  return prompts.text('Transaction hash (0x…):', missing, mistakeIn(parseHash));
}

async function askedAmount({ prompts }: Pick<Context, 'prompts'>): Promise<Cents> {
  const missing =
    "Can't ask for the amount without a terminal. Pass the exact amount that was sent, such as --amount 50";
  return parseSent(await prompts.text('Exact amount sent, in USD:', missing, mistakeIn(parseSent)));
}

function parseHash(text: string): string {
  if (isTransactionHash(text)) return text;
  throw usageError(
    `"${text}" is not a valid transaction hash`,
    'Copy it from your wallet: 0x and 64 hexadecimal digits.',
  );
}
