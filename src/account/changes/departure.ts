import type { Context } from '../../context/context.ts';
import { asClause, CommandError, messageOf } from '../../domain/errors.ts';
import { type ClockTimes, timesOf } from '../../domain/pace.ts';
import type { ChangeLog } from '../../state/change-log.ts';

/** If a request leaves this long after it was recorded, in milliseconds, the record also gets the time it left. */
const noticeable = 1000;

/** How often to record when a request leaves. A record that takes longer each time is too slow. */
const mostAttempts = 5;

/** When the request of a recorded change leaves. The record has that time, to the second. */
export class Departure {
  readonly #clocks: Context['clocks'];
  readonly #history: ChangeLog;
  readonly #id: string;
  #recorded: ClockTimes;
  #left: ClockTimes;
  #attempts = 0;

  /**
   * @param id - of the change in the record
   * @param begun - a time before it was recorded
   */
  constructor({ clocks }: Pick<Context, 'clocks'>, history: ChangeLog, { id, begun }: DepartingChange) {
    this.#clocks = clocks;
    this.#history = history;
    this.#id = id;
    this.#recorded = begun;
    this.#left = begun;
  }

  /** When the request left last; when the change was begun, if it didn't leave yet. */
  get left(): ClockTimes {
    return this.#left;
  }

  /**
   * Call it right before the request leaves, and again once a promise that it returns has resolved.
   *
   * @throws CommandError if the request must not leave
   */
  readonly leave = (): Promise<void> | undefined => {
    const now = timesOf(this.#clocks);
    const isRecorded =
      Math.abs(now.wall - this.#recorded.wall) < noticeable && now.monotonic - this.#recorded.monotonic < noticeable;
    if (!isRecorded) return this.#record(now);
    this.#left = now;
    this.#attempts = 0;
    return undefined;
  };

  async #record(now: ClockTimes): Promise<void> {
    if (++this.#attempts > mostAttempts) throw this.#notRecorded('it takes too long');
    try {
      // If this process was stopped in the meantime, another process may have settled the change.
      const isOpen = (await this.#history.open()).some(({ id }) => id === this.#id);
      if (!isOpen) throw settledByAnother();
      await this.#history.sent(this.#id);
    } catch (error) {
      if (error instanceof CommandError && error.code !== 'file_error') throw error;
      throw this.#notRecorded(asClause(messageOf(error)), error);
    }
    this.#recorded = now;
  }

  #notRecorded(why: string, cause?: unknown): CommandError {
    return new CommandError('file_error', `Can't record the change in ${this.#history.place}: ${why}`, {
      hint: 'Nothing was sent.',
      outcome: 'not_applied',
      cause,
    });
  }
}

/** A recorded change that is about to be sent. */
interface DepartingChange {
  readonly id: string;
  readonly begun: ClockTimes;
}

function settledByAnother(): CommandError {
  return new CommandError('busy', 'Another ci process settled this change before its request was sent', {
    hint: 'Nothing was sent. Try again.',
    retryable: true,
    outcome: 'not_applied',
  });
}
