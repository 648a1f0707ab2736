import { activeHours, nextLive } from '../domain/coverage.ts';
import { ClientShares, WaitingRequests } from './waiting-clients.ts';

/** A seat as the scheduler sees it: something that answers one request at a time. */
export interface Seat {
  readonly id: string;
  /** The models that it offers; undefined if they aren't known, so that it may offer any. */
  readonly models: ReadonlySet<string> | undefined;
  /** The UTC hours (0–23) in which it works; undefined if they aren't known, so that it may always work. */
  readonly hours: readonly number[] | undefined;
  /** Changes when an earlier failure no longer means anything, such as with another key. */
  readonly version: string;
}

/** How a seat answered a request. */
export type SeatReport =
  /** It answered, or the client went away. */
  | { readonly kind: 'answered' }
  /** It didn't answer, which says nothing about it. */
  | { readonly kind: 'unused' }
  /** It answers another request. @see retryAfter in milliseconds */
  | { readonly kind: 'busy'; readonly retryAfter: number | undefined }
  /** It says that it is outside its hours for some milliseconds. */
  | { readonly kind: 'closed'; readonly retryAfter: number }
  | { readonly kind: 'failed'; readonly retryAfter: number | undefined }
  /** It doesn't answer this request, which says nothing about others. */
  | { readonly kind: 'declined' }
  /** The connection failed before an answer. */
  | { readonly kind: 'unreachable' }
  /** Its key was refused. */
  | { readonly kind: 'refused' };

/** How the waiting of a request ends. */
export type Turn<S extends Seat> =
  /** The request has the seat until {@link Scheduler.release}. */
  | { readonly kind: 'seat'; readonly seat: S }
  /** All seats with the model are outside their hours. */
  | {
      readonly kind: 'outside hours';
      /** When the first one works again, in epoch milliseconds; undefined if that isn't known. */
      readonly opensAt: number | undefined;
      /** Whether the account says so for each seat, and not only the seats themselves. */
      readonly isKnown: boolean;
    }
  /** No seat offers the model. */
  | { readonly kind: 'no model' }
  /** The keys of all seats with the model were refused. */
  | { readonly kind: 'refused' }
  /** All seats with the model that are within their hours failed to answer the request. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'queue full' }
  /** {@link Scheduler.endWaiting} was called. */
  | { readonly kind: 'stopping' }
  | { readonly kind: 'timeout' };

/** A request in the scheduler, which alone changes it. */
export interface Ticket<S extends Seat> {
  readonly client: string;
  readonly model: string | undefined;
  readonly sequence: number;
  /** The number of requests for the same model that were waiting when it arrived. */
  position: number;
  /** How long it was expected to wait when it arrived, in milliseconds; undefined if that isn't known. */
  expectedWait: number | undefined;
  state: 'waiting' | 'running' | 'ended';
  /** The seat that answers it. */
  seat: S | undefined;
  /** The IDs of seats that failed to answer it, to which it isn't given again. */
  readonly failed: Set<string>;
  /** When it stops waiting, in milliseconds of the monotonic clock. */
  deadline: number;
  /** When it got its seat, in milliseconds of the monotonic clock. */
  since: number;
  readonly onTurn: (turn: Turn<S>, ticket: Ticket<S>) => void;
}

interface SeatState<S extends Seat> {
  seat: S;
  current: Ticket<S> | undefined;
  /** Until when it gets no request, in milliseconds of the monotonic clock. */
  asideUntil: number;
  /** Until when it is outside its hours, as it said itself, in epoch milliseconds. */
  closedUntil: number;
  isRefused: boolean;
  /** When its key was refused last. */
  refusedAt: number;
  /** Until when requests wait for the account to be read after its key was refused, in milliseconds of the monotonic clock. */
  checkedUntil: number;
  /** Whether the account still had its key when it was refused last. */
  isConfirmed: boolean;
  failures: number;
  /** Whether it gets no more requests, because it isn't a seat of the account any more. */
  isDraining: boolean;
  /** When it last got a request. */
  usedAt: number;
  /** When it last answered one. */
  answeredAt: number;
}

/** What a scheduler depends on. */
export interface SchedulerOptions {
  /** Returns milliseconds of a clock that can't be set. */
  readonly monotonic: () => number;
  /** Returns the time of the API, in epoch milliseconds. */
  readonly wall: () => number;
  /** Has {@link Scheduler.tick} called at a time of the monotonic clock; undefined: never. */
  readonly wakeAt: (time: number | undefined) => void;
  /** The longest queue of a model. */
  readonly queueLimit: number;
  /** How long a request waits for a seat during its hours, in milliseconds. */
  readonly queueTimeout: number;
  /** Whether requests outside all hours wait. */
  readonly waitsOutside: boolean;
}

