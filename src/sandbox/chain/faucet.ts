import { type Address, addressIn, hasWrongChecksum } from '../../chain/address.ts';
import type { ChainNode } from '../../chain/node.ts';
import { topicOf } from '../../chain/transfer.ts';
import { isAddress, withPoint } from '../../domain/usdc.ts';
import { Refusal } from '../reply.ts';
import { withChain } from './access.ts';
import { usdcCode } from './usdc-code.ts';

/** 1,000 USDC, in millionths. */
const givenUsdc = 1000n * 10n ** 6n;
/** 1 ETH, in wei. */
const givenEth = 10n ** 18n;

/** The balances of an account, as decimal numbers. */
interface Balances {
  readonly address: Address;
  readonly usdc: string;
  readonly eth: string;
}

/**
 * Adds 1,000 USDC and 1 ETH to an account on the local chain.
 *
 * @returns its new balances
 * @throws Refusal (400) if that isn't an address, (502), (503) if the chain isn't that of the sandbox or can't be reached
 */
export function give(url: URL, text: string): Promise<Balances> {
  const address = isAddress(text) && !hasWrongChecksum(text) ? addressIn(text) : undefined;
  if (address === undefined) throw new Refusal(400, 'The address must be 0x and 40 hexadecimal digits');
  return withChain(url, async (node) => {
    await requireOwnUsdc(node);
    const usdc = (await node.usdcBalance(address)) + givenUsdc;
    const eth = (await node.balance(address)) + givenEth;
    // The balance of an account is in the slot that has its address as a number.
    await node.rpc.call('anvil_setStorageAt', [
      node.chain.usdc,
      topicOf(address),
      `0x${usdc.toString(16).padStart(64, '0')}`,
    ]);
    await node.rpc.call('anvil_setBalance', [address, `0x${eth.toString(16)}`]);
    return { address, usdc: decimal(usdc, 6), eth: decimal(eth, 18) };
  });
}

/** A fork of Base has the real contract, which keeps balances elsewhere. */
async function requireOwnUsdc(node: ChainNode): Promise<void> {
  if ((await node.code(node.chain.usdc)).toLowerCase() === usdcCode) return;
  throw new Refusal(502, 'The faucet works only on the chain of `ci sandbox serve --chain`');
}

function decimal(units: bigint, decimals: number): string {
  return withPoint(String(units), decimals).replace(/\.?0+$/, '');
}
