import { keccak256 } from 'ox/Hash';
import { fromHex } from 'ox/Signature';
import { deserialize, getSignPayload, serialize, type TxEnvelopeEip1559 } from 'ox/TxEnvelopeEip1559';
import type { Chain, Hex } from '../domain/chains.ts';
import type { Address } from './address.ts';
import { transferInput } from './transfer.ts';

/** A transaction that transfers USDC, before it is signed. */
export interface TransferTransaction {
  readonly chain: Chain;
  /** The number of transactions that the wallet sent before. The chain executes only one transaction with each. */
  readonly nonce: number;
  readonly to: Address;
  /** In millionths of a USDC. */
  readonly units: bigint;
  readonly gas: bigint;
  readonly fees: Fees;
}

/** What a transaction pays for each unit of gas, in wei (EIP-1559). */
export interface Fees {
  /** The most, the tip included. */
  readonly most: bigint;
  /** The tip for the sequencer. */
  readonly tip: bigint;
}

/** A signed transaction. */
export interface SignedTransaction {
  /** Known before the transaction is sent. */
  readonly hash: Hex;
  /** The bytes to send. */
  readonly raw: Hex;
}

/** Signs a transaction. @param sign - signs a hash of 32 bytes with the wallet's key, and returns r, s and v */
export function signTransfer(transaction: TransferTransaction, sign: (hash: Hex) => Hex): SignedTransaction {
  const envelope = envelopeOf(transaction);
  const raw = serialize(envelope, { signature: fromHex(sign(getSignPayload(envelope))) });
  return { hash: keccak256(raw), raw };
}

/** Returns the length of a transaction with its signature, in bytes, rounded up. The fee for Ethereum depends on it. */
export function signedLength(transaction: TransferTransaction): number {
  return serialize(envelopeOf(transaction)).length / 2 + 68;
}

/** Returns the fees in the bytes of a signed transaction. @throws Error if they aren't an EIP-1559 transaction */
export function feesIn(raw: Hex): Fees {
  const { maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = deserialize(`0x02${raw.slice(4)}`);
  return { most: maxFeePerGas, tip: maxPriorityFeePerGas };
}

function envelopeOf({ chain, nonce, to, units, gas, fees }: TransferTransaction): TxEnvelopeEip1559<false> {
  return {
    type: 'eip1559',
    chainId: chain.id,
    nonce: BigInt(nonce),
    to: chain.usdc,
    value: 0n,
    data: transferInput(to, units),
    gas,
    maxFeePerGas: fees.most,
    maxPriorityFeePerGas: fees.tip,
  };
}
