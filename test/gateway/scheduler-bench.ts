import { Scheduler, type Seat, type SeatReport, type Ticket, type Turn } from '../../src/gateway/scheduler.ts';

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

/** A seat of a test. */
export function seat(id: string, settings: Partial<Omit<Seat, 'id'>> = {}): Seat {
  return { id, models: undefined, hours: undefined, version: '1', ...settings };
}

/** A request of a test, with each turn that it got. */
export interface TestRequest {
  readonly ticket: Ticket<Seat>;
  readonly turns: readonly Turn<Seat>[];
}

/** What a test sets of a scheduler. */
interface Settings {
  readonly seats?: readonly Seat[];
  readonly queueLimit?: number;
  readonly queueTimeout?: number;
  readonly waitsOutside?: boolean;
  /** The time of the API at first, in epoch milliseconds. */
  readonly wall?: number;
}

/** A scheduler with clocks that only the test moves. */
export class SchedulerBench {
  monotonic = 0;
  wall: number;
  /** The time at which the next tick is due; undefined: none is. */
  wakeAt: number | undefined;
  readonly scheduler: Scheduler<Seat>;

  constructor({
    seats = [],
    queueLimit = 100,
    queueTimeout = 10 * minute,
    waitsOutside = false,
    wall = Date.UTC(2026, 3, 14, 9),
  }: Settings = {}) {
    this.wall = wall;
    this.scheduler = new Scheduler<Seat>({
      monotonic: () => this.monotonic,
      wall: () => this.wall,
      wakeAt: (time) => {
        this.wakeAt = time;
      },
      queueLimit,
      queueTimeout,
      waitsOutside,
    });
    this.scheduler.update(seats);
  }

  enter(client = 'ann', model: string | undefined = undefined): TestRequest {
    const turns: Turn<Seat>[] = [];
    return { ticket: this.scheduler.enter({ client, model }, (turn) => turns.push(turn)), turns };
  }

  release(
    { ticket }: TestRequest,
    report: SeatReport = { kind: 'answered' },
    again: boolean | 'in turn' = false,
  ): void {
    this.scheduler.release(ticket, report, { again: again === true ? 'first' : again || undefined });
  }

  /** Moves both clocks, without a tick. */
  pass(milliseconds: number): void {
    this.monotonic += milliseconds;
    this.wall += milliseconds;
  }

  /** Moves both clocks, and calls each tick that falls due on the way. */
  run(milliseconds: number): void {
    const end = this.monotonic + milliseconds;
    while (this.wakeAt !== undefined && this.wakeAt <= end) {
      this.pass(Math.max(0, this.wakeAt - this.monotonic));
      this.wakeAt = undefined;
      this.scheduler.tick();
    }
    this.pass(end - this.monotonic);
  }

  /** Returns the state of each seat by its ID. */
  states(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.scheduler.seats().map((view) => [view.seat.id, view.state]));
  }
}

/** Returns what happened to a request: the ID of each seat that it got, or why its wait ended. */
export function outcome({ turns }: TestRequest): string[] {
  return turns.map((turn) => (turn.kind === 'seat' ? turn.seat.id : turn.kind));
}