/** What can be seen of a seat. */
export interface SeatView<S extends Seat> {
  readonly seat: S;
  readonly state: 'free' | 'busy' | 'outside hours' | 'set aside' | 'refused' | 'draining';
  /** The request that it answers. */
  readonly current: Ticket<S> | undefined;
  /** When its hours start, in epoch milliseconds; undefined within its hours. */
  readonly opensAt: number | undefined;
}

const hour = 3_600_000;
/** The backoff after the first failure, in milliseconds. It doubles with each further failure, up to the longest. */
const firstBackoff = 1000;
const longestBackoff = 60_000;
/** The longest time after a failure. It may be the request that makes seats fail. */
const longestFailure = 10_000;
/** The backoff after a key was refused, unless the account confirms it sooner. */
const refusedBackoff = 60_000;
const longestRefused = 15 * 60_000;
/** How long requests wait for the account to be read after a key was refused, in milliseconds. */
const checkTime = 20_000;
/** The longest time between two ticks while requests wait, in milliseconds. */
const longestSleep = 30_000;
/** The longest time that a seat can set itself aside: until its hours come again. */
const longestAside = 24 * hour;

/**
 * Gives requests to seats, one at a time to each. A request that no free seat can answer waits in a queue of its model, which is fair
 * between clients. Does no I/O, and calls `onTurn` before the method returns that caused it.
 */
export class Scheduler<S extends Seat> {
  readonly #options: SchedulerOptions;
  readonly #seats = new Map<string, SeatState<S>>();
  readonly #queues = new Map<string | undefined, WaitingRequests<Ticket<S>>>();
  /** The requests that had a seat, but must wait for another one. They are first. */
  readonly #returned = new Set<Ticket<S>>();
  /** All waiting requests, in the order of arrival. */
  readonly #waiting = new Set<Ticket<S>>();
  readonly #shares = new ClientShares();
  /** The earliest deadline of the waiting requests, or an earlier time. A request that comes back is older than the others. */
  #earliestDeadline = Number.POSITIVE_INFINITY;
  /** The usual time that a seat takes for a request, in milliseconds. */
  #usualTime = 0;
  #sequence = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** The number of waiting requests. */
  get queueLength(): number {
    return this.#waiting.size;
  }

