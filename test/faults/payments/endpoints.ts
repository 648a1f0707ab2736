import { describe, expect, test } from 'vitest';
import { signTransfer } from '../../../src/chain/transaction.ts';
import { chains, type Hex } from '../../../src/domain/chains.ts';
import { usdcAddress } from '../../../src/sandbox/money.ts';
import { Wallet } from '../../../src/wallet/load.ts';
import { vectorAddress, vectorKey } from '../../support/keystore.ts';
import { at } from '../../support/sandbox.ts';
import { chain } from './chain.ts';
import { type Fault, line, PaymentScene, pass, price, rpcAnswer } from './scene.ts';

const gwei = 1_000_000_000n;
const send = 'eth_sendRawTransaction';

/** Runs the purchase with a fault, and expects that it is paid once and claimed by this or the next command. */
async function paidOnce(scene: PaymentScene, fault: Fault, codes: readonly (number | null)[]): Promise<void> {
  scene.fault = fault;
  const ended = [(await scene.run()).exitCode];
  scene.fault = pass;
  if (ended[0] !== 0) ended.push((await scene.run()).exitCode);
  expect(ended).toEqual(codes);
  expect(await scene.transfers()).toEqual([price]);
  expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
}

/** Returns a fault that handles some of the requests of one kind, and passes the others on. */
function on(name: string, fault: Fault, most = Number.POSITIVE_INFINITY): Fault {
  let count = 0;
  return (exchange) => (exchange.name === name && count++ < most ? fault(exchange) : pass(exchange));
}

/** Loses the response. */
const lost: Fault = async (exchange) => {
  await exchange.forward();
  exchange.drop();
};

/** Sends a transaction of the wallet with the nonce 0, as another program would. @returns its hash */
async function sendElsewhere(to: Hex, units: bigint): Promise<string> {
  const wallet = new Wallet(Buffer.from(vectorKey, 'hex'));
  const fees = { most: 50n * gwei, tip: 10n * gwei };
  const transaction = { chain: chains.base, nonce: 0, to, units, gas: 100_000n, fees };
  return await chain.transactSigned(signTransfer(transaction, (hash) => wallet.sign(hash)).raw);
}

describe('an RPC endpoint', () => {
  test.each<[string, Fault, (number | null)[]]>([
    ['loses the response to the payment', on(send, lost), [0]],
    ['drops the payment', on(send, async (each) => each.drop(), 3), [0]],
    [
      'has the payment already',
      on(send, async (each) => {
        await each.forward();
        each.answer(rpcAnswer(each, { error: { code: -32000, message: 'already known' } }));
      }),
      [0],
    ],
    [
      'takes four seconds, and then a minute',
      on(send, async (each) => {
        await each.forward();
        each.after(each.index % 2 === 0 ? 4000 : 60_000, () => each.answer(rpcAnswer(each, { result: '0x' })));
      }),
      [0],
    ],
    [
      'accepts the payment twice without passing it on',
      on(send, async (each) => each.answer(rpcAnswer(each, { result: `0x${'1'.repeat(64)}` })), 2),
      [0],
    ],
    [
      'refuses the payment, and then works',
      on(
        send,
        async (each) => each.answer(rpcAnswer(each, { error: { code: -32000, message: 'tx pool is full' } })),
        2,
      ),
      [0],
    ],
    [
      'refuses the payment for good',
      on(send, async (each) => each.answer(rpcAnswer(each, { error: { code: -32000, message: 'tx pool is full' } }))),
      [10, 0],
    ],
    [
      'refuses the payment although it passes it on',
      on(send, async (each) => {
        await each.forward();
        each.answer(rpcAnswer(each, { error: { code: -32000, message: 'tx pool is full' } }));
      }),
      [0],
    ],
    [
      'lags behind with receipts',
      on('eth_getTransactionReceipt', async (each) => each.answer(rpcAnswer(each, { result: null })), 4),
      [0],
    ],
    [
      'never shows a receipt',
      on('eth_getTransactionReceipt', async (each) => each.answer(rpcAnswer(each, { result: null }))),
      [10, 0],
    ],
    [
      'is down after the payment',
      (each) => (each.index > 15 && !each.name.startsWith('POST') ? Promise.resolve(each.drop()) : pass(each)),
      [10, 0],
    ],
    [
      'answers with a web page after the payment',
      (each) =>
        each.index > 15 && !each.name.startsWith('POST')
          ? Promise.resolve(each.answer({ status: 502, body: '<html>' }))
          : pass(each),
      [10, 0],
    ],
  ])('that %s gets one payment', async (_what, fault, codes) => {
    await PaymentScene.play(chain, (scene) => paidOnce(scene, fault, codes));
  });

  test('that says that the payment failed makes nobody pay twice', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = on('eth_getTransactionReceipt', async (each) => {
        const answer: unknown = JSON.parse((await each.forward()).body);
        const result = { ...Object(at(answer, 'result')), status: '0x0', logs: [] };
        each.answer(rpcAnswer(each, { result }));
      });
      expect((await scene.run()).exitCode).toBe(6);
      scene.fault = pass;
      expect((await scene.run()).exitCode).toBe(0);
      expect(await scene.transfers()).toEqual([price]);
      expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
    });
  });
});

