import type { ChangeLog, NewChange, RecordedChange, Settled } from '../change-log.ts';
import type { History } from './history.ts';

/** The record in files of this machine. */
export class FileChangeLog implements ChangeLog {
  readonly place: string;
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
    this.place = history.file;
  }

  begin(change: NewChange): Promise<string> {
    return this.#history.begin(change);
  }

  sent(id: string): Promise<void> {
    return this.#history.sent(id);
  }

  settle(id: string, settled: Settled): Promise<void> {
    return this.#history.settle(id, settled);
  }

  async open(): Promise<RecordedChange[]> {
    return this.#history.open();
  }

  async since(moment: number): Promise<RecordedChange[]> {
    return this.#history.since(moment);
  }

  async newest(limit: number, fits?: (change: RecordedChange) => boolean): Promise<RecordedChange[]> {
    return this.#history.newest(limit, fits);
  }

  async mark(): Promise<string | undefined> {
    return this.#history.mark();
  }
}