  /** The number of waiting requests for each model. */
  queueLengths(): ReadonlyMap<string | undefined, number> {
    const lengths = new Map<string | undefined, number>();
    for (const { model } of this.#waiting) lengths.set(model, (lengths.get(model) ?? 0) + 1);
    return lengths;
  }

  /** The seats, and what they do. */
  seats(): SeatView<S>[] {
    return [...this.#seats.values()].map((state) => ({
      seat: state.seat,
      state: this.#stateOf(state),
      current: state.current,
      opensAt: this.#isLive(state) ? undefined : this.#opensAt(state),
    }));
  }

  /** Returns whether a seat is known to offer a model. */
  isOffered(model: string): boolean {
    for (const { seat } of this.#seats.values()) if (seat.models?.has(model)) return true;
    return false;
  }

  /**
   * Replaces the seats. One that is gone finishes its request.
   *
   * @param readAt - when the account was read, in milliseconds of the monotonic clock
   */
  update(seats: readonly S[], readAt = this.#options.monotonic()): void {
    const ids = new Set(seats.map(({ id }) => id));
    for (const [id, state] of this.#seats) {
      if (ids.has(id)) continue;
      if (state.current) state.isDraining = true;
      else this.#seats.delete(id);
    }
    for (const seat of seats) {
      const known = this.#seats.get(seat.id);
      if (!known) {
        this.#seats.set(seat.id, newState(seat));
        continue;
      }
      if (known.seat.version !== seat.version) {
        Object.assign(known, { asideUntil: 0, closedUntil: 0, isRefused: false, isConfirmed: false, failures: 0 });
      }
      // What it said about its hours may be over with those of before.
      if (String(known.seat.hours) !== String(seat.hours)) known.closedUntil = 0;
      // The account still has its key. One that was read before the refusal doesn't say so.
      if (known.isRefused && known.refusedAt <= readAt)
        Object.assign(known, { asideUntil: 0, checkedUntil: 0, isRefused: false, isConfirmed: true });
      known.seat = seat;
      known.isDraining = false;
    }
    this.tick();
  }

  /**
   * Adds a request.
   *
   * @param client - the name under which it shares the seats
   * @param model - undefined if it isn't known, so that any seat may answer
   * @param onTurn - called once for each wait
   */
  enter(
    { client, model }: { readonly client: string; readonly model: string | undefined },
    onTurn: (turn: Turn<S>, ticket: Ticket<S>) => void,
  ): Ticket<S> {
    const request: Ticket<S> = {
      client,
      model,
      sequence: this.#sequence++,
      position: 0,
      expectedWait: 0,
      state: 'waiting',
      seat: undefined,
      failed: new Set(),
      deadline: this.#deadlineFor(model),
      since: 0,
      onTurn,
    };
    // A seat may be free since a moment ago, without a tick.
    if (this.#waiting.size > 0 && [...this.#seats.values()].some((state) => this.#isFree(state))) this.tick();
    const free = this.#freeSeatFor(request);
    if (free) {
      this.#start(free, request);
      return request;
    }
    const refusal = this.#refusalOf(request);
    const queue = this.#queueOf(model);
    request.position = queue.size;
    request.expectedWait = this.#expectedWait(request);
    if (refusal) this.#end(request, refusal);
    else if (queue.size >= this.#options.queueLimit) this.#end(request, { kind: 'queue full' });
    else {
      queue.add(request);
      this.#shares.wait(request);
      this.#waiting.add(request);
      this.#earliestDeadline = Math.min(this.#earliestDeadline, request.deadline);
      this.#arm();
    }
    return request;
  }

  /**
   * Ends the use of a seat.
   *
   * @param again - the request waits for another seat: before all others, or in its turn
   */
  release(
    request: Ticket<S>,
    report: SeatReport,
    { again }: { readonly again?: 'first' | 'in turn' | undefined } = {},
  ): void {
    const state = request.seat && this.#seats.get(request.seat.id);
    if (request.state !== 'running' || state?.current !== request) return;
    // Before its end, so that it stays the turn of its client.
    if (again) this.#shares.wait(request);
    this.#shares.end(request);
    state.current = undefined;
    // A failure of an earlier key says nothing about the one that replaced it.
    const isCurrent = request.seat?.version === state.seat.version || report.kind === 'answered';
    if (isCurrent) this.#note(state, request, report);
    if (state.isDraining) this.#seats.delete(state.seat.id);
    request.seat = undefined;
    if (again) {
      request.state = 'waiting';
      if (again === 'first' || request.failed.size > 0) this.#returned.add(request);
      else this.#queueOf(request.model).add(request);
      this.#waiting.add(request);
    } else request.state = 'ended';
    this.tick();
  }

  /** Returns whether another seat than those that failed could answer a request now or after a wait. */
  hasOther(ticket: Ticket<S>): boolean {
    const { failed, seat, model } = ticket;
    return [...this.#offering(model)].some(
      (state) => state.seat.id !== seat?.id && !failed.has(state.seat.id) && !state.isRefused && this.#isLive(state),
    );
  }

  /** Returns whether a seat that offers the model of a request has answered another one since a time of the monotonic clock. */
  hasAnsweredSince({ model }: Ticket<S>, time: number): boolean {
    return [...this.#offering(model)].some(({ answeredAt }) => answeredAt > time);
  }

  /** Removes a request that waits. */
  leave(request: Ticket<S>): void {
    if (request.state !== 'waiting') return;
    this.#unqueue(request);
    request.state = 'ended';
    this.#arm();
  }

  /** Ends the waiting of all requests. */
  endWaiting(): void {
    for (const request of this.#waiting) this.#end(request, { kind: 'stopping' });
    this.#arm();
  }

  /** Gives free seats to waiting requests, and ends the waiting of those that can't get one. */
  tick(): void {
    if (this.#waiting.size === 0) {
      this.#arm();
      return;
    }
    for (const state of this.#seats.values()) this.#serve(state);
    const now = this.#options.monotonic();
    // Requests for the same model get the same answer, unless a seat failed to answer one of them.
    const refusals = new Map<string | undefined, Turn<S> | undefined>();
    let earliest = Number.POSITIVE_INFINITY;
    for (const request of this.#waiting) {
      const isUsual = request.failed.size === 0;
      const known = isUsual && refusals.has(request.model);
      const refusal = known ? refusals.get(request.model) : this.#refusalOf(request);
      if (isUsual) refusals.set(request.model, refusal);
      if (refusal) this.#end(request, refusal);
      else if (request.deadline <= now) this.#expire(request);
      if (request.state === 'waiting') earliest = Math.min(earliest, request.deadline);
    }
    this.#earliestDeadline = earliest;
    this.#arm();
  }

  /** Ends the wait of a request after its timeout, or extends it to the next hours. */
  #expire(request: Ticket<S>): void {
    const states = [...this.#offering(request.model)];
    if (!this.#options.waitsOutside || states.some((state) => this.#isLive(state))) {
      this.#end(request, { kind: 'timeout' });
      return;
    }
    request.deadline = this.#deadlineFor(request.model);
  }

  /** Returns when a request that begins to wait now stops waiting. The time outside the hours doesn't count. */
  #deadlineFor(model: string | undefined): number {
    const deadline = this.#options.monotonic() + this.#options.queueTimeout;
    const states = this.#options.waitsOutside ? [...this.#offering(model)] : [];
    if (states.length === 0 || states.some((state) => this.#isLive(state))) return deadline;
    const wall = this.#options.wall();
    return deadline + Math.max(0, (this.#earliest(states) ?? wall + hour) - wall);
  }

  #serve(state: SeatState<S>): void {
    if (!this.#isFree(state)) return;
    let next: Ticket<S> | undefined;
    for (const request of this.#returned) {
      if (offers(state.seat, request.model) && !request.failed.has(state.seat.id)) {
        next = request;
        break;
      }
    }
    if (!next) {
      for (const [model, queue] of this.#queues) {
        if (queue.size === 0 || !offers(state.seat, model)) continue;
        for (const head of queue.heads()) if (!next || this.#shares.compare(head, next) < 0) next = head;
      }
    }
    if (!next) return;
    this.#unqueue(next);
    this.#start(state, next);
  }

  #start(state: SeatState<S>, request: Ticket<S>): void {
    const now = this.#options.monotonic();
    state.current = request;
    state.usedAt = now;
    request.state = 'running';
    request.seat = state.seat;
    request.since = now;
    this.#shares.start(request);
    request.onTurn({ kind: 'seat', seat: state.seat }, request);
  }

  #end(request: Ticket<S>, turn: Turn<S>): void {
    this.#unqueue(request);
    request.state = 'ended';
    request.onTurn(turn, request);
  }

  #unqueue(request: Ticket<S>): void {
    const queue = this.#queues.get(request.model);
    const wasQueued = queue?.remove(request) ?? false;
    if (queue?.size === 0) this.#queues.delete(request.model);
    const wasReturned = this.#returned.delete(request);
    this.#waiting.delete(request);
    if (wasQueued || wasReturned) this.#shares.leave(request);
  }

  /** Returns why a request can't wait; undefined if it can. */
  #refusalOf({ model, failed }: Ticket<S>): Turn<S> | undefined {
    const states = [...this.#offering(model)];
    if (states.length === 0) return { kind: 'no model' };
    const live = states.filter((state) => this.#isLive(state));
    const usable = live.filter(({ seat }) => !failed.has(seat.id));
    const now = this.#options.monotonic();
    if (usable.some(({ isRefused, checkedUntil }) => !isRefused || checkedUntil > now)) return undefined;
    if (live.length > 0) return { kind: usable.length > 0 ? 'refused' : 'failed' };
    if (this.#options.waitsOutside) return undefined;
    return {
      kind: 'outside hours',
      opensAt: this.#earliest(states),
      isKnown: states.every(({ seat }) => seat.hours !== undefined && !this.#isHourOf(seat)),
    };
  }

  #earliest(states: readonly SeatState<S>[]): number | undefined {
    const times = states.flatMap((state) => this.#opensAt(state) ?? []);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  *#offering(model: string | undefined): Iterable<SeatState<S>> {
    for (const state of this.#seats.values()) if (!state.isDraining && offers(state.seat, model)) yield state;
  }

  /** Returns the free seat for a request that was used the longest time ago. */
  #freeSeatFor(request: Ticket<S>): SeatState<S> | undefined {
    let found: SeatState<S> | undefined;
    for (const state of this.#seats.values()) {
      if (!this.#isFree(state) || !offers(state.seat, request.model)) continue;
      if (!found || state.usedAt < found.usedAt) found = state;
    }
    return found;
  }

  #isFree(state: SeatState<S>): boolean {
    return (
      state.current === undefined &&
      !state.isDraining &&
      state.asideUntil <= this.#options.monotonic() &&
      this.#isLive(state)
    );
  }

  /** Returns whether a seat is within its hours. */
  #isLive({ seat, closedUntil }: SeatState<S>): boolean {
    const now = this.#options.wall();
    return closedUntil <= now && this.#isHourOf(seat);
  }

  #isHourOf({ hours }: S): boolean {
    return hours?.includes(new Date(this.#options.wall()).getUTCHours()) ?? true;
  }

  /** Returns when the hours of a seat start, in epoch milliseconds; now if they have started; undefined if it has none. */
  #opensAt({ seat, closedUntil }: SeatState<S>): number | undefined {
    const from = new Date(Math.max(this.#options.wall(), closedUntil));
    if (!seat.hours) return from.getTime();
    return nextLive(activeHours(seat.hours), from)?.getTime();
  }

  #stateOf(state: SeatState<S>): SeatView<S>['state'] {
    if (state.isDraining) return 'draining';
    if (state.current) return 'busy';
    if (state.isRefused) return 'refused';
    if (!this.#isLive(state)) return 'outside hours';
    return this.#isFree(state) ? 'free' : 'set aside';
  }

  /** Notes how a seat answered, and sets it aside if it failed. */
  #note(state: SeatState<S>, request: Ticket<S>, report: SeatReport): void {
    const now = this.#options.monotonic();
    const setAside = (wait: number) => {
      state.asideUntil = now + Math.min(wait, longestAside);
    };
    // A seat that asks for no wait at all is set aside too, so that it isn't asked over and over.
    const backoff = (first: number, longest: number) => Math.min(first * 2 ** (state.failures - 1), longest);
    switch (report.kind) {
      case 'answered':
        state.failures = 0;
        state.isRefused = false;
        state.isConfirmed = false;
        state.answeredAt = now;
        this.#usualTime += (now - request.since - this.#usualTime) * (this.#usualTime === 0 ? 1 : 0.2);
        return;
      case 'unused':
        return;
      case 'closed':
        state.closedUntil = this.#options.wall() + Math.min(report.retryAfter, longestAside);
        return;
      case 'busy':
        state.failures++;
        setAside(report.retryAfter || backoff(firstBackoff, longestBackoff));
        return;
      case 'failed':
        state.failures++;
        request.failed.add(state.seat.id);
        setAside(Math.min(report.retryAfter ?? 0, longestFailure) || backoff(firstBackoff, longestFailure));
        return;
      case 'declined':
        request.failed.add(state.seat.id);
        return;
      case 'unreachable':
        state.failures++;
        // The first time, an idle connection may just have been closed.
        if (state.failures > 1) setAside(backoff(firstBackoff / 2, longestBackoff));
        return;
      case 'refused':
        state.failures++;
        state.isRefused = true;
        state.refusedAt = now;
        // The key may have been replaced. If the account still has it, it is refused for another reason.
        if (!state.isConfirmed) state.checkedUntil = now + checkTime;
        setAside(backoff(refusedBackoff, longestRefused));
    }
  }

  #expectedWait({ model, position }: Ticket<S>): number | undefined {
    const states = [...this.#offering(model)];
    const live = states.filter((state) => this.#isLive(state)).length;
    if (live > 0) return this.#usualTime === 0 ? undefined : Math.round((this.#usualTime * (position + 1)) / live);
    const opensAt = this.#earliest(states);
    if (opensAt === undefined) return undefined;
    return Math.round(opensAt - this.#options.wall() + (this.#usualTime * position) / states.length);
  }

  #queueOf(model: string | undefined): WaitingRequests<Ticket<S>> {
    const known = this.#queues.get(model);
    if (known) return known;
    const queue = new WaitingRequests<Ticket<S>>();
    this.#queues.set(model, queue);
    return queue;
  }

  /** Schedules the next tick while requests wait. */
  #arm(): void {
    if (this.#waiting.size === 0) {
      this.#earliestDeadline = Number.POSITIVE_INFINITY;
      this.#options.wakeAt(undefined);
      return;
    }
    const now = this.#options.monotonic();
    const wall = this.#options.wall();
    // The clock that can't be set stops while the machine is asleep, so that the hours are checked more often.
    let next = Math.min(this.#earliestDeadline, now + hour - (wall % hour), now + longestSleep);
    for (const { asideUntil, checkedUntil, closedUntil } of this.#seats.values()) {
      if (asideUntil > now) next = Math.min(next, asideUntil);
      if (checkedUntil > now) next = Math.min(next, checkedUntil);
      if (closedUntil > wall) next = Math.min(next, now + closedUntil - wall);
    }
    this.#options.wakeAt(next);
  }
}

function newState<S extends Seat>(seat: S): SeatState<S> {
  return {
    seat,
    current: undefined,
    asideUntil: 0,
    closedUntil: 0,
    isRefused: false,
    refusedAt: 0,
    checkedUntil: 0,
    isConfirmed: false,
    failures: 0,
    isDraining: false,
    usedAt: 0,
    answeredAt: Number.NEGATIVE_INFINITY,
  };
}

/** Returns whether a seat may offer a model. */
function offers({ models }: Seat, model: string | undefined): boolean {
  return model === undefined || models === undefined || models.has(model);
}
