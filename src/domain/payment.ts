import type { Block } from './blocks.ts';
import type { ChainName, Hex } from './chains.ts';
import { decimalUsd } from './money.ts';
import { usdcOf } from './usdc.ts';

/** How many blocks must have a payment or follow the one that has it, unless the user says. The guide says "a few". */
export const usualConfirmations = 3;

/** Words in the message of a refusal that mean that a payment was claimed or credited before. They aren't documented. */
export const claimedWords = /\balready\b|\bduplicate\b|\bredeemed\b|\bbeen (?:used|claimed|processed|credited)\b/i;

/** What a payment of USDC is for: a subscription or credit that needs no account, or credit of the user's account. */
export type Purchase =
  | { readonly type: 'subscription'; readonly pool: string; readonly blocks: readonly Block[] }
  | { readonly type: 'credit' }
  | { readonly type: 'topup' };

/**
 * A signed payment of USDC, as the record stores it before it is sent. The chain executes at most one transaction of a wallet with
 * each nonce, so sending the same bytes again can't pay twice.
 */
export interface PayIntent {
  readonly action: 'pay';
  readonly purchase: Purchase;
  /** USDC, with at most 6 decimals. */
  readonly amount: number;
  readonly chain: ChainName;
  /** Whether the chain is one for development, which may have the chain ID of another. */
  readonly isLocal: boolean;
  /** The host that sells it; `sandbox` for the embedded one. */
  readonly host: string;
  /** The address of the wallet. */
  readonly from: Hex;
  /** The address that is paid. */
  readonly to: Hex;
  readonly nonce: number;
  /** The latest block when it was signed. The payment can't be in an earlier one. */
  readonly block: number;
  readonly hash: Hex;
  /** The bytes of the signed transaction. */
  readonly raw: Hex;
}

/** Returns whether two payments are for the same thing. */
export function areSamePurchased(one: Purchase, other: Purchase): boolean {
  if (one.type !== 'subscription' || other.type !== 'subscription') return one.type === other.type;
  return one.pool === other.pool && one.blocks.join() === other.blocks.join();
}

/** Describes what a payment is for: `kimi26 europe`. */
export function describePurchased(purchase: Purchase): string {
  return purchase.type === 'subscription' ? `${purchase.pool} ${purchase.blocks.join(',')}` : 'credit';
}

/** Formats an amount of USDC: `39.00 USDC`. */
export function usdcText(amount: number): string {
  return `${decimalUsd(amount)} USDC`;
}

/** Formats an amount in millionths of a USDC: `100.00 USDC`. */
export function unitsText(units: bigint): string {
  return usdcText(usdcOf(units));
}
