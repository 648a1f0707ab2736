import { keccak256 } from 'ox/Hash';
import { describe, expect, test } from 'vitest';
import { managementKey } from '../../support/command-line.ts';
import { errorOf } from '../../support/lost.ts';
import { at } from '../../support/sandbox.ts';
import { chain } from './chain.ts';
import { type Fault, line, PaymentScene, pass, price, rpcAnswer } from './scene.ts';

const send = 'eth_sendRawTransaction';
const plans = 'GET /api/agent/plans';
const topup = 'billing topup 50 --method usdc --pay-with agent --password-file password --yes --json';
const otherPool = line.replace('kimi26', 'minimax-m3');

/** Returns bytes as text of hexadecimal digits. */
function hexOf(value: unknown): `0x${string}` {
  return `0x${String(value).slice(2)}`;
}

/** Kills the command instead of sending its payment. */
const killedBefore: Fault = async (exchange) => {
  if (exchange.name !== send) return pass(exchange);
  exchange.process.kill();
};

/** Kills the command once its payment is sent. */
const killedAfter: Fault = async (exchange) => {
  if (exchange.name !== send) return pass(exchange);
  await exchange.forward();
  exchange.process.kill();
};

/** Returns a fault that changes the text of the catalog. */
function selling(words: RegExp, instead: string, others: Fault = pass): Fault {
  return async (exchange) => {
    if (exchange.name !== plans) return others(exchange);
    const response = await exchange.forward();
    exchange.answer({ ...response, body: response.body.replaceAll(words, instead) });
  };
}

const dearer = (others: Fault = pass) => selling(/"priceUsdc":"49\.00"/g, '"priceUsdc":"50.00"', others);

/** Expects how much was paid, how many seats and keys there are, and how many payments are open. */
async function expectPaid(scene: PaymentScene, units: readonly bigint[], counts: readonly number[]): Promise<void> {
  expect(await scene.transfers()).toEqual(units);
  expect([await scene.seats(), scene.delivered().length, scene.open()]).toEqual(counts);
}

describe('a payment that is replaced because the price rose', () => {
  test('is followed by the command that is repeated, and never paid again', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = killedBefore;
      await scene.run();
      scene.fault = dearer(killedAfter);
      await scene.run(`${line} --max-price 50`);
      scene.fault = dearer();
      for (const _ of [1, 2]) {
        const { stderr } = await scene.run(`${line} --max-price 50`);
        expect(stderr).toContain('Continuing the payment of 50.00 USDC');
      }
      // The sandbox wants 49, and refuses the claim. Until a claim succeeds, both payments stay open.
      await expectPaid(scene, [50_000_000n], [0, 0, 2]);
    });
  });

  test('is claimed if the chain executed it first', async () => {
    await PaymentScene.play(chain, async (scene) => {
      let raw: unknown;
      scene.fault = async (exchange) => {
        if (exchange.name === send) raw = at(exchange.body, 'params', 0);
        return killedBefore(exchange);
      };
      await scene.run();
      scene.fault = dearer(async (exchange) => {
        if (exchange.name !== send) return pass(exchange);
        await chain.rpc(send, [raw]);
        exchange.answer(rpcAnswer(exchange, { error: { code: -32000, message: 'nonce too low' } }));
      });
      expect((await scene.run(`${line} --max-price 50`)).exitCode).toBe(0);
      await expectPaid(scene, [price], [1, 1, 0]);
    });
  });

  test('is refused with --yes unless --max-price agrees to it', async () => {
    await PaymentScene.play(chain, async (scene) => {
      expect((await scene.run()).exitCode).toBe(0);
      scene.fault = dearer();
      const { exitCode, stderr } = await scene.run(`${line} --again`);
      expect([exitCode, stderr]).toEqual([8, expect.stringContaining('has risen from 49.00 USDC to 50.00 USDC')]);
      await expectPaid(scene, [price], [1, 1, 0]);
    });
  });
});

