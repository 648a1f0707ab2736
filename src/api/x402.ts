import { type Chain, chains, isChain } from '../domain/chains.ts';
import { memberOf } from '../domain/json.ts';
import { fromSmallestUnits, isUsdcContract } from '../domain/usdc.ts';

/** What can be bought without an account, and how to pay for it. */
export interface PaymentOffer {
  /** `base` */
  readonly network: string;
  /** `USDC` */
  readonly asset: string;
  /** The contract of the token. Absent if the offer only names the token. */
  readonly contract?: string;
  /** The address to pay. */
  readonly payTo: string;
  /** What can be bought, as sent; undefined if the offer doesn't list it. */
  readonly products: readonly unknown[] | undefined;
}

/**
 * Reads the catalog of a 402 response: `x402: {version, network, asset, payTo, products}` today, a list of `accepts` in
 * version 1, inside of `x402` or at the top. Of several ways to pay, returns the first one in USDC on the chain.
 *
 * @returns undefined if it has no catalog
 */
export function paymentOfferIn(body: unknown, chain: Chain = chains.base): PaymentOffer | undefined {
  const catalog = memberOf(body, 'x402') ?? body;
  const accepts = memberOf(catalog, 'accepts');
  const ways: readonly unknown[] = Array.isArray(accepts) ? accepts : [catalog];
  const offers = ways.flatMap((way) => offerOf(way, chain) ?? []);
  const offer = offers.find((each) => isInUsdcOn(each, chain)) ?? offers[0];
  if (offer === undefined || offer.products) return offer;
  return { ...offer, products: listIn(catalog) ?? pricedWays(ways, chain, offer.payTo) };
}

/** Returns whether an offer asks for USDC on a chain. */
export function isInUsdcOn({ network, asset, contract }: PaymentOffer, chain: Chain): boolean {
  return isChain(network, chain) && asset === 'USDC' && (contract === undefined || isUsdcContract(contract, chain));
}

/** The members in which catalogs name the contract of the token besides `asset`. */
const contractMembers = ['assetAddress', 'tokenAddress', 'contractAddress', 'contract'] as const;

function offerOf(way: unknown, chain: Chain): PaymentOffer | undefined {
  const [network, asset, payTo] = ['network', 'asset', 'payTo'].map((name) => memberOf(way, name));
  if (typeof network !== 'string' || typeof asset !== 'string' || typeof payTo !== 'string') return undefined;
  const products = listIn(way) ?? listIn(memberOf(way, 'extra'));
  const stated = contractMembers.map((name) => memberOf(way, name) ?? memberOf(memberOf(way, 'extra'), name));
  const contract = stated.find((each) => typeof each === 'string');
  const named = isUsdcContract(asset, chain) ? 'USDC' : asset;
  return { network, asset: named, ...(contract !== undefined && { contract }), payTo, products };
}

function listIn(value: unknown): readonly unknown[] | undefined {
  const products = memberOf(value, 'products');
  return Array.isArray(products) ? products : undefined;
}

/**
 * Returns each way to pay an address in USDC on the chain as a product with a `price`, for a catalog that has a way to pay per product instead of
 * a list of products. x402 writes the amount in millionths, as a whole number; the vendor once wrote it in USDC, as a decimal one.
 *
 * @returns undefined if no way has an amount
 */
function pricedWays(ways: readonly unknown[], chain: Chain, payTo: string): readonly unknown[] | undefined {
  const products = ways.flatMap((way) => {
    const amount = memberOf(way, 'maxAmountRequired') ?? memberOf(way, 'amount');
    const offer = offerOf(way, chain);
    if (amount === undefined || !offer || !isInUsdcOn(offer, chain) || offer.payTo !== payTo) return [];
    return [
      Object.assign({}, way, { price: /^\d{1,40}$/.test(String(amount)) ? fromSmallestUnits(String(amount)) : amount }),
    ];
  });
  return products.length > 0 ? products : undefined;
}
