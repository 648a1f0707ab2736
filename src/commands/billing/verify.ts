import { Argument } from 'commander';
import { toppedUp } from '../../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import type { VerifiedTopup } from '../../api/billing.ts';
import { mistakeIn, parseAmount, settleOption, settlingOf } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError, withoutPeriod } from '../../domain/errors.ts';
import { type Cents, decimalUsd, shownUsd, toUsd } from '../../domain/money.ts';
import { isTransactionHash } from '../../domain/usdc.ts';

export const fields = ['credited', 'balance'] as const;

const parseSent = parseAmount('--amount');

/** How often `--wait` tries again, in milliseconds. */
const retryInterval = 5000;
/** How long `--wait` goes on, in milliseconds. */
const longestWait = 30 * 60_000;

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
  const verified = await verifyFinal(context, txHash, amount, wait === true);
  context.output.done(`${shownUsd(verified.credited ?? toUsd(amount))} of credit added.`);
  await context.output.record(verified, {
    columns: [
      {
        field: 'credited',
        header: 'Credited',
        value: ({ credited }) => decimalUsd(credited),
        show: ({ credited }) => shownUsd(credited),
      },
      {
        field: 'balance',
        header: 'Balance',
        value: ({ balance }) => decimalUsd(balance),
        show: ({ balance }) => shownUsd(balance),
      },
    ],
    fields,
  });
}

/** Verifies a payment. With `wait`, retries while the transaction isn't final, because the server has done nothing until then. */
async function verifyFinal(
  context: VerifyingContext,
  txHash: string,
  amount: Cents,
  wait: boolean,
): Promise<VerifiedTopup> {
  const deadline = context.clocks.wall() + longestWait;
  for (;;) {
    try {
      return await verifyOnce(context, txHash, toUsd(amount));
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'not_final') throw error;
      if (!wait || context.clocks.wall() + retryInterval > deadline) {
        throw error.with({ retryable: true, hint: 'Try again in a minute, or pass --wait.' });
      }
      context.output.note(`${withoutPeriod(error.message)}. Retrying in ${retryInterval / 1000} seconds.`);
      await context.clocks.sleep(retryInterval);
    }
  }
}

/** @param amount - USD */
async function verifyOnce(context: VerifyingContext, txHash: string, amount: number): Promise<VerifiedTopup> {
  const api = await context.api();
  const before = { toppedUp: await toppedUp(api) };
  return carryOut(context, 'verify', {
    intent: { action: 'verify', txHash, amount },
    before,
    send: ({ billing }) => billing.verifyTopup(txHash, amount),
    ids: () => [txHash],
    adopt: async ({ credited }, again): Promise<VerifiedTopup> => {
      const account = await again.billing.status().catch(() => undefined);
      return { credited, balance: account?.creditBalance };
    },
    command: 'ci billing credits',
  });
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
