import type { ChainNode } from '../chain/node.ts';
import { type PayIntent, usualConfirmations } from '../domain/payment.ts';
import type { PaymentRecord } from './record.ts';

/**
 * Returns whether the chain has executed another recorded payment with the nonce of this one, so that it can't execute this one.
 *
 * @param id - of the payment in the record
 * @throws CommandError if the endpoint can't be asked
 */
export async function isReplacedByOurs(
  node: ChainNode,
  record: PaymentRecord,
  id: string,
  payment: PayIntent,
): Promise<boolean> {
  if (await node.receipt(payment.hash)) return false;
  const rivals = record.rivals(id, payment);
  if (rivals.length === 0) return false;
  const latest = await node.blockNumber();
  for (const rival of rivals) {
    const receipt = await node.receipt(rival.payment.hash);
    // After a reorganization, the chain may execute this one instead.
    if (receipt && latest - receipt.blockNumber + 1 >= usualConfirmations) return true;
  }
  return false;
}

/** Records that the chain won't execute the other payments with the nonce of one that it has executed. */
export function closeRivals(record: PaymentRecord, id: string, payment: PayIntent): void {
  const open = new Set(record.unfinishedOf(payment).map(({ change }) => change.id));
  for (const rival of record.rivals(id, payment)) {
    if (open.has(rival.change.id)) record.notApplied(rival.change.id, rival.payment);
  }
}
