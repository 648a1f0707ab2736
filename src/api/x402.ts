import { memberOf } from '../domain/json.ts';
import { fromSmallestUnits, isBase, isUsdcContract } from '../domain/usdc.ts';

/** What can be bought without an account, and how to pay for it. */
export interface PaymentOffer {
  /** `base` */
  readonly network: string;
  /** `USDC` */
  readonly asset: string;
  /** The address to pay. */
  readonly payTo: string;
  /** What can be bought, as sent; undefined if the offer doesn't list it. */
  readonly products: readonly unknown[] | undefined;
}

/**
 * Reads the catalog of a 402 response: `x402: {version, network, asset, payTo, products}` today, a list of `accepts` in
 * version 1, inside of `x402` or at the top. Of several ways to pay, returns the first one in USDC on Base.
 *
 * @returns undefined if it has no catalog
 */
export function paymentOfferIn(body: unknown): PaymentOffer | undefined {
  const catalog = memberOf(body, 'x402') ?? body;
  const accepts = memberOf(catalog, 'accepts');
  const ways: readonly unknown[] = Array.isArray(accepts) ? accepts : [catalog];
  const offers = ways.flatMap((way) => offerOf(way) ?? []);
  const offer = offers.find(isInUsdcOnBase) ?? offers[0];
  if (offer === undefined || offer.products) return offer;
  return { ...offer, products: listIn(catalog) ?? pricedWays(ways) };
}

/** Returns whether an offer asks for USDC on Base. */
export function isInUsdcOnBase({ network, asset }: PaymentOffer): boolean {
  return isBase(network) && asset === 'USDC';
}

function offerOf(way: unknown): PaymentOffer | undefined {
  const [network, asset, payTo] = ['network', 'asset', 'payTo'].map((name) => memberOf(way, name));
  if (typeof network !== 'string' || typeof asset !== 'string' || typeof payTo !== 'string') return undefined;
  const products = listIn(way) ?? listIn(memberOf(way, 'extra'));
  return { network, asset: isUsdcContract(asset) ? 'USDC' : asset, payTo, products };
}

function listIn(value: unknown): readonly unknown[] | undefined {
  const products = memberOf(value, 'products');
  return Array.isArray(products) ? products : undefined;
}

/**
 * Returns each way to pay in USDC on Base as a product with a `price`, for a catalog that has a way to pay per product instead of
 * a list of products. x402 writes the amount in millionths, as a whole number; the vendor once wrote it in USDC, as a decimal one.
 *
 * @returns undefined if no way has an amount
 */
function pricedWays(ways: readonly unknown[]): readonly unknown[] | undefined {
  const products = ways.flatMap((way) => {
    const amount = memberOf(way, 'maxAmountRequired') ?? memberOf(way, 'amount');
    const offer = offerOf(way);
    if (amount === undefined || !offer || !isInUsdcOnBase(offer)) return [];
    return [
      Object.assign({}, way, { price: /^\d{1,40}$/.test(String(amount)) ? fromSmallestUnits(String(amount)) : amount }),
    ];
  });
  return products.length > 0 ? products : undefined;
}
