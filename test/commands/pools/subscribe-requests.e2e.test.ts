import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../../src/context/context.ts';
import { createContext } from '../../../src/context/create.ts';
import { run } from '../../../src/main.ts';
import { Buffered } from '../../support/buffer.ts';
import { managementKey } from '../../support/cli.ts';
import { emptyFolder } from '../../support/folder.ts';
import { Line } from '../../support/person.ts';
import { at, listAt, machineStart } from '../../support/sandbox.ts';
import { data, forward, recordedSandbox } from '../../support/servers.ts';
import { worldWith } from '../../support/world.ts';

const list = 'GET /api/pools';
const pool = 'GET /api/pools/6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601';
const mine = 'GET /api/pools/kimi26/my-subscriptions';
const account = 'GET /api/billing/status';
const buys = 'POST /api/pools/kimi26/subscribe';

const europe = 'pools subscribe kimi26 --blocks europe';

/** A prompt, and what the user does when it appears. */
type Answer = readonly [question: RegExp, act: () => string | Promise<string>];

/** Returns a user with a list of requests, on a machine with a clock of its own. */
async function watchedBuyer() {
  let price: string | undefined;
  let held: { readonly request: string; readonly act: () => Promise<void> } | undefined;
  const api = await recordedSandbox({
    instead: (request, box) => {
      const acts = held?.request === `${request.method} ${request.path}` ? held.act : undefined;
      if (acts) {
        held = undefined;
        return async (received, response) => {
          await acts();
          await forward(box.url, received, response);
        };
      }
      if (request.path !== '/api/pools' || price === undefined) return undefined;
      return async (received, response) =>
        data(repriced(await box.data('GET', '/api/pools'), price))(received, response);
    },
  });
  const folder = emptyFolder();
  let now = machineStart;
  const worldOf = (stdout: Buffered, stdin: Line, stderr: Line) =>
    worldWith({
      stdin,
      stdout,
      stderr,
      env: {
        HOME: folder,
        TERM: 'dumb',
        CHEAPESTINFERENCE_API_URL: api.url,
        CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey,
        CHEAPESTINFERENCE_CONFIG_DIR: path.join(folder, 'config'),
        XDG_CACHE_HOME: path.join(folder, 'cache'),
        XDG_STATE_HOME: path.join(folder, 'state'),
      },
      now: () => now,
      cwd: folder,
    });
  /** Runs `ci`, with answers on a terminal. */
  const ci = async (line: string, answers?: readonly Answer[]) => {
    const isTerminal = answers !== undefined;
    const stdin = new Line(isTerminal);
    const stderr = new Line(isTerminal);
    const stdout = new Buffered(isTerminal, 80);
    const left = [...(answers ?? [])];
    let written = '';
    let shown = '';
    stderr.on('data', (chunk: Buffer) => {
      written += chunk.toString();
      shown += chunk.toString();
      const [next] = left;
      if (!next?.[0].test(shown)) return;
      left.shift();
      shown = '';
      Promise.resolve(next[1]()).then((text) => stdin.write(`${text}\n`));
    });
    if (!isTerminal) stdin.end();
    const before = api.requests.length;
    const code = await run(line.split(' '), worldOf(stdout, stdin, stderr));
    expect(left).toEqual([]);
    return { code, stdout: stdout.text, stderr: written.replaceAll(/\s+/g, ' '), requests: api.requests.slice(before) };
  };
  return {
    api,
    ci,
    charges: async () => listAt(await api.box.seen(), 'charges').length,
    /** Advances the machine's clock. */
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    /** Changes the listed price of europe, USD. */
    setPrice: (usd: string) => {
      price = usd;
    },
    /** Calls a function before the first response to a request. */
    beforeAnswer: <Result>(request: string, act: () => Promise<Result>) =>
      new Promise<Result>((resolve, reject) => {
        held = {
          request,
          act: async () => {
            await act().then(resolve, reject);
          },
        };
      }),
    /** Calls a function while it holds the lock for purchases. */
    holdingTheLock: (work: (context: Context) => Promise<void>) => {
      const context = createContext(worldOf(new Buffered(false), new Line(false), new Line(false)), () => ({
        input: false,
        color: false,
      }));
      return context.record.exclusively('purchase', () => work(context));
    },
  };
}

/** Returns the list of pools with a different price for europe of kimi26. */
function repriced(pools: unknown, price: string | undefined): unknown {
  return listAt(pools).map((each) => ({
    ...members(each),
    blocks: listAt(each, 'blocks').map((block) =>
      at(each, 'slug') === 'kimi26' && at(block, 'block') === 'europe'
        ? { ...members(block), pricePerMonth: price }
        : block,
    ),
  }));
}

function members(value: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value ?? {}));
}

const yes: Answer = [/now\?.*$/, () => 'y'];
const picks: readonly Answer[] = [
  [/Pool:.*: $/s, () => 'kimi26'],
  [/Blocks:.*: $/s, () => 'europe'],
];

