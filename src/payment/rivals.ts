import type { ChainNode } from '../chain/node.ts';
import { type PayIntent, usualConfirmations } from '../domain/payment.ts';
import type { PaymentRecord } from './record.ts';

/**
 * Returns whether another recorded payment with the nonce of this one was claimed, so that the chain can't execute this one. A receipt
 * alone doesn't count: an endpoint may be wrong, and a reorganization may exchange the two.
 *
 * @param id - of the payment in the record
 */
export async function isReplacedByOurs(record: PaymentRecord, id: string, payment: PayIntent): Promise<boolean> {
  return (await record.rivals(id, payment)).some(({ change }) => change.settled?.outcome === 'applied');
}

/**
 * Returns whether the chain has another recorded payment with the nonce of this one.
 *
 * @throws CommandError if the endpoint can't be asked
 */
export async function hasRivalOnChain(
  node: ChainNode,
  record: PaymentRecord,
  id: string,
  payment: PayIntent,
): Promise<boolean> {
  const latest = await node.blockNumber();
  for (const rival of await record.rivals(id, payment)) {
    const receipt = await node.receipt(rival.payment.hash);
    if (receipt && latest - receipt.blockNumber + 1 >= usualConfirmations) return true;
  }
  return false;
}

/** Returns the hashes of the other recorded payments with the nonce of this one, and of what was paid in their place. */
export async function rivalHashes(record: PaymentRecord, id: string, payment: PayIntent): Promise<ReadonlySet<string>> {
  const rivals = await record.rivals(id, payment);
  const hashes = rivals.map((rival) => [rival.payment.hash, ...(rival.change.settled?.ids ?? [])]);
  return new Set(hashes.flat());
}

/** Records that the chain won't execute the other payments with the nonce of one that was claimed. */
export async function closeRivals(record: PaymentRecord, id: string, payment: PayIntent): Promise<void> {
  const open = new Set((await record.unfinishedOf(payment)).map(({ change }) => change.id));
  for (const rival of await record.rivals(id, payment)) {
    if (open.has(rival.change.id)) await record.notApplied(rival.change.id, rival.payment);
  }
}
