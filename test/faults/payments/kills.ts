import { describe, expect, test } from 'vitest';
import { chain } from './chain.ts';
import { type Fault, PaymentScene, pass, price } from './scene.ts';

/** The requests of a purchase without faults. */
const requests = [
  'eth_chainId',
  'eth_getCode',
  'web3_clientVersion',
  'eth_getTransactionCount',
  'GET /api/agent/plans',
  'eth_getCode',
  'eth_call',
  'eth_getBalance',
  'eth_getTransactionCount',
  'eth_getTransactionCount',
  'eth_estimateGas',
  'eth_getBlockByNumber',
  'eth_maxPriorityFeePerGas',
  'eth_call',
  'eth_blockNumber',
  'eth_sendRawTransaction',
  'eth_getTransactionReceipt',
  'eth_blockNumber',
  'eth_getTransactionReceipt',
  'eth_blockNumber',
  'POST /api/agent/subscribe-pool',
];

test('a purchase without faults pays once, and gets one key', async () => {
  await PaymentScene.play(chain, async (scene) => {
    const { exitCode, stderr, stdout } = await scene.run();
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ poolSlug: 'kimi26', blocks: ['europe'], status: 'active' });
    expect(await scene.transfers()).toEqual([price]);
    expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
    expect(scene.requests).toEqual(requests);
  });
});

/** The requests that change something. After any other one, a command has done no more than before the next. */
const changes = [requests.indexOf('eth_sendRawTransaction'), requests.length - 1];

/** The last request before anything is recorded. Before that, a command leaves nothing behind. */
const lastRead = requests.indexOf('eth_sendRawTransaction') - 1;

const moments = requests.flatMap((name, index) => [
  ...(index === 0 || index >= lastRead ? [['before', index, name] as const] : []),
  ...(changes.includes(index) ? [['after', index, name] as const] : []),
]);

/** The response to the claim: only it has the API key. */
const lastResponse = { index: requests.length - 1, when: 'after' } as const;

/** Returns a fault that kills the command at a request, before or after the server has handled it. */
function killedAt(when: 'before' | 'after', index: number): Fault {
  return async (exchange) => {
    if (exchange.index < index) return pass(exchange);
    if (when === 'after') await exchange.forward();
    exchange.process.kill();
  };
}

describe('a purchase that is killed', () => {
  test.for(moments)('%s request %i, %s, is paid once', async ([when, index]) => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = killedAt(when, index);
      await scene.run();
      scene.fault = pass;
      const { exitCode, stderr } = await scene.run();
      expect(await scene.transfers()).toEqual([price]);
      expect([await scene.seats(), scene.open()]).toEqual([1, 0]);
      if (index === lastResponse.index && when === lastResponse.when) {
        expect([exitCode, stderr]).toEqual([1, expect.stringContaining('"code":"secret_lost"')]);
        return;
      }
      expect([exitCode, scene.delivered().length]).toEqual([0, 1]);
    });
  });

  // Before that, nothing was signed, and there is nothing to find.
  test.for(moments.filter(([, index]) => index >= requests.indexOf('eth_sendRawTransaction')))(
    '%s request %i, %s, is finished by history reconcile',
    async ([when, index]) => {
      await PaymentScene.play(chain, async (scene) => {
        scene.fault = killedAt(when, index);
        await scene.run();
        scene.fault = pass;
        await scene.run('history reconcile --wait --json');
        const isPaid = (await scene.transfers()).length > 0;
        // What is finished by now counts as bought moments ago.
        expect((await scene.run()).exitCode).toBe(isPaid ? 2 : 0);
        expect(await scene.transfers()).toEqual([price]);
        expect([await scene.seats(), scene.open()]).toEqual([1, 0]);
        const isLost = index === lastResponse.index && when === lastResponse.when;
        expect(scene.delivered()).toHaveLength(isLost ? 0 : 1);
      });
    },
  );
});
