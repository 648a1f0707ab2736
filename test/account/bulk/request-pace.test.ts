import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PaceLimits, type RequestEnd, RequestPace } from '../../../src/account/bulk/request-pace.ts';
import { CommandError } from '../../../src/domain/errors.ts';
import { SimulatedTime } from './simulated-time.ts';

/** How an API ends a request, and after how many milliseconds. */
type Answer = (at: number, running: number) => { readonly after: number; readonly end: RequestEnd };

const answeredAfter = (latency: number) => ({ after: latency, end: { kind: 'answered', latency } as const });
const refusedFor = (retryAfter?: number) => ({ after: 10, end: { kind: 'limited', retryAfter } as const });
const failed = { after: 10, end: { kind: 'failed' } as const };

/** A client with many requests at an API. */
class Client {
  readonly time = new SimulatedTime();
  readonly pace: RequestPace;
  /** When each request left. */
  readonly left: number[] = [];
  /** Errors of those that didn't leave. */
  readonly refusals: unknown[] = [];
  most = 0;
  running = 0;
  readonly #answer: Answer;

  constructor(limits: PaceLimits, answer: Answer) {
    this.pace = new RequestPace(this.time, limits);
    this.#answer = answer;
  }

  /** Sends requests as soon as they may leave. */
  send(count: number): void {
    for (let at = 0; at < count; at++) void this.#sendOne();
  }

  /** Returns how many requests left from a moment to another, in milliseconds. */
  between(start: number, end: number): number {
    return this.left.filter((at) => at >= start && at < end).length;
  }

  async #sendOne(): Promise<void> {
    let ended: (end: RequestEnd) => void;
    try {
      ended = await this.pace.enter();
    } catch (error) {
      this.refusals.push(error);
      return;
    }
    this.left.push(this.time.now);
    this.running++;
    this.most = Math.max(this.most, this.running);
    const { after, end } = this.#answer(this.time.now, this.running);
    await this.time.sleep(after);
    this.running--;
    ended(end);
    if (this.pace.outage) this.pace.stop(new Error('hopeless'));
  }
}

test('sends as many requests at a time as it may', async () => {
  const client = new Client({ concurrency: 8 }, () => answeredAfter(100));
  client.send(80);
  await client.time.pass();
  expect([client.most, client.left.length, client.time.now]).toEqual([8, 80, 1000]);
});

test('never sends more requests at a time than it may, whatever the API answers', async () => {
  const answers = fc.constantFrom<ReturnType<Answer>>(
    answeredAfter(5),
    answeredAfter(100),
    answeredAfter(900),
    refusedFor(),
    refusedFor(0),
    refusedFor(2500),
    failed,
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answers, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 12 }),
      fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
      async (ends, concurrency, rate) => {
        let count = 0;
        const client = new Client({ concurrency, rate }, () => ends[count++] ?? answeredAfter(50));
        client.send(ends.length);
        await client.time.pass();
        expect(client.most).toBeLessThanOrEqual(concurrency);
        // Nothing waits forever.
        expect(client.left.length + client.refusals.length).toBe(ends.length);
      },
    ),
    { numRuns: 60 },
  );
});

test('halves the requests at a time after a 429, once for each round of them, and waits as long as the API says', async () => {
  const client = new Client({ concurrency: 8 }, (at) => (at === 0 ? refusedFor(5000) : answeredAfter(100)));
  client.send(100);
  await client.time.pass(20);
  expect(client.pace.allowed).toBe(4);
  await client.time.pass(5200);
  expect([client.between(1, 5010), client.between(5010, 5011)]).toEqual([0, 4]);
});

test('waits a second after a 429 that says no time', async () => {
  const client = new Client({ concurrency: 4 }, (at) => (at === 0 ? refusedFor() : answeredAfter(100)));
  client.send(20);
  await client.time.pass();
  expect([client.between(1, 1010), client.between(1010, 1011)]).toEqual([0, 2]);
});

test('returns to all requests after a 429', async () => {
  const client = new Client({ concurrency: 8 }, (at) => (at === 0 ? refusedFor(0) : answeredAfter(100)));
  client.send(200);
  await client.time.pass();
  expect(client.pace.allowed).toBe(8);
});

test('sends fewer requests while the API answers much more slowly, and all of them when it has recovered', async () => {
  const isSlow = (at: number) => at >= 5000 && at < 20_000;
  const client = new Client({ concurrency: 16 }, (at) => answeredAfter(isSlow(at) ? 1000 : 100));
  client.send(6000);
  await client.time.pass(4900);
  expect(client.pace.allowed).toBe(16);
  await client.time.pass(15_000);
  expect(client.pace.allowed).toBeLessThanOrEqual(4);
  await client.time.pass(30_000);
  expect(client.pace.allowed).toBe(16);
});

