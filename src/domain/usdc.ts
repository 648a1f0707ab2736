/** The contract of USDC on Base, from Circle's list of USDC contracts. */
const contract = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
/** The chain id of Base (EIP-155). */
const chain = 8453;
const decimals = 6;

/** Returns whether a text is an Ethereum transaction hash: 0x and 64 hexadecimal digits. */
export function isTransactionHash(text: string): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(text);
}

/** Returns whether this is the address of the USDC contract on Base. */
export function isUsdcContract(address: string): boolean {
  return address.toLowerCase() === contract.toLowerCase();
}

/** Returns the name of a chain for people. The API calls Base `base`. */
export function chainName(chain: string): string {
  return chain === 'base' ? 'Base' : chain;
}

/** Returns whether a text is an Ethereum address: 0x and 40 hexadecimal digits. */
function isAddress(text: string): boolean {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

/**
 * Returns the request for a payment of USDC on Base that a wallet reads from a QR code (EIP-681).
 *
 * @param address - the recipient
 * @param amount - in USDC, with at most 6 decimals
 * @throws RangeError if the address is invalid or the amount has more than 6 decimals
 */
export function paymentRequest(address: string, amount: number): string {
  if (!isAddress(address)) throw new RangeError(`"${address}" is not a valid address`);
  return `ethereum:${contract}@${chain}/transfer?address=${address}&uint256=${smallestUnits(amount)}`;
}

function smallestUnits(amount: number): bigint {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(amount)) ?? [];
  if (whole === undefined || fraction.length > decimals)
    throw new RangeError(`${amount} is not a valid amount of USDC`);
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}
