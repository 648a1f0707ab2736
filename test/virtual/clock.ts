import { vi } from 'vitest';

/** The owner of timers: a process that can be stopped or killed together with its timers. */
export interface TimerOwner {
  /** Runs the callback of a timer that is due: now, once the process continues, or never. */
  runTimer(callback: () => void): void;
}

interface Timer {
  readonly owner: TimerOwner | undefined;
  readonly handle: NodeJS.Timeout;
  cleared: boolean;
}

type Callback = (...args: unknown[]) => void;

/**
 * A clock that moves only when requested: `Date`, `performance.now` and the global timers of this process. Node.js itself,
 * its HTTP above all, keeps real timers, and so do `setImmediate` and `process.nextTick`.
 */
export class VirtualClock {
  readonly #owner: () => TimerOwner | undefined;
  readonly #timers = new Map<unknown, Timer>();

  /** @param owner - returns the owner of a timer that is set now; undefined for the test itself */
  constructor(owner: () => TimerOwner | undefined) {
    this.#owner = owner;
  }

  /** Replaces the real clock. @param now - the time to start at, epoch milliseconds; by default the real time */
  install(now = Date.now()): void {
    vi.useFakeTimers({
      now,
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    });
    const { setTimeout, setInterval, clearTimeout } = globalThis;
    vi.stubGlobal('setTimeout', this.#setter(setTimeout, false));
    vi.stubGlobal('setInterval', this.#setter(setInterval, true));
    const clear = (handle: unknown) => {
      const timer = this.#timers.get(handle);
      if (!timer) return;
      timer.cleared = true;
      this.#timers.delete(handle);
      clearTimeout(timer.handle);
    };
    vi.stubGlobal('clearTimeout', clear);
    vi.stubGlobal('clearInterval', clear);
  }

  /** Restores the real clock. Timers that are still set never fire. */
  uninstall(): void {
    vi.unstubAllGlobals();
    vi.clearAllTimers();
    vi.useRealTimers();
    this.#timers.clear();
  }

  /** Moves to the next timer and fires only that one. @returns false if none is set */
  advance(): boolean {
    if (vi.getTimerCount() === 0) return false;
    vi.advanceTimersToNextTimer();
    return true;
  }

  /** Whether the owner waits for a timer. Unreferenced timers in the background don't count. */
  hasTimer(owner: TimerOwner): boolean {
    for (const timer of this.#timers.values()) if (timer.owner === owner && timer.handle.hasRef()) return true;
    return false;
  }

  #setter(set: (callback: () => void, delay?: number) => NodeJS.Timeout, repeats: boolean) {
    return (callback: Callback, delay?: number, ...args: unknown[]): NodeJS.Timeout => {
      const owner = this.#owner();
      const run = () => {
        if (timer.cleared) return;
        if (!repeats) this.#timers.delete(timer.handle);
        callback(...args);
      };
      const handle = set(() => (owner ? owner.runTimer(run) : run()), delay);
      const timer: Timer = { owner, handle, cleared: false };
      this.#timers.set(handle, timer);
      return handle;
    };
  }
}
