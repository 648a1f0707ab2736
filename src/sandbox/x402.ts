import { blockNames } from '../domain/blocks.ts';
import type { Account } from './account.ts';
import { blockHours, type Pool, pools } from './catalogue.ts';
import { priceText, usdcAddress } from './money.ts';
import { json } from './reply.ts';
import { freeSlots } from './seats.ts';
import type { Store } from './store.ts';

/** Stands for the hash of a payment in the requests that the catalog describes. */
const transactionHash = '<USDC_TX_HASH>';

/** Answers a request without a key: 402, with the catalog of what can be bought with USDC. @param address - the server's own */
export async function paymentRequired(store: Store, address: string): Promise<Response> {
  return json(await paymentCatalog(store, address), 402);
}

/** Returns what can be bought with USDC, without an account (x402 guide, version 2). @param address - the server's own */
export function paymentCatalog(store: Store, address: string): Promise<object> {
  return store.run((account) => ({ account, result: catalogOf(account, address) }));
}

function catalogOf(account: Account, address: string) {
  return {
    error: 'Payment Required',
    message: 'Send an API key (sk_), or buy a subscription or credit from this catalog to get one.',
    x402: {
      version: 2,
      network: 'base',
      asset: 'USDC',
      payTo: usdcAddress,
      facilitator: `${address}/sandbox/facilitator`,
      products: [
        ...pools.filter(({ status }) => status === 'active').map((pool) => subscriptionTo(account, pool, address)),
        {
          type: 'credits',
          minAmount: '10.00',
          currency: 'USDC',
          description: 'Prepaid credit that never expires',
          agentTopup: {
            endpoint: `${address}/api/agent/topup`,
            method: 'POST',
            body: { txHash: transactionHash, amount: '<AMOUNT_USD>' },
          },
        },
      ],
      docs: 'https://docs.cheapestinference.com/guides/x402',
    },
  };
}

function subscriptionTo(account: Account, pool: Pool, address: string) {
  return {
    type: 'subscription',
    pool: pool.slug,
    name: pool.modelName,
    models: [pool.modelId],
    currency: 'USDC',
    duration: '30 days',
    blocks: blockNames.map((block) => ({
      block,
      hoursUtc: `${blockHours(block)} UTC`,
      priceUsdc: priceText(pool.monthlyCents[block]),
      availableSeats: freeSlots(account, pool, block).length,
    })),
    agentCheckout: {
      endpoint: `${address}/api/agent/subscribe-pool`,
      method: 'POST',
      body: { txHash: transactionHash, poolSlug: pool.slug, blocks: ['asia'], signature: '<SIGNATURE>' },
    },
  };
}