describe('ci pools subscribe', () => {
  test('fetches the list, the pool and the subscriptions once each', async () => {
    const { ci, charges } = await watchedBuyer();
    const { code, requests } = await ci(`${europe} --yes`);
    expect([code, requests, await charges()]).toEqual([0, [list, pool, mine, buys], 1]);
  });

  test('fetches no more for a UUID, or with --again', async () => {
    const { ci } = await watchedBuyer();
    const { requests } = await ci('pools subscribe 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 --blocks europe --yes');
    expect(requests).toEqual([list, pool, mine, buys]);
    expect((await ci(`${europe} --yes --again`)).requests).toEqual([list, pool, mine, buys]);
  });

  test('fetches no more on a terminal with --yes', async () => {
    const { ci } = await watchedBuyer();
    expect((await ci(`${europe} --yes`, [])).requests).toEqual([list, pool, mine, buys]);
    const picked = await ci('pools subscribe --yes --again', picks);
    expect(picked.requests).toEqual([list, pool, mine, buys]);
  });

  test('fetches the subscriptions again after a prompt', async () => {
    const { ci } = await watchedBuyer();
    expect((await ci('pools subscribe', [...picks, yes])).requests).toEqual([list, pool, mine, mine, buys]);
    const again = await ci(`${europe} --yes`, [[/again\?.*$/, () => 'y']]);
    expect([again.code, again.requests]).toEqual([0, [list, pool, mine, mine, buys]]);
  });

  test('fetches everything again if the prompt was open for a while', async () => {
    const { ci, pass, charges } = await watchedBuyer();
    const { code, requests } = await ci('pools subscribe', [
      ...picks,
      [
        yes[0],
        () => {
          pass(6000);
          return 'y';
        },
      ],
    ]);
    expect([code, requests, await charges()]).toEqual([0, [list, pool, mine, mine, list, pool, buys], 1]);
  });

  test('fetches only the subscriptions with --ensure if they cover it, and the list for a UUID', async () => {
    const { api, ci } = await watchedBuyer();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const { code, requests } = await ci(`${europe} --ensure --yes`);
    expect([code, requests]).toEqual([0, [mine]]);
    const byId = await ci('pools subscribe 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 --blocks europe --ensure --yes --json');
    expect(byId.requests).toEqual([list, mine]);
    expect(JSON.parse(byId.stdout)).toMatchObject({ poolSlug: 'kimi26' });
  });

  test('fetches nothing twice with --ensure if nothing covers it', async () => {
    const { ci } = await watchedBuyer();
    expect((await ci(`${europe} --ensure --yes`)).requests).toEqual([mine, list, pool, buys]);
  });

  test('fetches the list and the pool with --dry-run, typed or picked', async () => {
    const { ci } = await watchedBuyer();
    expect((await ci(`${europe} --dry-run`)).requests).toEqual([list, pool]);
    expect((await ci('pools subscribe --dry-run', picks)).requests).toEqual([list, pool]);
    expect((await ci('pools quote', picks)).requests).toEqual([list, pool]);
  });

  test('fetches the account and each subscribed pool once with max-monthly-spend', async () => {
    const { api, ci } = await watchedBuyer();
    await ci('config set max-monthly-spend 500');
    expect((await ci(`${europe} --dry-run`)).requests).toEqual([list, pool, account]);
    expect((await ci(`${europe} --yes`)).requests).toEqual([list, pool, account, mine, buys]);
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const { requests } = await ci('pools subscribe kimi26 --blocks asia --yes');
    const others = 'GET /api/pools/minimax-m3/my-subscriptions';
    expect(requests).toEqual([list, pool, account, others, mine, buys]);
  });

  test('fetches the spending again after a prompt', async () => {
    const { ci } = await watchedBuyer();
    await ci('config set max-monthly-spend 500');
    const { requests } = await ci(europe, [yes]);
    expect(requests).toEqual([list, pool, account, mine, mine, account, buys]);
  });

  test('fetches no more after a short wait for a process that bought nothing', async () => {
    const { api, ci, holdingTheLock } = await watchedBuyer();
    let bought: ReturnType<typeof ci> | undefined;
    await holdingTheLock(async () => {
      bought = ci(`${europe} --ensure --yes`);
      await api.times(pool, 1);
    });
    expect((await bought)?.requests).toEqual([mine, list, pool, buys]);
  });

  test('fetches everything again after a long wait', async () => {
    const { api, ci, holdingTheLock, pass } = await watchedBuyer();
    let bought: ReturnType<typeof ci> | undefined;
    await holdingTheLock(async () => {
      bought = ci(`${europe} --ensure --yes`);
      await api.times(pool, 1);
      pass(6000);
    });
    expect((await bought)?.requests).toEqual([mine, list, pool, mine, list, pool, buys]);
  });

  test("fetches the account again if another process has bought, and doesn't buy what is covered", async () => {
    const { ci, charges, beforeAnswer } = await watchedBuyer();
    const other = beforeAnswer(pool, () => ci(`${europe} --yes`));
    const { code, requests, stdout } = await ci(`${europe} --ensure --yes --json`);
    expect([code, (await other).code, await charges()]).toEqual([0, 0, 1]);
    expect(requests).toEqual([mine, list, pool, list, pool, mine, buys, mine]);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'active' });
  });
});

