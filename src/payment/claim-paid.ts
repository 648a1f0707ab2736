import type { ChainNode, Receipt } from '../chain/node.ts';
import { signerOf } from '../chain/signature.ts';
import type { Context } from '../context/context.ts';
import type { Hex } from '../domain/chains.ts';
import { lowerCase } from '../domain/chains.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { usdcOf } from '../domain/usdc.ts';
import { claimMessage } from './claim.ts';
import { smartWallet } from './prepare.ts';

/** A payment as the chain shows it. */
export interface ChainPayment {
  readonly payer: Hex;
  readonly to: Hex;
  /** In USDC. */
  readonly amount: number;
}

/** How often to look at the chain, in milliseconds. */
const lookInterval = 2000;
/** How long to wait for the confirmations of a payment, in milliseconds. */
const longestWait = 10 * 60_000;
/** How long to look for a transaction that the endpoint doesn't know, in milliseconds: some endpoints lag. */
const longestSearch = 10_000;

/**
 * Waits for the confirmations of a payment, and reads it from the chain.
 *
 * @throws CommandError (not_found) if the endpoint doesn't know it; (not_final) if it isn't confirmed after 10 minutes; (unavailable)
 *   if it isn't a payment that can be claimed
 */
export async function paymentOnChain(
  context: Pick<Context, 'clocks' | 'progress'>,
  node: ChainNode,
  hash: Hex,
  confirmations: number,
): Promise<ChainPayment> {
  const receipt = await context.progress.during('Waiting for the confirmations of the payment', () =>
    confirmedReceipt(context, node, hash, confirmations),
  );
  const [transfer, second] = receipt.succeeded ? receipt.transfers : [];
  if (!transfer || second) {
    const what = transfer ? 'makes several transfers' : receipt.succeeded ? "doesn't transfer any USDC" : 'failed';
    throw new CommandError('unavailable', `The transaction ${hash} ${what}, so nothing can be claimed with it`, {
      hint: 'Pass the hash of a transaction that sent USDC to the address in `ci agent plans --json`.',
      outcome: 'not_applied',
    });
  }
  const { from: payer, to, units } = transfer;
  if (receipt.from !== payer || (await node.isContract(payer))) throw smartWallet(payer);
  return { payer, to, amount: usdcOf(units) };
}

async function confirmedReceipt(
  { clocks }: Pick<Context, 'clocks'>,
  node: ChainNode,
  hash: Hex,
  confirmations: number,
): Promise<Receipt> {
  const begun = clocks.monotonic();
  for (;;) {
    const receipt = await node.receipt(hash);
    if (receipt && (await node.confirmations(receipt)) >= confirmations) return receipt;
    const isKnown = receipt !== undefined || (await node.transaction(hash)) !== undefined;
    const waited = clocks.monotonic() - begun;
    if (!isKnown && waited >= longestSearch) {
      throw new CommandError('not_found', `There is no transaction ${hash} on ${node.chain.title}`, {
        hint: 'Check the hash, and the chain with --chain and --rpc-url.',
        outcome: 'not_applied',
      });
    }
    if (waited >= longestWait) {
      throw new CommandError('not_final', `The transaction ${hash} isn't confirmed yet`, {
        hint: 'Nothing was claimed. Try again later.',
        retryable: true,
        outcome: 'not_applied',
      });
    }
    await clocks.sleep(lookInterval);
  }
}

/** Checks a signature that another program made. @throws CommandError (usage) if it isn't the payer's */
export function checkedSignature(text: string, hash: Hex, payer: Hex): Hex {
  const signer = signerOf(claimMessage(hash), text);
  if (signer === payer) return lowerCase(text);
  const what = signer === undefined ? 'is not a valid signature' : `is from ${signer}, not from ${payer}, which paid`;
  throw usageError(
    `The value of --signature ${what}`,
    `Sign the message of \`ci agent claim ${hash} --print-message\` with the wallet that paid (personal_sign).`,
  );
}
