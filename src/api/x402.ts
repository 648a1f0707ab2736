import { isUsdcContract } from '../domain/usdc.ts';

/** What a 402 response offers to buy without an account. */
interface PaymentOffer {
  /** `base` */
  readonly network: string;
  /** `USDC` */
  readonly asset: string;
  /** The address to pay. */
  readonly payTo: string;
}

/**
 * Reads the catalog of a 402 response: `x402: {version, network, asset, payTo, products}` today, a list of `accepts` in
 * version 1, inside of `x402` or at the top.
 *
 * @returns undefined if there is no catalog
 */
export function paymentOfferIn(body: unknown): PaymentOffer | undefined {
  const catalog = memberOf(body, 'x402') ?? body;
  const accepts = memberOf(catalog, 'accepts');
  const offer: unknown = Array.isArray(accepts) ? accepts[0] : catalog;
  const [network, asset, payTo] = ['network', 'asset', 'payTo'].map((name) => memberOf(offer, name));
  if (typeof network !== 'string' || typeof asset !== 'string' || typeof payTo !== 'string') return undefined;
  return { network, asset: isUsdcContract(asset) ? 'USDC' : asset, payTo };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
