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

/** Returns whether a network is Base. The API calls it `base`; other servers use its CAIP-2 name, `eip155:8453`. */
export function isBase(network: string): boolean {
  return network === 'base' || network === `eip155:${chain}`;
}

/** Returns the name of a chain for people. */
export function chainName(network: string): string {
  return isBase(network) ? 'Base' : network;
}

/** Returns whether an amount of USDC can be paid exactly: above zero, with at most 6 decimals. */
export function isPayable(amount: number): boolean {
  return amount > 0 && unitsOf(amount) !== undefined;
}

/**
 * Converts millionths of a USDC, as x402 catalogs write amounts, to USDC.
 *
 * @param units - a whole number
 * @returns a decimal number
 */
export function fromSmallestUnits(units: string): string {
  const digits = units.padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
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
  const units = unitsOf(amount);
  if (units === undefined) throw new RangeError(`${amount} is not a valid amount of USDC`);
  return units;
}

/** Returns an amount in millionths of a USDC; undefined if it is negative or has more than 6 decimals. */
function unitsOf(amount: number): bigint | undefined {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(amount)) ?? [];
  return whole === undefined || fraction.length > decimals ? undefined : BigInt(whole + fraction.padEnd(decimals, '0'));
}