test('adopts an earlier purchase that is found during the wait, and compares it to --max-price', async () => {
  const { api, ci, charges, holdingTheLock } = await watchedBuyer();
  let adopted: ReturnType<typeof ci> | undefined;
  await holdingTheLock(async ({ record }) => {
    adopted = ci(`${europe} --max-price 50 --yes --json`);
    await api.times(pool, 1);
    const history = await record.history();
    const wanted = { pool: 'kimi26', blocks: ['europe'], quantity: 1, billingCycle: 'month' } as const;
    const intent = { action: 'subscribe', ...wanted, charge: 60 } as const;
    const id = await history.begin({ intent, before: { ids: [] }, account: await record.account() });
    await api.box.data('POST', '/api/pools/kimi26/subscribe', wanted);
    await history.settle(id, { outcome: 'unknown', by: 'look', ids: [] });
  });
  const ended = await adopted;
  expect([ended?.code, api.changes, await charges()]).toEqual([8, [], 1]);
  expect(ended?.stderr).toContain('An earlier purchase of kimi26 charged $60.00, which is above the limit of $50.00');
});

describe('a change while the prompt is open', () => {
  const later = (act: () => void): Answer => [
    yes[0],
    () => {
      act();
      return 'y';
    },
  ];

  test('refuses a price that has risen', async () => {
    const { api, ci, pass, setPrice } = await watchedBuyer();
    const { code, stderr } = await ci(europe, [
      later(() => {
        pass(6000);
        setPrice('49.01');
      }),
    ]);
    expect([code, api.changes]).toEqual([8, []]);
    expect(stderr).toContain('The price of kimi26 has risen to $49.01, but you agreed to $49.00');
    expect(stderr).toContain('Nothing was charged.');
  });

  test('refuses a price that has risen, even if it is below --max-price', async () => {
    const { api, ci, pass, setPrice } = await watchedBuyer();
    const raise = later(() => {
      pass(6000);
      setPrice('49.01');
    });
    expect((await ci(`${europe} --max-price 60`, [raise])).code).toBe(8);
    expect(api.changes).toEqual([]);
  });

  test('buys up to --max-price without a prompt', async () => {
    const { api, ci, holdingTheLock, pass, setPrice } = await watchedBuyer();
    let bought: ReturnType<typeof ci> | undefined;
    await holdingTheLock(async () => {
      bought = ci(`${europe} --max-price 60 --yes`);
      await api.times(pool, 1);
      pass(6000);
      setPrice('55.00');
    });
    expect([(await bought)?.code, api.changes]).toEqual([0, [buys]]);
  });

  test.each([
    ['my subscriptions', mine, ''],
    ['the account', account, '500'],
  ])('refuses a price that has risen while %s was slow', async (_, request, limit) => {
    const { api, ci, beforeAnswer, holdingTheLock, pass, setPrice } = await watchedBuyer();
    if (limit) await ci(`config set max-monthly-spend ${limit}`);
    let bought: ReturnType<typeof ci> | undefined;
    let slow: Promise<void> | undefined;
    await holdingTheLock(async () => {
      bought = ci(`${europe} --yes`);
      await api.times(limit ? account : pool, 1);
      if (limit) pass(6000);
      slow = beforeAnswer(request, async () => {
        pass(6000);
        setPrice('49.01');
      });
    });
    const ended = await bought;
    await slow;
    expect([ended?.code, api.changes]).toEqual([8, []]);
    expect(ended?.stderr).toContain('has risen to $49.01, but you agreed to $49.00');
  });

  test('buys at a price that has fallen, and reports it', async () => {
    const { ci, pass, setPrice } = await watchedBuyer();
    setPrice('60.00');
    const { code, stderr } = await ci(europe, [
      later(() => {
        pass(6000);
        setPrice('49.00');
      }),
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('Charge $60.00 now?');
    expect(stderr).toContain('Subscribed to europe of kimi26. Charged $49.00.');
  });

  test('accepts the agreed price if it had fallen and rose again', async () => {
    const { ci, pass, setPrice } = await watchedBuyer();
    const { code, stderr } = await ci(europe, [
      later(() => {
        pass(6000);
        setPrice('39.00');
      }),
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Charged $49.00.')]);
  });

  test('refuses blocks that have sold out', async () => {
    const { api, ci, pass } = await watchedBuyer();
    const { code, stderr } = await ci(europe, [
      [
        yes[0],
        async () => {
          pass(6000);
          await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'], quantity: 8 });
          return 'y';
        },
      ],
    ]);
    expect([code, api.changes]).toEqual([6, []]);
    expect(stderr).toContain('kimi26 is sold out in europe');
  });
});
