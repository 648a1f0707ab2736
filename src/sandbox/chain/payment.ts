import { type Address, addressIn } from '../../chain/address.ts';
import type { ChainNode, Receipt } from '../../chain/node.ts';
import { signerOf } from '../../chain/signature.ts';
import type { Hex } from '../../domain/chains.ts';
import { usdcAddress } from '../money.ts';
import { Refusal } from '../reply.ts';
import { withChain } from './access.ts';

/** Number of blocks, that of the transaction included, after which a payment counts. */
const confirmations = 3;

/** A transaction that is said to be a payment. */
interface Claim {
  readonly hash: Hex;
  /** What must have been sent, in millionths of a USDC. */
  readonly units: bigint;
}

/**
 * Checks a payment on the chain at a URL.
 *
 * @returns who paid
 * @throws Refusal (400) if it is not a final transfer of the amount to the sandbox's address, (403) if no ordinary account sent it,
 *   (502), (503) if the chain can't be read
 */
export function checkPayment(url: URL, claim: Claim): Promise<Address> {
  return withChain(url, (node) => payerOf(node, claim));
}

/** Checks a payment like {@link checkPayment}. @returns undefined if no chain can be read, or if it doesn't know the transaction */
export async function checkIfKnown(url: URL, claim: Claim): Promise<Address | undefined> {
  const isKnown = await withChain(url, async (node) => (await node.transaction(claim.hash)) !== undefined).catch(
    (error: unknown) => {
      if (error instanceof Refusal) return false;
      throw error;
    },
  );
  return isKnown ? checkPayment(url, claim) : undefined;
}

/** Checks who signed the claim of a payment. @throws Refusal (403) unless the payer did */
export function requireSignature(txHash: string, signature: string, payer: Address): void {
  const text = `CheapestInference: claim pool subscription for transaction ${txHash}`;
  if (signerOf(text, signature) !== payer) {
    throw new Refusal(403, 'The signature is not from the wallet that sent the payment');
  }
}

async function payerOf(node: ChainNode, { hash, units }: Claim): Promise<Address> {
  const receipt = await node.receipt(hash);
  if (receipt === undefined) throw notFinal();
  if (!receipt.succeeded) throw new Refusal(400, 'The transaction failed, so it transferred nothing');
  const payer = payerIn(receipt, units);
  if ((await node.confirmations(receipt)) < confirmations) throw notFinal();
  if (receipt.from !== payer || (await node.isContract(payer))) {
    throw new Refusal(
      403,
      'The payment must come from an ordinary account (EOA) that sent the transaction itself, not from a smart contract',
    );
  }
  return payer;
}

/** Returns who sent the amount to the sandbox's address. @throws Refusal (400) if there is not exactly one such transfer */
function payerIn({ transfers }: Receipt, units: bigint): Address {
  const payTo = addressIn(usdcAddress);
  const [transfer, ...others] = transfers.filter(({ to }) => to === payTo);
  if (transfer === undefined) throw new Refusal(400, `USDC was not sent to ${usdcAddress} in this transaction`);
  if (others.length > 0) throw new Refusal(400, `The transaction has more than one transfer to ${usdcAddress}`);
  if (transfer.units !== units) throw new Refusal(400, 'The amount does not match what was sent');
  return transfer.from;
}

function notFinal(): Refusal {
  return new Refusal(400, 'Transaction not final yet, try again in a few seconds');
}
