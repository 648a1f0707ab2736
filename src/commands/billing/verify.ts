import { Argument } from 'commander';
import { toppedUp } from '../../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../../account/changes/carry-out.ts';
import type { VerifiedTopup } from '../../api/billing.ts';
import { mistakeIn, parseAmount, settleOption, settlingOf } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { type Cents, decimalUsd, shownUsd, toUsd } from '../../domain/money.ts';
import { isTransactionHash } from '../../domain/usdc.ts';

export const fields = ['credited', 'balance'] as const;

const parseSent = parseAmount('--amount');

const betweenTries = 5000;
const longestWait = 30 * 60_000;

interface Flags {
  readonly amount?: Cents;
  readonly wait?: true;
  readonly settle?: number;
}

/** Which payment `ci billing verify` has credited. */
export interface Options extends Flags {
  /** Undefined: ask. */
  readonly txHash: string | undefined;
}

type VerifyingContext = ChangingContext & Pick<Context, 'api' | 'prompts'>;

/** `ci billing verify`: has a USDC payment credited. */
export default function verify(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      examples: ['ci billing verify 0x… --amount 50', 'ci billing verify 0x… --amount 50 --wait'],
    })
    .addArgument(new Argument('[txHash]', 'the hash of the transaction').argParser(parseHash))
    .option('--amount <usd>', 'what was sent, exactly', parseSent)
    .option('--wait', 'ask again while the transaction is not final')
    .addOption(settleOption())
    .action((txHash: string | undefined, flags: Flags) => execute({ txHash, ...flags }, context));
}

/** Has a USDC payment credited. */
export async function run(
  { txHash: typed, amount: typedAmount, wait, settle }: Options,
  context: VerifyingContext,
): Promise<void> {
  context.settling = settlingOf(settle === undefined ? {} : { settle });
  const txHash = typed ?? (await askedHash(context));
  const amount = typedAmount ?? (await askedAmount(context));
  const verified = await untilFinal(context, txHash, amount, wait === true);
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

/** Asks, and with `wait` asks again as long as the server says that it is too early: it then did nothing. */
async function untilFinal(
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
      if (!wait || context.clocks.wall() + betweenTries > deadline) {
        throw error.with({ retryable: true, hint: 'Run it again in a minute, or with --wait.' });
      }
      context.output.note(`${error.message}; asking again in ${betweenTries / 1000} s.`);
      await context.clocks.sleep(betweenTries);
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
  const missing = 'which payment? Name its transaction: `ci billing verify 0x… --amount 50`';
  return prompts.text('Which transaction? Its hash, 0x…:', missing, mistakeIn(parseHash));
}

async function askedAmount({ prompts }: Pick<Context, 'prompts'>): Promise<Cents> {
  const missing = '--amount is missing. Give what was sent, exactly: --amount 50';
  return parseSent(await prompts.text('How much was sent, in USD, exactly?', missing, mistakeIn(parseSent)));
}

function parseHash(text: string): string {
  if (isTransactionHash(text)) return text;
  throw usageError(`"${text}" is no transaction hash`, 'It is 0x and 64 hexadecimal digits; the wallet shows it.');
}
