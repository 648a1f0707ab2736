import type { ChainNode } from '../chain/node.ts';
import { RpcError, rpcHint } from '../chain/rpc.ts';
import { type Fees, feesIn, signedLength, type TransferTransaction } from '../chain/transaction.ts';
import type { Hex } from '../domain/chains.ts';
import { asClause, CommandError } from '../domain/errors.ts';
import { type PayIntent, unitsText } from '../domain/payment.ts';
import { withPoint } from '../domain/usdc.ts';
import { isLocalChain } from './connect-chain.ts';
import type { Due } from './due.ts';

/** The most that a transaction may cost in gas, in wei: 0.005 ETH, about a thousand times the usual. An endpoint could ask for any price. */
const mostGasCost = 5n * 10n ** 15n;
/** By how much nodes want the fees of a transaction to rise before it replaces another, in percent (go-ethereum: 10). */
const minimumFeeBump = 13n;

/** A payment that can be made, before it is signed. */
export interface PreparedPayment {
  readonly due: Due;
  /** The address of the wallet. */
  readonly from: Hex;
  readonly transaction: TransferTransaction;
  /** The most that the gas costs, in wei. */
  readonly gasCost: bigint;
  /** What the wallet has: millionths of a USDC, and wei. */
  readonly usdc: bigint;
  readonly ether: bigint;
  /** The latest block. */
  readonly block: number;
}

/**
 * Checks that a wallet can make a payment.
 *
 * @param replaced - an earlier payment that isn't mined. The new one gets its nonce, so that only one of them can be
 * @throws CommandError (payment_required) if the wallet has too little USDC or ETH; (unavailable) if it can't pay at all; (busy) if
 *   another transaction of the wallet isn't mined yet
 */
export async function preparePayment(
  node: ChainNode,
  from: Hex,
  due: Due,
  replaced?: PayIntent | undefined,
): Promise<PreparedPayment> {
  const { chain } = node;
  if (await node.isContract(from)) throw smartWallet(from);
  const [usdc, ether] = [await node.usdcBalance(from), await node.balance(from)];
  if (usdc < due.units) {
    throw tooLittle(`The wallet ${from} has ${unitsText(usdc)}, but ${unitsText(due.units)} is due`, 'USDC', node);
  }
  if (ether === 0n) throw tooLittle(`The wallet ${from} has no ETH for gas`, 'ETH', node);
  const nonce = await unusedNonce(node, from, replaced);
  const gas = await transferGas(node, { from, to: due.to, units: due.units });
  const fees = raised(await node.fees(), replaced);
  const transaction = { chain, nonce, to: due.to, units: due.units, gas, fees };
  checkGasCost(node, gas * fees.most);
  const gasCost = gas * fees.most + (await node.dataFee(signedLength(transaction)));
  checkGasCost(node, gasCost);
  if (ether < gasCost) {
    throw tooLittle(
      `The wallet ${from} has ${etherText(ether, 'down')}, but the gas may cost ${etherText(gasCost)}`,
      'ETH',
      node,
    );
  }
  return { due, from, transaction, gasCost, usdc, ether, block: await node.blockNumber() };
}

/** Refuses gas at a price that no transfer is worth. @throws CommandError (unavailable) */
function checkGasCost({ rpc }: ChainNode, wei: bigint): void {
  if (wei <= mostGasCost) return;
  const message = `The RPC endpoint ${rpc.host} asks for up to ${etherText(wei)} for gas, which is more than ${etherText(mostGasCost)}`;
  throw new CommandError('unavailable', message, { hint: `Nothing was sent. ${rpcHint}`, outcome: 'not_applied' });
}

/** Returns whether an earlier payment can be mined soon with the fees that it offers. */
export async function hasEnoughFees(node: ChainNode, { raw }: PayIntent): Promise<boolean> {
  const { most, tip } = feesIn(raw);
  const now = await node.fees();
  // `most` is twice the base fee and the tip.
  return most >= (now.most - now.tip) / 2n + tip;
}

/**
 * Formats an amount in wei: `0.00000021 ETH`. Shows 6 decimals, or for a small amount its first two digits.
 *
 * @param rounding - `up` for a cost, so that it is never above what is shown; `down` for a balance
 */
export function etherText(wei: bigint, rounding: 'up' | 'down' = 'up'): string {
  const first = wei === 0n ? 0 : 18 - String(wei).length;
  const decimals = Math.min(18, Math.max(6, first + 2));
  const unit = 10n ** BigInt(18 - decimals);
  const count = rounding === 'up' ? (wei + unit - 1n) / unit : wei / unit;
  return `${withPoint(String(count), decimals).replace(/\.?0+$/, '')} ETH`;
}

/** Returns the nonce of the next transaction. @throws CommandError (busy) if a transaction of another program waits to be mined */
async function unusedNonce(node: ChainNode, from: Hex, replaced: PayIntent | undefined): Promise<number> {
  const mined = await node.nonce(from);
  const pending = await node.nonce(from, 'pending');
  // The chain could execute both.
  if (replaced && replaced.nonce !== mined) throw changedMeanwhile(from);
  if (pending <= mined || replaced) return mined;
  throw new CommandError('busy', `Another transaction of the wallet ${from} isn't mined yet`, {
    hint: 'Nothing was sent. Try again when it is mined.',
    retryable: true,
    outcome: 'not_applied',
  });
}

function changedMeanwhile(from: Hex): CommandError {
  return new CommandError('busy', `The wallet ${from} sent another transaction in the meantime`, {
    hint: 'Nothing was sent. Try again.',
    retryable: true,
    outcome: 'not_applied',
  });
}

async function transferGas(node: ChainNode, transfer: Parameters<ChainNode['transferGas']>[0]): Promise<bigint> {
  try {
    return await node.transferGas(transfer);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    throw new CommandError('unavailable', `The transfer would fail: ${asClause(error.reason)}`, {
      hint: 'Nothing was sent. USDC refuses transfers from and to some addresses.',
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** Returns fees that are high enough to replace an earlier transaction. */
function raised(fees: Fees, replaced: PayIntent | undefined): Fees {
  if (!replaced) return fees;
  const earlier = feesIn(replaced.raw);
  const above = (fee: bigint) => (fee * (100n + minimumFeeBump)) / 100n + 1n;
  const tip = largest(fees.tip, above(earlier.tip));
  return { most: largest(fees.most, above(earlier.most), tip), tip };
}

function largest(...values: readonly bigint[]): bigint {
  return values.reduce((one, other) => (one > other ? one : other), 0n);
}

/** Returns the error for the wallet of a smart account. The API compares the signature with the sender of the transaction. */
export function smartWallet(address: Hex): CommandError {
  return new CommandError('unavailable', `${address} is a smart contract wallet, which can't claim what it pays for`, {
    hint: 'Its transactions are sent by others, and the API wants a signature of the sender. Pay with a wallet that has its own private key: `ci agent wallet create`.',
    outcome: 'not_applied',
  });
}

function tooLittle(message: string, what: string, node: ChainNode): CommandError {
  const source = isLocalChain(node)
    ? 'Get some from the faucet of `ci sandbox serve`'
    : `Send ${what} to the wallet on ${node.chain.title}`;
  return new CommandError('payment_required', message, {
    hint: `Nothing was sent. ${source}, then try again.`,
    outcome: 'not_applied',
  });
}
