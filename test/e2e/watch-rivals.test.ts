import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { at, listAt, textAt } from '../sandbox/harness.ts';
import { userOf } from './cli.ts';
import { dropping } from './drops.ts';
import { ciHere } from './in-process.ts';
import { forward } from './servers.ts';

const crowd = 50;
/** Milliseconds between two checks. */
const interval = 20;
const purchase = 'POST /api/pools/minimax-m3/subscribe';
const words = `pools watch minimax-m3 --blocks americas --subscribe --max-price 45 --yes --json --interval ${interval}ms`;

/** When the rivals come for the one seat: before a check could see it, when our answer is on its way, or never. */
type Kind = 'early' | 'race' | 'late';

interface Trial {
  readonly kind: Kind;
  /** When the rivals come after the answer is known, milliseconds. */
  readonly delay: number;
  /** Whether the shipped program takes part, and not the same in this process. */
  readonly shipped: boolean;
}

/** One seat opens, and fifty rivals want it too; later another opens that nobody else wants. */
async function trial({ kind, delay, shipped }: Trial) {
  let lists = 0;
  let won = 0;
  let came = Promise.resolve();
  const openings = { first: 4, closes: 6, second: 8 };
  const api = await dropping({
    at: Object.values(openings),
    instead: ({ path: where }, box) => {
      if (where !== '/api/pools') return undefined;
      lists += 1;
      if (lists === openings.second) {
        return async (request, response) => {
          // No rival is late for the first seat and takes the second.
          await came;
          await box.advance(10_000);
          await forward(box.url, request, response);
        };
      }
      if (lists !== openings.first || kind === 'late') return undefined;
      const rivals = async () => {
        const asked = Array.from({ length: crowd }, () =>
          box.call('POST', '/sandbox/rivals', { body: { pool: 'minimax-m3', block: 'americas' } }),
        );
        won += (await Promise.all(asked)).filter(({ status }) => status === 200).length;
      };
      return async (request, response) => {
        await box.advance(10_000);
        if (kind === 'early') await rivals();
        const answered = forward(box.url, request, response);
        if (kind === 'race') came = sleep(delay).then(rivals);
        await answered;
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

/** Numbers from 0 to 1, the same ones each time. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

test('against 50 rivals for 1 seat, in 200 trials: bought once, at the price, and at every sight of it', async () => {
  const random = drawn(20_260_414);
  const outcomes = { first: 0, second: 0 };
  for (let number = 0; number < 200; number += 1) {
    const kind: Kind = number % 5 === 0 ? 'early' : number % 5 === 1 ? 'late' : 'race';
    const delay = Math.floor(random() * 12);
    const { api, ended, charges, won, waits } = await trial({ kind, delay, shipped: number % 20 === 2 });
    const what = `trial ${number}, ${kind}, rivals after ${delay} ms`;

    // It is over with one purchase, which is what was told.
    expect([what, ended.code, charges.length]).toEqual([what, 0, 1]);
    expect(at(charges[0], 'amount')).toBe('45.00');
    const told: unknown[] = ended.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    expect(told.filter((event) => at(event, 'event') === 'subscribed')).toHaveLength(1);
    expect(textAt(told.at(-1), 'subscriptions', '0', 'id')).toBe(at(charges[0], 'subscriptionId'));

    // The one seat went to a rival or to us; whoever sees it open asks for it with the very next request.
    const asked = api.requests.flatMap((request, index) => (request === purchase ? [index] : []));
    expect([what, api.requests.filter((_request, index) => asked.includes(index + 1))]).toEqual([
      what,
      asked.map(() => 'GET /api/pools'),
    ]);
    const seatWent = asked.length + (kind === 'early' ? 1 : 0);
    expect([what, won]).toEqual([what, kind === 'late' ? 0 : seatWent - 1]);
    if (seatWent > 1) outcomes.second += 1;
    else outcomes.first += 1;
    if (kind === 'late') expect([what, seatWent]).toEqual([what, 1]);

    // A block that stays open for longer than an interval is seen: no wait is longer than one and its jitter.
    expect(waits.filter((wait) => wait > interval * 1.2)).toEqual([]);
  }
  // Both happened, or else it was no race.
  expect(outcomes.first).toBeGreaterThan(50);
  expect(outcomes.second).toBeGreaterThan(50);
}, 300_000);
