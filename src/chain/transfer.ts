import type { Chain, Hex } from '../domain/chains.ts';
import { memberOf } from '../domain/json.ts';
import { type Address, addressIn } from './address.ts';

/** `transfer(address,uint256)` (ERC-20). */
const transferSelector = '0xa9059cbb';
/** `balanceOf(address)` (ERC-20). */
const balanceSelector = '0x70a08231';
/** The first topic of `Transfer(address,address,uint256)` (ERC-20). */
export const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** A transfer of USDC. */
export interface Transfer {
  readonly from: Address;
  readonly to: Address;
  /** In millionths of a USDC. */
  readonly units: bigint;
}

/** Returns the input of the USDC contract that transfers an amount. @param units - millionths */
export function transferInput(to: Address, units: bigint): Hex {
  return `${transferSelector}${word(to)}${units.toString(16).padStart(64, '0')}`;
}

/** Returns the input of the USDC contract that reads a balance. */
export function balanceInput(of: Address): Hex {
  return `${balanceSelector}${word(of)}`;
}

/** Returns an address as a topic of a log: 32 bytes. */
export function topicOf(address: Address): Hex {
  return `0x${word(address)}`;
}

/** Returns the transfers of USDC in the logs of a transaction. Ignores the logs of other contracts. */
export function transfersIn(logs: unknown, { usdc }: Chain): Transfer[] {
  if (!Array.isArray(logs)) return [];
  return logs.flatMap((log: unknown) => transferIn(log, usdc) ?? []);
}

function transferIn(log: unknown, usdc: Address): Transfer | undefined {
  const address = memberOf(log, 'address');
  const topics = memberOf(log, 'topics');
  const data = memberOf(log, 'data');
  if (typeof address !== 'string' || addressIn(address) !== addressIn(usdc)) return undefined;
  // A log of a block that was replaced.
  if (memberOf(log, 'removed') === true) return undefined;
  if (!Array.isArray(topics) || topics.length !== 3 || topics[0] !== transferTopic) return undefined;
  const [from, to] = [addressOfTopic(topics[1]), addressOfTopic(topics[2])];
  if (!from || !to || typeof data !== 'string' || !/^0x[0-9a-f]{64}$/i.test(data)) return undefined;
  return { from, to, units: BigInt(data) };
}

function addressOfTopic(topic: unknown): Address | undefined {
  const [, digits] = /^0x0{24}([0-9a-f]{40})$/i.exec(String(topic)) ?? [];
  return digits === undefined ? undefined : addressIn(digits);
}

/** Returns an address as 32 bytes, without 0x. */
function word(address: Address): string {
  return address.slice(2).toLowerCase().padStart(64, '0');
}
