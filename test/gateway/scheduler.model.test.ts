import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Seat, SeatReport, Ticket, Turn } from '../../src/gateway/scheduler.ts';
import { hour, minute, SchedulerBench, seat, second } from './scheduler-bench.ts';

/** Something that happens to a scheduler. `at` selects one of several requests. */
type Step =
  | { readonly kind: 'enter'; readonly client: string; readonly model: string | undefined }
  | { readonly kind: 'release'; readonly at: number; readonly report: SeatReport; readonly again: boolean }
  | { readonly kind: 'leave'; readonly at: number }
  | { readonly kind: 'update'; readonly seats: readonly Seat[] }
  | { readonly kind: 'run'; readonly time: number }
  | { readonly kind: 'jump'; readonly time: number }
  | { readonly kind: 'tick' };

const retryAfter = fc.constantFrom(undefined, 0, second, 40 * second, 2 * hour);
const report: fc.Arbitrary<SeatReport> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'answered' } as const) },
  fc.constantFrom({ kind: 'unused' } as const, { kind: 'unreachable' } as const, { kind: 'refused' } as const),
  fc.record({ kind: fc.constantFrom('busy' as const, 'failed' as const), retryAfter }),
  fc.constant({ kind: 'declined' as const }),
  fc.record({ kind: fc.constant('closed' as const), retryAfter: fc.constantFrom(61 * second, 3 * hour) }),
);
const seats = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    models: fc.constantFrom(undefined, new Set(['kimi']), new Set(['glm']), new Set(['kimi', 'glm'])),
    hours: fc.constantFrom(undefined, undefined, [9], [10], [8, 9, 10], []),
    version: fc.constantFrom('1', '1', '2'),
  }),
  { selector: ({ id }) => id, maxLength: 4 },
);
const at = fc.nat({ max: 50 });
const enter: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('enter' as const),
  client: fc.constantFrom('ann', 'bob', 'cleo'),
  model: fc.constantFrom(undefined, 'kimi', 'kimi', 'glm', 'other'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: enter },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('release' as const), at, report, again: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('update' as const), seats }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      time: fc.constantFrom(0, 1, second, 10 * second, minute, 30 * minute, hour),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump' as const), time: fc.constantFrom(-hour, -second, minute, hour) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'tick' } as const) },
);
const settings = fc.record({
  queueLimit: fc.constantFrom(0, 1, 3, 100),
  queueTimeout: fc.constantFrom(0, 5 * second, minute, 2 * hour),
  waitsOutside: fc.boolean(),
});
type Settings = typeof settings extends fc.Arbitrary<infer Value> ? Value : never;

/** What the model knows of a seat, by the rules of the scheduler. */
interface ModelSeat {
  seat: Seat;
  asideUntil: number;
  closedUntil: number;
  failures: number;
  isRefused: boolean;
  /** Until when requests wait for the account to be read. */
  checkedUntil: number;
  isConfirmed: boolean;
  isDraining: boolean;
  request: ModelRequest | undefined;
}

/** What the model knows of a request. */
interface ModelRequest {
  readonly model: string | undefined;
  /** Undefined until `enter` has returned. */
  ticket: Ticket<Seat> | undefined;
  state: 'waiting' | 'running' | 'ended';
  /** How often it began to wait, and how often that ended with a turn. */
  waits: number;
  turns: number;
  hasLeft: boolean;
  hasReturned: boolean;
  /** The seat with the version that it got. */
  seat: Seat | undefined;
  readonly failed: Set<string>;
  readonly arrivedAt: number;
}

/** Carries out steps with a scheduler and a model of it, and compares them. */
class Comparison {
  readonly #settings: Settings;
  readonly #bench: SchedulerBench;
  readonly #seats = new Map<string, ModelSeat>();
  readonly #requests: ModelRequest[] = [];
  /** Whether the scheduler can know of all changes: it wakes up some time after a jump of the clock. */
  #isSettled = true;

  constructor(options: Settings) {
    this.#settings = options;
    this.#bench = new SchedulerBench(options);
  }

  carryOut(next: Step): void {
    switch (next.kind) {
      case 'enter':
        this.#enter(next.client, next.model);
        break;
      case 'release':
        this.#release(next);
        break;
      case 'leave': {
        const waiting = this.#inState('waiting');
        const request = waiting[next.at % waiting.length];
        if (!request?.ticket) return;
        request.state = 'ended';
        request.hasLeft = true;
        this.#bench.scheduler.leave(request.ticket);
        break;
      }
      case 'update':
        this.#update(next.seats);
        break;
      case 'run':
        this.#bench.run(next.time);
        if (next.time >= 30 * second) this.#isSettled = true;
        break;
      case 'jump':
        this.#bench.wall += next.time;
        this.#isSettled = false;
        break;
      case 'tick':
        this.#bench.scheduler.tick();
        this.#isSettled = true;
    }
    this.check();
  }

