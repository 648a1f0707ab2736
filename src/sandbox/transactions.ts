import * as z from 'zod/mini';
import { isTransactionHash } from '../domain/usdc.ts';
import type { Account } from './account.ts';
import { microsPerCent } from './money.ts';
import { Refusal } from './reply.ts';

/** Returns the URL of the chain on which the sandbox checks payments. */
export type RpcUrl = () => Promise<URL>;

/** Returns the URL of the chain. @throws Refusal (503) if the sandbox has none */
export async function requireRpcUrl(rpcUrl: RpcUrl | undefined): Promise<URL> {
  if (!rpcUrl) throw new Refusal(503, 'This sandbox has no chain');
  return rpcUrl();
}

const hashMessage = 'txHash must be 0x and 64 hexadecimal digits';

/** The hash of a transaction in the body of a request. */
export const hashField = z.string(hashMessage).check(z.refine(isTransactionHash, hashMessage));

/**
 * Returns the account with a transaction that counts, and counts only once.
 *
 * @throws Refusal (409) if it has counted before
 */
export function withTransaction(account: Account, hash: string, cents: number): Account {
  const others = account.transactions.filter((one) => one.hash !== hash);
  if (account.transactions.some((one) => one.hash === hash && one.credited)) {
    throw new Refusal(409, 'This transaction was already claimed');
  }
  return { ...account, transactions: [...others, { hash, cents, credited: true }] };
}

/** Returns the account with more credit. */
export function withCredit(account: Account, cents: number): Account {
  const micros = cents * microsPerCent;
  return {
    ...account,
    creditMicros: account.creditMicros + micros,
    toppedUpMicros: account.toppedUpMicros + micros,
  };
}
