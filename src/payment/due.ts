import type { PaymentCatalog, Product } from '../api/agent.ts';
import { addressIn, hasWrongChecksum } from '../chain/address.ts';
import type { Block } from '../domain/blocks.ts';
import type { Hex } from '../domain/chains.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type Cents, formatUsd } from '../domain/money.ts';
import { type Purchase, unitsText, usdcText } from '../domain/payment.ts';
import { toSmallestUnits, unitsOf } from '../domain/usdc.ts';
import { inWords } from '../output/text.ts';

/** What has to be paid, and to whom. */
export interface Due {
  readonly purchase: Purchase;
  /** In millionths of a USDC. */
  readonly units: bigint;
  /** The address to pay. */
  readonly to: Hex;
  /** How long a subscription lasts: `30 days`. */
  readonly duration?: string | undefined;
}

/**
 * Returns what a subscription to some blocks of a pool costs.
 *
 * @throws CommandError (not_found) if the catalog has no such pool or block; (unavailable) if one is sold out; (unexpected_response) if
 *   the catalog contradicts itself
 */
export function subscriptionDue(catalog: PaymentCatalog, pool: string, blocks: readonly Block[]): Due {
  const product = productOf(catalog, pool);
  requireOnePayee(catalog, product);
  const offered = product.blocks ?? [];
  const soldOut: string[] = [];
  let units = 0n;
  for (const name of blocks) {
    const [block, second] = offered.filter((each) => each.block === name);
    if (!block) {
      throw new CommandError('not_found', `You can't buy ${name} of ${pool} with USDC`, {
        hint: `Choose from ${inWords(offered.map((each) => each.block))}.`,
        outcome: 'not_applied',
      });
    }
    if (second) throw unexpected(`The API lists the block ${name} of ${pool} twice`);
    if (block.availableSeats === 0) soldOut.push(name);
    units += toSmallestUnits(block.priceUsdc);
  }
  if (soldOut.length > 0) {
    throw new CommandError('unavailable', `${pool} is sold out in ${inWords(soldOut)}`, {
      hint: 'Nothing was paid. Run `ci agent plans` to see which blocks have seats.',
      outcome: 'not_applied',
    });
  }
  const purchase: Purchase = { type: 'subscription', pool, blocks };
  return { purchase, units, to: payee(catalog.payTo), duration: product.duration ?? undefined };
}

/**
 * Returns what credit without an account costs.
 *
 * @throws CommandError (usage) if the amount is below the minimum; (not_found) if the catalog has no credit
 */
export function creditDue(catalog: PaymentCatalog, cents: Cents): Due {
  const credit = catalog.products.find(({ type }) => type === 'credits');
  if (!credit) {
    throw new CommandError('not_found', "The API doesn't sell credit for USDC", {
      hint: 'Run `ci agent plans` to see what you can buy.',
      outcome: 'not_applied',
    });
  }
  requireOnePayee(catalog, credit);
  const units = unitsOf(cents);
  const { minAmount } = credit;
  if (minAmount != null && units < toSmallestUnits(minAmount)) {
    throw usageError(`${formatUsd(cents)} is too small for a top-up`, `Use at least ${usdcText(minAmount)}.`);
  }
  return { purchase: { type: 'credit' }, units, to: payee(catalog.payTo) };
}

/**
 * Returns what credit of the user's account costs.
 *
 * @param answer - the address to pay, its chain, and the amount in USDC, as the API answers a top-up
 * @throws CommandError (unexpected_response) if the API asks for something else than the user
 */
export function topupDue(
  cents: Cents,
  answer: {
    readonly address: string;
    readonly chain?: string | null | undefined;
    readonly amount?: number | null | undefined;
  },
): Due {
  const units = unitsOf(cents);
  const { address, amount } = answer;
  const chain = answer.chain ?? 'base';
  if (chain !== 'base') throw unexpected(`The API asks for payment on ${JSON.stringify(chain)}, not on Base`);
  if (amount != null && toSmallestUnits(amount) !== units) {
    throw unexpected(`The API asks for ${usdcText(amount)} instead of ${formatUsd(cents)}`);
  }
  return { purchase: { type: 'topup' }, units, to: payee(address) };
}

/** Refuses an amount above the user's limit. @throws CommandError (price_above_maximum) */
export function checkMaximum(due: Due, maximum: Cents | undefined): void {
  if (maximum === undefined || due.units <= unitsOf(maximum)) return;
  const message = `The price is ${unitsText(due.units)}, which is above --max-price ${formatUsd(maximum)}`;
  throw new CommandError('price_above_maximum', message, {
    hint: 'Nothing was paid. Pass a higher --max-price, or choose fewer blocks.',
    outcome: 'not_applied',
  });
}

/** Returns the address to pay. @throws CommandError (unexpected_response) if it isn't one */
function payee(text: string): Hex {
  const address = /^0x/i.test(text) ? addressIn(text) : undefined;
  if (address === undefined || hasWrongChecksum(text) || /^0x0{40}$/.test(text)) {
    throw unexpected(`The API asks for payment to ${JSON.stringify(text.slice(0, 60))}, which isn't a valid address`);
  }
  return address;
}

/** Refuses a product that names another address than its catalog. */
function requireOnePayee({ payTo }: PaymentCatalog, product: Product): void {
  const { payTo: other = payTo } = product;
  if (typeof other === 'string' && other.toLowerCase() === payTo.toLowerCase()) return;
  throw unexpected(`The API asks for payment to two addresses: ${payTo} and ${JSON.stringify(other)}`);
}

function productOf({ products }: PaymentCatalog, pool: string): Product {
  const product = products.find((each) => each.pool === pool && each.type !== 'credits');
  if (product) return product;
  const pools = products.flatMap((each) => each.pool ?? []);
  throw new CommandError('not_found', `You can't buy "${pool}" with USDC`, {
    hint: pools.length === 0 ? 'Run `ci agent plans` to see what you can buy.' : `Choose from ${inWords(pools)}.`,
    outcome: 'not_applied',
  });
}

function unexpected(message: string): CommandError {
  return new CommandError('unexpected_response', message, {
    hint: 'Nothing was paid. Check the API URL with `ci auth status`.',
    outcome: 'not_applied',
  });
}
