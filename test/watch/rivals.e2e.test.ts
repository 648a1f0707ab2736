import { expect, test } from 'vitest';
import { sandboxApp } from '../../src/sandbox/app.ts';
import { openStore } from '../../src/sandbox/store.ts';
import { userOf } from '../support/cli.ts';
import { dropping } from '../support/drops.ts';
import { ciHere } from '../support/in-process.ts';
import { at, listAt, machineStart, textAt } from '../support/sandbox.ts';
import { forward } from '../support/servers.ts';

const crowd = 50;
/** Milliseconds between two checks. */
const interval = 20;
const purchase = 'POST /api/pools/minimax-m3/subscribe';
const words = `pools watch minimax-m3 --blocks americas --subscribe --max-price 45 --yes --json --interval ${interval}ms`;

/** When the rivals request the one seat: before a check can find it, before, with or after the watch, or never. */
const kinds = ['early', 'before', 'at once', 'after', 'never'] as const;
type Kind = (typeof kinds)[number];

interface Trial {
  readonly kind: Kind;
  /** How many of the rivals that arrive with the request of the watch are ahead of it. */
  readonly ahead: number;
  /** Whether to run the watch as a process of its own. */
  readonly shipped: boolean;
}

/** Opens one seat, which fifty rivals request too, and later another one without rivals. */
async function trial({ kind, ahead, shipped }: Trial) {
  let lists = 0;
  let won = 0;
  let came = Promise.resolve();
  let posts = 0;
  const openings = { first: 4, closes: 6, second: 8 };
  const api = await dropping({
    at: Object.values(openings),
    instead: ({ method, path: where }, box) => {
      const rivals = async (count: number, ask: () => Promise<{ readonly status: number }>) => {
        const answers = await Promise.all(Array.from({ length: count }, ask));
        won += answers.filter(({ status }) => status === 200).length;
      };
      const order = { pool: 'minimax-m3', block: 'americas' };
      // Rivals that arrive with the request of the watch use the same server.
      const racing = (count: number) => rivals(count, () => box.call('POST', '/sandbox/rivals', { body: order }));
      // The other rivals come alone, so they need no connection.
      const alone = () => {
        const { folder } = box;
        const app = sandboxApp(openStore({ folder, now: () => machineStart }), {
          address: () => box.url,
          pause: () => Promise.resolve(),
        });
        const request = { method: 'POST', body: JSON.stringify(order) };
        return rivals(crowd, async () => app.request('/sandbox/rivals', request));
      };
      if (method === 'POST' && ++posts === 1) {
        return async (request, response) => {
          if (kind === 'before') await alone();
          const first = kind === 'at once' ? racing(ahead) : Promise.resolve();
          const answered = forward(box.url, request, response);
          if (kind === 'after') await answered;
          const rest = kind === 'at once' ? racing(crowd - ahead) : kind === 'after' ? alone() : Promise.resolve();
          came = Promise.all([first, rest]).then(() => {});
          await answered;
        };
      }
      if (where !== '/api/pools') return undefined;
      lists += 1;
      if (lists === openings.second) {
        return async (request, response) => {
          // No rival may come late for the first seat and get the second.
          await came;
          await box.advance(10_000);
          await forward(box.url, request, response);
        };
      }
      if (lists !== openings.first || kind === 'never') return undefined;
      return async (request, response) => {
        await box.advance(10_000);
        if (kind === 'early') await alone();
        await forward(box.url, request, response);
      };
    },
  });
  const waits: number[] = [];
  const ended = shipped
    ? await userOf(api).ci(words)
    : await ciHere(words, api, { onSleep: (wait) => waits.push(wait) });
  await came;
  const charges = listAt(await api.box.seen(), 'charges');
  return { api, ended, charges, won, waits };
}

/** Returns numbers from 0 to 1, the same ones in each run. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

test('buys a seat at most once, at the agreed price, against 50 rivals in 200 trials', async () => {
  const random = drawn(20_260_414);
  const outcomes = { first: 0, second: 0 };
  for (let number = 0; number < 200; number += 1) {
    const kind = kinds[number % kinds.length] ?? 'never';
    const ahead = Math.floor(random() * crowd);
    const { api, ended, charges, won, waits } = await trial({ kind, ahead, shipped: number % 19 === 2 });
    const what = `trial ${number}, rivals ${kind}, ${ahead} ahead`;

    // The watch ends with one purchase, and reports that one.
    expect([what, ended.code, charges.length]).toEqual([what, 0, 1]);
    expect(at(charges[0], 'amount')).toBe('45.00');
    const told: unknown[] = ended.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    expect(told.filter((event) => at(event, 'event') === 'subscribed')).toHaveLength(1);
    expect(textAt(told.at(-1), 'subscriptions', '0', 'id')).toBe(at(charges[0], 'subscriptionId'));

    // The seat went to a rival or to the watch, which requests it right after it finds it open.
    const asked = api.requests.flatMap((request, index) => (request === purchase ? [index] : []));
    expect([what, api.requests.filter((_request, index) => asked.includes(index + 1))]).toEqual([
      what,
      asked.map(() => 'GET /api/pools'),
    ]);
    const seatWent = asked.length + (kind === 'early' ? 1 : 0);
    expect([what, won]).toEqual([what, kind === 'never' ? 0 : seatWent - 1]);
    if (seatWent > 1) outcomes.second += 1;
    else outcomes.first += 1;
    if (kind === 'after' || kind === 'never') expect([what, seatWent]).toEqual([what, 1]);
    if (kind === 'early' || kind === 'before') expect([what, seatWent]).toEqual([what, 2]);

    // A block that is open for longer than an interval is found, because no wait is longer than an interval and its jitter.
    expect(waits.filter((wait) => wait > interval * 1.2)).toEqual([]);
  }
  // Of requests that arrive together, either may be first. The order of the others is known.
  expect(outcomes.first).toBeGreaterThanOrEqual(80);
  expect(outcomes.second).toBeGreaterThanOrEqual(80);
  // No time limit, because the speed of the machine says nothing about the program.
}, 0);
