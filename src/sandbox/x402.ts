import { pools } from './catalogue.ts';
import { usdcAddress } from './money.ts';
import { json } from './reply.ts';

/** USDC on Base. */
const usdcContract = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';

/** The answer to a request without any key: 402, and what an agent could pay for it by x402. */
export function paymentRequired(address: string, path: string): Response {
  return json(
    {
      x402Version: 1,
      error: 'Payment required: send an API key (sk_), or pay per request with x402',
      accepts: pools
        .filter(({ status }) => status === 'active')
        .map(({ modelId, modelName }) => ({
          scheme: 'exact',
          network: 'base',
          // In millionths of a USDC: one cent a request.
          maxAmountRequired: '10000',
          resource: `${address}${path}`,
          description: `One request to ${modelName}`,
          mimeType: 'application/json',
          payTo: usdcAddress,
          maxTimeoutSeconds: 60,
          asset: usdcContract,
          extra: { model: modelId, name: 'USD Coin', version: '2' },
        })),
    },
    402,
  );
}