describe('two payments with one nonce', () => {
  /** Signs a payment that is never sent, and another one in its place, which is sent. @returns the bytes of both */
  async function replaced(scene: PaymentScene, kill: Fault): Promise<unknown[]> {
    const raw: unknown[] = [];
    const kept =
      (fault: Fault): Fault =>
      (exchange) => {
        if (exchange.name === send) raw.push(at(exchange.body, 'params', 0));
        return fault(exchange);
      };
    scene.fault = kept(killedBefore);
    await scene.run();
    await chain.rpc('anvil_setNextBlockBaseFeePerGas', ['0x4a817c800']);
    await chain.mine(1);
    scene.fault = kept(kill);
    await scene.run();
    return raw;
  }

  test('are paid once after an endpoint told which one was mined wrongly', async () => {
    await PaymentScene.play(chain, async (scene) => {
      const [first, second] = (await replaced(scene, killedAfter)).map((raw) => keccak256(hexOf(raw)));
      await chain.mine(3);
      scene.fault = async (exchange) => {
        if (exchange.name !== 'eth_getTransactionReceipt') return pass(exchange);
        if (at(exchange.body, 'params', 0) === second) return exchange.answer(rpcAnswer(exchange, { result: null }));
        const receipt = await chain.rpc('eth_getTransactionReceipt', [second]);
        exchange.answer(rpcAnswer(exchange, { result: { ...Object(receipt), transactionHash: first } }));
      };
      expect((await scene.run()).exitCode).not.toBe(0);
      scene.fault = pass;
      expect((await scene.run()).exitCode).toBe(0);
      await expectPaid(scene, [price], [1, 1, 0]);
    });
  });

  test('are paid once after a reorganization that exchanged them', async () => {
    await PaymentScene.play(chain, async (scene) => {
      const claim = 'POST /api/agent/subscribe-pool';
      const [first] = await replaced(scene, async (each) => (each.name === claim ? each.process.kill() : pass(each)));
      await chain.rpc('anvil_setNextBlockBaseFeePerGas', ['0x1']);
      await chain.rpc('anvil_reorg', [4, [[first, 0]]]);
      await chain.mine(3);
      scene.fault = pass;
      expect((await scene.run()).exitCode).toBe(0);
      await expectPaid(scene, [price], [1, 1, 0]);
    });
  });
});

test('a payment that another purchase of the wallet replaced is not claimed with that one', async () => {
  await PaymentScene.play(chain, async (scene) => {
    scene.fault = killedBefore;
    await scene.run();
    expect((await scene.run(otherPool)).exitCode).toBe(6);
    scene.fault = killedAfter;
    await scene.run(`${otherPool} --again`);
    scene.fault = pass;
    await chain.mine(5);
    const reconciled = await scene.run('history reconcile --wait --json');
    expect([reconciled.exitCode, reconciled.stderr]).toEqual([0, expect.stringContaining('Claimed minimax-m3 europe')]);
    await expectPaid(scene, [price], [1, 1, 0]);
  });
});

test('a payment that may still be mined makes no error say that nothing was paid', async () => {
  await PaymentScene.play(chain, async (scene) => {
    let raw: unknown;
    scene.fault = async (exchange) => {
      if (exchange.name === send) raw = at(exchange.body, 'params', 0);
      return killedBefore(exchange);
    };
    await scene.run();
    scene.fault = selling(/"availableSeats":\d+/g, '"availableSeats":0');
    const { exitCode, stderr } = await scene.run();
    expect(exitCode).toBe(10);
    expect(errorOf({ stderr })).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
    await chain.rpc(send, [raw]);
    scene.fault = pass;
    expect((await scene.run('history reconcile --wait --json')).exitCode).toBe(0);
    await expectPaid(scene, [price], [1, 1, 0]);
  });
});