describe('a reorganization', () => {
  test.each([1, 2])('of %i blocks that drops the payment makes nobody pay twice', async (depth) => {
    await PaymentScene.play(chain, async (scene) => {
      let isDone = false;
      const fault = on('eth_getTransactionReceipt', async (each) => {
        const response = await each.forward();
        if (!isDone && at(JSON.parse(response.body), 'result') !== null) {
          isDone = true;
          await chain.rpc('anvil_reorg', [depth + 1, []]);
          expect(await scene.transfers()).toEqual([]);
        }
        each.answer(response);
      });
      await paidOnce(scene, fault, [0]);
      expect(isDone).toBe(true);
    });
  });
});

describe('a payment that is stuck', () => {
  test('is replaced with higher fees, so that only one is made', async () => {
    await PaymentScene.play(chain, async (scene) => {
      // The base fee rises right after the payment was signed.
      scene.fault = on(send, async (each) => {
        await chain.rpc('anvil_setNextBlockBaseFeePerGas', [`0x${(20n * gwei).toString(16)}`]);
        await chain.mine(1);
        await pass(each);
      });
      const first = await scene.run();
      expect(first.exitCode).toBe(10);
      scene.fault = pass;
      const second = await scene.run();
      expect(second.stderr).toMatch(/Replaces the payment of 49\.00 USDC for kimi26 europe made 1 minute ago/);
      expect(second.exitCode).toBe(0);
      await chain.mine(2);
      expect(await scene.transfers()).toEqual([price]);
      expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
    });
  });
});

describe('a payment that another transaction of the wallet replaces', () => {
  test('by the same transfer is claimed with that one', async () => {
    await PaymentScene.play(chain, async (scene) => {
      let hash = '';
      const fault = on(send, async (each) => {
        hash = await sendElsewhere(usdcAddress, price);
        each.answer(rpcAnswer(each, { error: { code: -32000, message: 'replacement transaction underpriced' } }));
      });
      await paidOnce(scene, fault, [0]);
      expect(JSON.parse(scene.ran[0]?.stdout ?? '')).toMatchObject({ txHash: hash });
    });
  });

  test('by something else is made again only with --again', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = on(send, async (each) => {
        await sendElsewhere(vectorAddress, 1n);
        each.answer(rpcAnswer(each, { error: { code: -32000, message: 'nonce too low' } }));
      });
      expect((await scene.run()).exitCode).toBe(10);
      scene.fault = pass;
      const second = await scene.run();
      expect([second.exitCode, second.stderr]).toEqual([10, expect.stringContaining('pass --again to pay again')]);
      expect(await scene.transfers()).toEqual([]);
      expect((await scene.run(`${line} --again`)).exitCode).toBe(0);
      expect(await scene.transfers()).toEqual([price]);
      expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
    });
  });
});

describe('a claim', () => {
  const claim = 'POST /api/agent/subscribe-pool';
  const refused = {
    status: 400,
    body: '{"success":false,"error":"Transaction not final yet, try again in a few seconds"}',
  };

  test.each<[string, Fault]>([
    ['that the API finds too early is sent again', on(claim, async (each) => each.answer(refused), 3)],
    ['that never arrives is sent again', on(claim, async (each) => each.drop(), 2)],
    ['that gets 503 is sent again', on(claim, async (each) => each.answer({ status: 503, body: '' }), 2)],
    ['that gets 429 is sent again', on(claim, async (each) => each.answer({ status: 429, body: '' }), 2)],
    ['that takes a minute is waited for', on(claim, async (each) => each.after(20_000, () => pass(each)))],
  ])('%s', async (_what, fault) => {
    await PaymentScene.play(chain, (scene) => paidOnce(scene, fault, [0]));
  });

  test('whose response is lost is reported with a proof, and the payment is not made again', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = on(claim, lost, 1);
      const { exitCode, stderr } = await scene.run();
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('"code":"secret_lost"')]);
      expect((await scene.run()).exitCode).toBe(2);
      expect([await scene.transfers(), scene.open()]).toEqual([[price], 0]);
    });
  });

  test('of seats that are sold out by then can be made for other blocks', async () => {
    await PaymentScene.play(chain, async (scene) => {
      const gone = { status: 409, body: '{"success":false,"error":"No seats available in europe"}' };
      scene.fault = on(claim, async (each) => each.answer(gone));
      for (const _ of [1, 2]) {
        const { exitCode, stderr } = await scene.run();
        expect([exitCode, stderr]).toEqual([6, expect.stringContaining('No seats available in europe')]);
      }
      expect(await scene.transfers()).toEqual([price]);
      scene.fault = pass;
      const hash = /0x[0-9a-f]{64}/.exec(scene.recorded())?.[0] ?? '';
      const other = await scene.run(`agent claim ${hash} --pool kimi26 --blocks americas --json`);
      expect(other.stderr).toMatch(/does not match/);
      expect((await scene.run(`agent claim ${hash} --json`)).exitCode).toBe(0);
      expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
    });
  });
});

test('two commands with one wallet at once pay once', async () => {
  await PaymentScene.play(chain, async (scene) => {
    const both = await scene.runAll([line, line]);
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 2]);
    expect(await scene.transfers()).toEqual([price]);
    expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual([1, 1, 0]);
  });
});
