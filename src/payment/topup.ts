import { requestUsdcTopup } from '../account/request-topup.ts';
import { type Cents, toUsd } from '../domain/money.ts';
import { topupDue } from './due.ts';
import { type PayingContext, type PaymentOptions, pay } from './pay.ts';
import { printVerified, type VerifyingContext, verifyRecorded } from './verify.ts';

/** Tops up the account from a wallet: requests the top-up, pays, waits until the payment is credited, and prints the credit. */
export async function topUpFromWallet(
  context: VerifyingContext & PayingContext,
  cents: Cents,
  options: PaymentOptions,
): Promise<void> {
  const { client } = await context.api();
  client.requireSignedIn();
  const amount = toUsd(cents);
  const due = async () => topupDue(cents, await requestUsdcTopup(context, amount));
  const order = { purchase: { type: 'topup' }, amount, due } as const;
  const verified = await pay(context, order, options, async (paid) => ({
    result: await verifyRecorded(context, paid),
    ids: [],
  }));
  await printVerified(context, verified, cents);
}
