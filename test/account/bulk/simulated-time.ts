import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clocks } from '../../../src/domain/pace.ts';

/** Clocks that move only when a test says so. */
export class SimulatedTime implements Clocks {
  /** Milliseconds since the start. */
  now = 0;
  readonly #waits = new Set<{ readonly due: number; readonly end: () => void }>();

  readonly wall = () => this.now;
  readonly monotonic = () => this.now;
  readonly sleep = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const wait = { due: this.now + milliseconds, end: resolve };
      this.#waits.add(wait);
    });

  /** Lets time pass until nothing waits any more, or until a moment, in milliseconds since the start. */
  async pass(until = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await nextTurn();
      const [next] = [...this.#waits].sort((one, other) => one.due - other.due);
      if (!next || next.due > until) break;
      this.#waits.delete(next);
      this.now = Math.max(this.now, next.due);
      next.end();
    }
    if (until !== Number.POSITIVE_INFINITY) this.now = Math.max(this.now, until);
  }
}
