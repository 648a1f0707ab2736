import { blockHours } from '../account/pools.ts';
import type { Fact } from '../account/purchase/agree.ts';
import { accountLabel } from '../config/settings.ts';
import type { Context } from '../context/context.ts';
import { type Purchase, unitsText } from '../domain/payment.ts';
import { timeAgo } from '../output/time.ts';
import type { WalletPlace } from '../wallet/files.ts';
import { etherText, type PreparedPayment } from './prepare.ts';
import type { RecordedPayment } from './record.ts';

/** What the facts of a payment depend on. */
export interface FactOptions {
  readonly wallet: WalletPlace;
  readonly confirmations: number;
  /** The last payment for such a purchase, if it went to another address. */
  readonly other: RecordedPayment | undefined;
  /** Whether no payment went to this address. */
  readonly isNewAddress: boolean;
  /** The host that sells it. */
  readonly host: string;
}

/** Returns a payment for people, as labels and values. */
export async function paymentFacts(
  context: Pick<Context, 'clocks' | 'connections' | 'settings' | 'world'>,
  { due, from, transaction, gasCost, usdc, ether }: PreparedPayment,
  { wallet, confirmations, other, isNewAddress, host }: FactOptions,
): Promise<Fact[]> {
  const { chain } = transaction;
  const ago = other && timeAgo(other.change.at, context.clocks.wall());
  return [
    ...(await purchasedFacts(context, due.purchase, due.duration)),
    ['Due now', unitsText(due.units)],
    ['Paid to', due.to],
    ...(other ? [['', `Not the address of your last payment (${ago}): ${other.payment.to}`] as const] : []),
    ...(isNewAddress && !other ? [['', "You haven't paid this address from this machine before."] as const] : []),
    ['Sold by', host],
    [
      'Chain',
      `${chain.title} (chain ID ${chain.id}), ${confirmations === 1 ? '1 confirmation' : `${confirmations} confirmations`}`,
    ],
    ['Gas', `at most ${etherText(gasCost)}`],
    ['Wallet', `${wallet.name ?? wallet.file} (${from})`],
    ['Balance', `${unitsText(usdc)}, ${etherText(ether, 'down')}`],
    ...(due.purchase.type === 'subscription'
      ? [['If sold out', 'A payment is final. You can then claim other blocks or credit with it.'] as const]
      : []),
  ];
}

async function purchasedFacts(
  context: Pick<Context, 'connections' | 'settings' | 'world'>,
  purchase: Purchase,
  duration: string | undefined,
): Promise<Fact[]> {
  if (purchase.type === 'topup')
    return [
      ['Buy', 'credit'],
      ['Account', accountLabel(context.settings)],
    ];
  if (purchase.type === 'credit') return [['Buy', 'credit, with an API key of its own']];
  const now = await context.connections.now();
  const blocks = purchase.blocks.map(
    (block) => `${block.padEnd(8)}  ${blockHours(block, now, context.world.timeZone)}`,
  );
  return [
    ['Pool', purchase.pool],
    ...blocks.map((line, at): Fact => [at === 0 ? 'Blocks' : '', line]),
    ...(duration === undefined ? [] : [['Duration', `${duration}, doesn't renew`] as const]),
  ];
}
