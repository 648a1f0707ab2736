/** USDC on Base. Source of the contract's address: Circle's list of USDC contracts; Base's chain number: EIP-155. */
const contract = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const chain = 8453;
const decimals = 6;

/** An Ethereum transaction hash: 0x and 64 hexadecimal digits. */
export function isTransactionHash(text: string): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(text);
}

/** An Ethereum address: 0x and 40 hexadecimal digits. */
function isAddress(text: string): boolean {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

/**
 * A payment of USDC on Base as a wallet reads it from a QR code (EIP-681).
 *
 * @param address - who is paid
 * @param amount - USDC, with at most 6 decimals
 * @throws RangeError when the address is none, or the amount has more decimals than USDC
 */
export function paymentRequest(address: string, amount: number): string {
  if (!isAddress(address)) throw new RangeError(`"${address}" is no address`);
  return `ethereum:${contract}@${chain}/transfer?address=${address}&uint256=${smallestUnits(amount)}`;
}

function smallestUnits(amount: number): bigint {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(amount)) ?? [];
  if (whole === undefined || fraction.length > decimals) throw new RangeError(`${amount} is no amount of USDC`);
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}