test('a payment is not made again with --again while its receipt may lag, and is claimed in the end', async () => {
  await PaymentScene.play(chain, async (scene) => {
    scene.fault = killedAfter;
    await scene.run();
    let looks = 0;
    scene.fault = async (exchange) => {
      if (exchange.name !== 'eth_getTransactionReceipt' || looks++ >= 4) return pass(exchange);
      exchange.answer(rpcAnswer(exchange, { result: null }));
    };
    await scene.run(`${line} --again`);
    scene.fault = pass;
    expect((await scene.run('history reconcile --wait --json')).exitCode).toBe(0);
    // --again pays a second time, and both are claimed.
    await expectPaid(scene, [price, price], [2, 2, 0]);
  });
});

describe('a top-up from a wallet', () => {
  const verify = 'POST /api/billing/verify-topup';
  const credited = { status: 409, body: '{"success":false,"error":"This transaction was already credited"}' };

  // A request to verify that was recorded, but not sent, stays open until `history reconcile`.
  test.each<[string, string, number, Fault]>([
    ['before it is sent', '9', 0, killedBefore],
    ['after it is sent', '9', 0, killedAfter],
    ['before it is verified', '', 1, async (each) => (each.name === verify ? each.process.kill() : pass(each))],
  ])(
    'that is killed %s is paid and credited once, also after a change of the key by %j',
    async (_when, more, open, fault) => {
      await PaymentScene.play(chain, async (scene) => {
        scene.fault = fault;
        await scene.run(topup);
        scene.fault = pass;
        scene.env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: `${managementKey}${more}` };
        const { exitCode, stdout } = await scene.run(topup);
        expect([exitCode, JSON.parse(stdout)]).toEqual([0, { credited: 50, balance: 75 }]);
        expect([await scene.transfers(), scene.open()]).toEqual([[50_000_000n], open]);
        expect((await scene.run(topup)).exitCode).toBe(2);
      });
    },
  );

  test('that somebody else got credited is refused each time', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = async (exchange) => (exchange.name === verify ? exchange.answer(credited) : pass(exchange));
      for (const _ of [1, 2]) expect((await scene.run(topup)).exitCode).toBe(6);
      expect([await scene.transfers(), scene.open()]).toEqual([[50_000_000n], 1]);
    });
  });

  test('that was credited is finished after the API was away', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = async (exchange) => {
        if (exchange.name !== verify) return pass(exchange);
        await exchange.forward();
        exchange.process.kill();
      };
      await scene.run(topup);
      scene.fault = async (exchange) => (exchange.name.startsWith('eth_') ? pass(exchange) : exchange.drop());
      expect((await scene.run(topup)).exitCode).toBe(9);
      scene.fault = pass;
      expect((await scene.run(topup)).exitCode).toBe(0);
      expect(await scene.transfers()).toEqual([50_000_000n]);
    });
  });

  test('whose credit is found after its response was lost is finished', async () => {
    await PaymentScene.play(chain, async (scene) => {
      scene.fault = async (exchange) => {
        if (exchange.name !== verify) return pass(exchange);
        await exchange.forward();
        exchange.process.kill();
      };
      await scene.run(topup);
      scene.fault = pass;
      expect((await scene.run('history reconcile --wait --json')).exitCode).toBe(0);
      expect([await scene.transfers(), scene.open()]).toEqual([[50_000_000n], 0]);
    });
  });
});

test('a payment of the sandbox is never sent to another chain', async () => {
  await PaymentScene.play(chain, async (scene) => {
    scene.fault = killedBefore;
    await scene.run();
    let counts = 0;
    scene.fault = async (exchange) => {
      if (exchange.name === 'web3_clientVersion') return exchange.answer(rpcAnswer(exchange, { result: 'Geth/v1' }));
      if (exchange.name !== 'eth_getTransactionCount') return pass(exchange);
      exchange.answer(rpcAnswer(exchange, { result: counts++ === 0 ? '0x1' : '0x0' }));
    };
    const { exitCode, stderr } = await scene.run();
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('only on a local chain for development')]);
    expect(scene.requests).not.toContain(send);
    expect(await scene.transfers()).toEqual([]);
  });
});
