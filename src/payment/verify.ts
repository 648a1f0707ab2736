import { toppedUp } from '../account/changes/actions.ts';
import { type ChangingContext, carryOut } from '../account/changes/carry-out.ts';
import { pages } from '../account/web-pages.ts';
import type { VerifiedTopup } from '../api/billing.ts';
import type { Context } from '../context/context.ts';
import { CommandError, withoutPeriod } from '../domain/errors.ts';
import { type Cents, decimalUsd, parseUsd, shownUsd, toUsd } from '../domain/money.ts';
import { claimedWords, usdcText } from '../domain/payment.ts';
import type { Paid } from './claim.ts';

/** The JSON fields of a payment that was credited. */
export const verifiedFields = ['credited', 'balance'] as const;

/** How often to try again, in milliseconds. */
const retryInterval = 5000;
/** How long to go on, in milliseconds. */
const longestWait = 30 * 60_000;

/** The parts of the context that verifying a payment uses. */
export type VerifyingContext = ChangingContext & Pick<Context, 'api'>;

/**
 * Asks the API to credit a USDC payment to the account. With `wait`, retries while the transaction isn't final, because the server has
 * done nothing until then.
 *
 * @throws CommandError with its outcome
 */
export async function verifyTopup(
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

/**
 * Asks the API to credit a payment that this machine made and recorded. If an earlier request for it may have gone through, and the API
 * says that the payment is credited already, it was by that request.
 *
 * @throws CommandError with the outcome `applied` if the API refuses to credit it, because the payment was made; others as
 *   {@link verifyTopup}
 */
export async function verifyRecorded(
  context: VerifyingContext,
  { hash, payment: { amount }, wasClaimed }: Paid,
): Promise<VerifiedTopup> {
  try {
    return await verifyTopup(context, hash, parseUsd(amount), true);
  } catch (error) {
    if (!(error instanceof CommandError) || error.outcome !== 'not_applied' || error.status === undefined) throw error;
    if (wasClaimed && claimedWords.test(error.message)) {
      const { creditBalance } = await (await context.api()).billing.status();
      return { credited: amount, balance: creditBalance };
    }
    throw error.with({
      message: `You paid ${usdcText(amount)} (${hash}), but the API doesn't credit it: ${withoutPeriod(error.message)}`,
      hint: `The payment is recorded, and isn't made again. Run \`ci billing verify ${hash} --amount ${decimalUsd(amount)}\` to try again, or write to CheapestInference (${pages.docs}).`,
      outcome: 'applied',
    });
  }
}

/** Prints the credit that a payment added. @param amount - that was sent */
export async function printVerified(
  context: Pick<Context, 'output'>,
  verified: VerifiedTopup,
  amount: Cents,
): Promise<void> {
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
    fields: verifiedFields,
  });
}