  /** Ends all requests, and checks that none is left. */
  end(): void {
    for (let round = 0; round < 1000 && this.#inState('running').length > 0; round++) this.#releaseFirst();
    expect(this.#inState('running')).toEqual([]);
    this.carryOut({ kind: 'run', time: 30 * hour });
    // Requests that wait for hours which never start end with a seat.
    if (this.#settings.waitsOutside) this.#update([seat('z')]);
    for (let round = 0; round < 1000 && this.#inState('running').length > 0; round++) this.#releaseFirst();
    this.check();
    expect(this.#requests.filter(({ state }) => state !== 'ended')).toEqual([]);
    expect(this.#bench.scheduler.queueLength).toBe(0);
    expect(this.#bench.wakeAt).toBeUndefined();
  }

  check(): void {
    const { scheduler } = this.#bench;
    for (const { ticket, state, waits, turns, hasLeft, failed } of this.#requests) {
      expect(ticket?.state).toBe(state);
      expect(turns).toBe(state === 'waiting' || hasLeft ? waits - 1 : waits);
      expect(ticket?.failed).toEqual(failed);
    }
    const waiting = this.#inState('waiting');
    expect(scheduler.queueLength).toBe(waiting.length);
    expect(this.#bench.wakeAt !== undefined).toBe(waiting.length > 0);
    const views = scheduler.seats();
    expect(views.map((view) => [view.seat.id, view.current])).toEqual(
      [...this.#seats.values()].map(({ seat: { id }, request }) => [id, request?.ticket]),
    );
    expect(new Set(this.#inState('running').map((request) => request.seat?.id)).size).toBe(
      this.#inState('running').length,
    );
    for (const model of [undefined, 'kimi', 'glm', 'other']) {
      const all = waiting.filter((request) => request.model === model);
      expect(scheduler.queueLengths().get(model) ?? 0).toBe(all.length);
      expect(all.filter(({ hasReturned }) => !hasReturned).length).toBeLessThanOrEqual(this.#settings.queueLimit);
    }
    if (!this.#isSettled) return;
    for (const request of waiting)
      for (const each of this.#seats.values()) expect(this.#fits(each, request)).toBe(false);
  }

  #inState(state: ModelRequest['state']): ModelRequest[] {
    return this.#requests.filter((request) => request.state === state);
  }

  #enter(client: string, model: string | undefined): void {
    const request: ModelRequest = {
      model,
      ticket: undefined,
      state: 'waiting',
      waits: 1,
      turns: 0,
      hasLeft: false,
      hasReturned: false,
      seat: undefined,
      failed: new Set(),
      arrivedAt: this.#bench.monotonic,
    };
    request.ticket = this.#bench.scheduler.enter({ client, model }, (turn) => this.#onTurn(request, turn));
    this.#requests.push(request);
  }

  #onTurn(request: ModelRequest, turn: Turn<Seat>): void {
    expect(request.state).toBe('waiting');
    request.turns++;
    if (turn.kind === 'seat') {
      const state = this.#seats.get(turn.seat.id);
      if (!state) throw new Error('The seat is not one of the account');
      expect(state.seat).toBe(turn.seat);
      expect(this.#fits(state, request)).toBe(true);
      request.state = 'running';
      request.seat = turn.seat;
      state.request = request;
      return;
    }
    request.state = 'ended';
    const offering = [...this.#seats.values()].filter((each) => !each.isDraining && offers(each.seat, request.model));
    const open = offering.filter((each) => this.#isLive(each));
    const live = open.filter((each) => !request.failed.has(each.seat.id));
    expect(live.filter((each) => this.#fits(each, request))).toEqual([]);
    switch (turn.kind) {
      case 'no model':
        expect(offering).toEqual([]);
        break;
      case 'refused':
        expect(live.length).toBeGreaterThan(0);
        expect(live.every(({ isRefused }) => isRefused)).toBe(true);
        expect(live.every(({ checkedUntil }) => checkedUntil <= this.#bench.monotonic)).toBe(true);
        break;
      case 'failed':
        expect([open.length > 0, live]).toEqual([true, []]);
        break;
      case 'outside hours':
        expect(open).toEqual([]);
        expect(this.#settings.waitsOutside).toBe(false);
        break;
      case 'queue full':
        expect(
          this.#inState('waiting').filter(({ model, hasReturned }) => model === request.model && !hasReturned).length,
        ).toBe(this.#settings.queueLimit);
        break;
      case 'timeout':
        expect(this.#bench.monotonic - request.arrivedAt).toBeGreaterThanOrEqual(this.#settings.queueTimeout);
    }
  }

  #release(next: Extract<Step, { kind: 'release' }>): void {
    const running = this.#inState('running');
    const request = running[next.at % running.length];
    const state = this.#seats.get(request?.seat?.id ?? '');
    if (!request?.ticket || !state) return;
    state.request = undefined;
    this.#note(state, request, next.report);
    if (state.isDraining) this.#seats.delete(state.seat.id);
    request.seat = undefined;
    request.state = next.again ? 'waiting' : 'ended';
    if (next.again) {
      request.waits++;
      request.hasReturned = true;
    }
    this.#isSettled = true;
    this.#bench.scheduler.release(request.ticket, next.report, { again: next.again ? 'first' : undefined });
  }

  #releaseFirst(): void {
    this.#release({ kind: 'release', at: 0, report: { kind: 'answered' }, again: false });
  }

  #note(state: ModelSeat, request: ModelRequest, answer: SeatReport): void {
    const now = this.#bench.monotonic;
    const isSame = request.seat?.version === state.seat.version;
    if (answer.kind === 'answered') Object.assign(state, { failures: 0, isRefused: false, isConfirmed: false });
    if (!isSame || answer.kind === 'answered' || answer.kind === 'unused') return;
    if (answer.kind === 'closed') {
      state.closedUntil = this.#bench.wall + answer.retryAfter;
      return;
    }
    if (answer.kind === 'declined') {
      request.failed.add(state.seat.id);
      return;
    }
    const times = 2 ** state.failures;
    state.failures++;
    if (answer.kind === 'refused') {
      state.isRefused = true;
      if (!state.isConfirmed) state.checkedUntil = now + 20 * second;
      state.asideUntil = now + Math.min(times * minute, 15 * minute);
    } else if (answer.kind === 'unreachable') {
      if (times > 1) state.asideUntil = now + Math.min(times * 0.5 * second, minute);
    } else {
      if (answer.kind === 'failed') request.failed.add(state.seat.id);
      const longest = answer.kind === 'failed' ? 10 * second : minute;
      const asked = answer.kind === 'failed' ? Math.min(answer.retryAfter ?? 0, longest) : answer.retryAfter;
      state.asideUntil = now + (asked || Math.min(times * second, longest));
    }
  }

  #update(next: readonly Seat[]): void {
    for (const [id, state] of this.#seats) {
      if (next.some((each) => each.id === id)) continue;
      if (state.request) state.isDraining = true;
      else this.#seats.delete(id);
    }
    for (const each of next) {
      const known = this.#seats.get(each.id);
      const fresh = { asideUntil: 0, closedUntil: 0, failures: 0, isRefused: false, isConfirmed: false };
      if (!known)
        this.#seats.set(each.id, { ...fresh, seat: each, checkedUntil: 0, isDraining: false, request: undefined });
      else {
        if (known.seat.version !== each.version) Object.assign(known, fresh);
        if (String(known.seat.hours) !== String(each.hours)) known.closedUntil = 0;
        if (known.isRefused)
          Object.assign(known, { asideUntil: 0, checkedUntil: 0, isRefused: false, isConfirmed: true });
        Object.assign(known, { seat: each, isDraining: false });
      }
    }
    this.#isSettled = true;
    this.#bench.scheduler.update(next);
  }

  /** Returns whether a seat is free for a request. */
  #fits(state: ModelSeat, { model, failed }: ModelRequest): boolean {
    return (
      !state.request &&
      !state.isDraining &&
      state.asideUntil <= this.#bench.monotonic &&
      this.#isLive(state) &&
      offers(state.seat, model) &&
      !failed.has(state.seat.id)
    );
  }

  #isLive({ seat: { hours }, closedUntil }: ModelSeat): boolean {
    const { wall } = this.#bench;
    return closedUntil <= wall && (hours === undefined || hours.includes(new Date(wall).getUTCHours()));
  }
}

function offers({ models }: Seat, model: string | undefined): boolean {
  return model === undefined || models === undefined || models.has(model);
}

test('gives each request one seat at a time, or one reason, whatever happens', () => {
  fc.assert(
    fc.property(settings, seats, fc.array(step, { maxLength: 80, size: 'max' }), (options, first, steps) => {
      const comparison = new Comparison(options);
      comparison.carryOut({ kind: 'update', seats: first });
      for (const next of steps) comparison.carryOut(next);
      comparison.end();
    }),
    { numRuns: 400 },
  );
});

/** Clients of a scheduler whose seats take the same time for each request. */
class Service {
  readonly #bench: SchedulerBench;
  readonly #running: { readonly client: string; readonly ticket: Ticket<Seat> }[] = [];
  /** The client of each request that was served, in order. */
  readonly served: string[] = [];

  constructor(seatCount: number) {
    const all = Array.from({ length: seatCount }, (_, index) => seat(`seat ${index}`));
    this.#bench = new SchedulerBench({ seats: all, queueLimit: 1000 });
  }

  enter(client: string): void {
    let isTurn = false;
    let ticket: Ticket<Seat> | undefined;
    const start = (started: Ticket<Seat>) => {
      this.#running.push({ client, ticket: started });
      this.served.push(client);
    };
    ticket = this.#bench.scheduler.enter({ client, model: undefined }, (turn) => {
      expect(turn.kind).toBe('seat');
      isTurn = true;
      if (ticket) start(ticket);
    });
    if (isTurn) start(ticket);
  }

  /** Returns whether a request of a client has a seat. */
  isServed(client: string): boolean {
    return this.#running.some((each) => each.client === client);
  }

  /** Ends a request. Returns its client. */
  end(at: number): string | undefined {
    const [ended] = this.#running.splice(at % this.#running.length, 1);
    if (ended) this.#bench.scheduler.release(ended.ticket, { kind: 'answered' });
    return ended?.client;
  }
}

describe('clients', () => {
  const order = fc.infiniteStream(fc.nat({ max: 1000 }));
  /** Returns the next number of a stream. */
  const from = (stream: Iterator<number>): number => {
    const { value } = stream.next();
    return typeof value === 'number' ? value : 0;
  };

  test('with 2 requests each wait at most twice their share behind one with 50', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.nat({ max: 30 }), order, (seatCount, before, stream) => {
        const service = new Service(seatCount);
        for (let each = 0; each < 50; each++) service.enter('big');
        for (let each = 0; each < Math.min(before, 49 - seatCount); each++) service.end(from(stream));
        const start = service.served.length;
        const small = ['1', '2', '3', '4', '5'];
        for (const client of [...small, ...small]) service.enter(client);
        for (let each = 0; each < 60; each++) service.end(from(stream));
        const after = service.served.slice(start);
        // Six clients share the seats, so that two requests of one are served within 12 requests.
        for (const client of small) expect(after.lastIndexOf(client)).toBeLessThan(2 * 12);
        expect(service.served).toHaveLength(60);
      }),
      { numRuns: 200 },
    );
  });

  test('that send their next request at once are overtaken at most once by each other client', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 12 }),
        order,
        (seatCount, depths, stream) => {
          const service = new Service(seatCount);
          for (const [client, depth] of depths.entries()) {
            for (let each = 0; each < depth; each++) service.enter(String(client));
          }
          /** How many requests of others were served since a client last had a seat. */
          const overtaken = new Map<string, number>();
          for (let each = 0; each < 40 * depths.length; each++) {
            const before = service.served.length;
            const ended = service.end(from(stream));
            if (ended !== undefined) service.enter(ended);
            for (const client of depths.keys()) {
              const name = String(client);
              const others = service.served.slice(before).filter((other) => other !== name).length;
              overtaken.set(name, service.isServed(name) ? 0 : (overtaken.get(name) ?? 0) + others);
            }
            expect(Math.max(...overtaken.values())).toBeLessThan(depths.length);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('with one request at a time get as much as one with many, on one seat', () => {
    const service = new Service(1);
    for (let each = 0; each < 50; each++) service.enter('big');
    service.enter('small');
    for (let each = 0; each < 40; each++) {
      const ended = service.end(0);
      if (ended === 'small') service.enter('small');
    }
    const shares = service.served.filter((client) => client === 'small').length;
    expect(shares).toBeGreaterThanOrEqual(20);
    expect(shares).toBeLessThanOrEqual(21);
  });

  test('are served, however many new ones arrive', () => {
    const service = new Service(1);
    service.enter('old');
    service.enter('old');
    for (let each = 0; each < 4; each++) service.enter(`new ${each}`);
    for (let each = 4; each < 100; each++) {
      service.end(0);
      service.enter(`new ${each}`);
    }
    expect(service.served.lastIndexOf('old')).toBeGreaterThan(0);
    expect(service.served.lastIndexOf('old')).toBeLessThan(20);
  });
});