test("isn't slowed down by differences of a few milliseconds", async () => {
  let count = 0;
  const client = new Client({ concurrency: 8 }, () => answeredAfter(count++ % 2 === 0 ? 1 : 9));
  client.send(500);
  await client.time.pass();
  expect(client.pace.allowed).toBe(8);
});

test('finds the number of requests that an API answers fast, more or less', async () => {
  // Above 6 at a time, each one more costs as much as all below.
  const client = new Client({ concurrency: 64 }, (_at, running) => answeredAfter(100 * Math.max(1, running / 6)));
  client.send(3000);
  await client.time.pass(8000);
  expect(client.pace.allowed).toBeLessThanOrEqual(32);
  expect(client.pace.allowed).toBeGreaterThanOrEqual(6);
});

test.each([0.5, 1, 7, 20, 150])('sends %s requests per second, and no burst at the start', async (rate) => {
  const client = new Client({ concurrency: 64, rate }, () => answeredAfter(100));
  client.send(300);
  await client.time.pass();
  expect(client.left.length).toBe(300);
  for (const [at, moment] of client.left.entries()) {
    const due = (at * 1000) / rate;
    expect(moment).toBeGreaterThanOrEqual(due - 1e-6);
    expect(moment).toBeLessThanOrEqual(due + 1);
  }
});

test("doesn't catch up after a pause", async () => {
  const client = new Client({ concurrency: 64, rate: 10 }, (at) => (at < 100 ? refusedFor(10_000) : answeredAfter(10)));
  client.send(200);
  await client.time.pass();
  for (let start = 0; start < client.time.now; start += 100)
    expect(client.between(start, start + 1000)).toBeLessThanOrEqual(10);
});

test('pauses after failures in a row, longer each time, with one request between the pauses, and gives up', async () => {
  const client = new Client({ concurrency: 4 }, () => failed);
  client.send(1000);
  await client.time.pass(30_000);
  expect(client.pace.outage).toBe(undefined);
  // 1 + 2 + 4 + 8 + 16 seconds.
  await client.time.pass(32_000);
  expect(client.pace.outage).toEqual({ kind: 'failed' });
  expect(client.left.length).toBeLessThanOrEqual(2 * 4 + 4 + 6);
  expect(client.left.length + client.refusals.length).toBe(1000);
});

test('goes on with all requests when the API answers again', async () => {
  const client = new Client({ concurrency: 4 }, (at) => (at < 6000 ? failed : answeredAfter(100)));
  client.send(300);
  await client.time.pass();
  expect([client.pace.outage, client.refusals, client.pace.allowed]).toEqual([undefined, [], 4]);
});

test("isn't slowed down by single failures", async () => {
  let count = 0;
  const client = new Client({ concurrency: 4 }, () => (count++ % 3 === 0 ? failed : answeredAfter(10)));
  client.send(300);
  await client.time.pass();
  expect([client.left.length, client.time.now]).toEqual([300, 750]);
});

test('gives up if the API refuses everything', async () => {
  const client = new Client({ concurrency: 8 }, () => refusedFor(0));
  client.send(1000);
  await client.time.pass();
  expect(client.pace.outage).toEqual({ kind: 'limited', retryAfter: 0 });
  expect(client.left.length).toBeLessThan(30);
  // It has waited nevertheless.
  expect(client.time.now).toBeGreaterThan(60_000);
});

test('gives up at once if the API asks for a pause of hours', async () => {
  const client = new Client({ concurrency: 8 }, () => refusedFor(86_400_000));
  client.send(1000);
  await client.time.pass(1000);
  expect(client.pace.outage).toEqual({ kind: 'limited', retryAfter: 86_400_000 });
  expect([client.left.length, client.refusals.length]).toEqual([8, 992]);
});

test('stops all requests that wait, and those that come later', async () => {
  const client = new Client({ concurrency: 2 }, () => answeredAfter(1000));
  const reason = new CommandError('interrupted', 'Interrupted');
  client.send(5);
  await client.time.pass(10);
  client.pace.stop(reason);
  client.pace.stop(new Error('another'));
  await client.time.pass(20);
  expect(client.refusals).toEqual([reason, reason, reason]);
  await expect(client.pace.enter()).rejects.toBe(reason);
  await client.time.pass();
  expect(client.running).toBe(0);
});
