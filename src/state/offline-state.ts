import { CommandError, messageOf } from '../domain/errors.ts';
import type { Clocks } from '../domain/pace.ts';
import {
  type ChangeLog,
  isOpen,
  type NewChange,
  type RecordedAccount,
  type RecordedChange,
  replacesOutcome,
  type Settled,
} from './change-log.ts';
import { thisProcess } from './process.ts';
import type { RotationStore } from './rotation-store.ts';
import type { State, StateLock, UndeliveredFile } from './state.ts';
import type { UnsyncedChanges } from './unsynced.ts';
import type { SharedWork, WorkShare } from './work-share.ts';

/** What the state of a machine without its database depends on. */
interface OfflineStateOptions {
  /** The state of this machine. */
  readonly files: State;
  readonly unsynced: UnsyncedChanges;
  readonly clocks: Clocks;
  /** Called once, before anything is changed. */
  readonly onChange: () => void;
}

/** The state of this machine, used while its state database can't be reached. Its changes are brought into the database later. */
export class OfflineState implements State {
  readonly changes: ChangeLog;
  readonly #options: OfflineStateOptions;
  #isNoted = false;

  constructor(options: OfflineStateOptions) {
    this.#options = options;
    this.changes = new OfflineChangeLog(options, () => this.#note());
  }

  async account(own: RecordedAccount): Promise<RecordedAccount> {
    return own;
  }

  exclusively<Result>(lock: StateLock, work: () => Promise<Result>): Promise<Result> {
    this.#note();
    return this.#options.files.exclusively(lock, work);
  }

  share<Result>(lock: StateLock, work: SharedWork, part: (share: WorkShare) => Promise<Result>): Promise<Result> {
    this.#note();
    return this.#options.files.share(lock, work, part);
  }

  rotations(): Promise<RotationStore> {
    return this.#options.files.rotations();
  }

  isLocked(name: string): Promise<boolean> {
    return this.#options.files.isLocked(name);
  }

  mayLeave(requestTime: number): Promise<void> | undefined {
    return this.#options.files.mayLeave(requestTime);
  }

  shareUndelivered(files: readonly string[], account: string): Promise<readonly UndeliveredFile[]> {
    return this.#options.files.shareUndelivered(files, account);
  }

  close(): Promise<void> {
    return this.#options.files.close();
  }

  #note(): void {
    if (!this.#isNoted) this.#options.onChange();
    this.#isNoted = true;
  }
}

/** How much earlier the record of this machine may have a change than what is kept of it for the database, in milliseconds. */
const longestDelay = 24 * 3_600_000;

/**
 * The record of this machine, whose changes are also kept for the database. It has the changes, too, whose outcomes this machine couldn't
 * record there: one of them may still go through.
 */
class OfflineChangeLog implements ChangeLog {
  readonly place: string;
  readonly #log: ChangeLog;
  readonly #options: OfflineStateOptions;
  readonly #onChange: () => void;
  #keptIds: Promise<ReadonlySet<string>> | undefined;

  constructor(options: OfflineStateOptions, onChange: () => void) {
    this.#options = options;
    this.#log = options.files.changes;
    this.#onChange = onChange;
    this.place = this.#log.place;
  }

  async begin(change: NewChange): Promise<string> {
    this.#onChange();
    const id = await this.#log.begin(change);
    const { unsynced } = this.#options;
    try {
      unsynced.keep({ id, at: this.#now(), process: thisProcess(), ...change });
    } catch (error) {
      await this.#log.settle(id, { outcome: 'not_applied', by: 'answer', ids: [], code: 'file_error' });
      if (error instanceof CommandError) throw error;
      throw new CommandError('file_error', `Can't record the change in ${unsynced.folder}: ${messageOf(error)}`, {
        hint: 'Nothing was sent. Free up disk space, or set XDG_STATE_HOME to a directory that you can write to.',
        outcome: 'not_applied',
        cause: error,
      });
    }
    return id;
  }

  async sent(id: string): Promise<void> {
    const kept = await this.#keptChange(id);
    if (kept) return this.#options.unsynced.keep({ ...kept, sentAt: this.#now() });
    await this.#log.sent(id);
    const change = await this.#openChange(id);
    if (change) this.#options.unsynced.keep(change);
  }

  async settle(id: string, settled: Settled): Promise<void> {
    const kept = await this.#keptChange(id);
    if (kept) return this.#settleKept(kept, settled);
    const change = await this.#openChange(id);
    await this.#log.settle(id, settled);
    this.#keepSettled(change, settled);
  }

  async open(): Promise<RecordedChange[]> {
    return inOrder(await this.#log.open(), (await this.#kept()).filter(isOpen));
  }

  async since(moment: number): Promise<RecordedChange[]> {
    const isLater = ({ at, sentAt, settled }: RecordedChange) =>
      [at, sentAt, settled?.at].some((time) => time !== undefined && Date.parse(time) >= moment);
    return inOrder(await this.#log.since(moment), (await this.#kept()).filter(isLater));
  }

  async newest(limit: number, fits: (change: RecordedChange) => boolean = () => true): Promise<RecordedChange[]> {
    const all = inOrder(await this.#log.newest(limit, fits), (await this.#kept()).filter(fits));
    return all.slice(Math.max(0, all.length - limit));
  }

  mark(): Promise<string | undefined> {
    return this.#log.mark();
  }

  async #openChange(id: string): Promise<RecordedChange | undefined> {
    return (await this.#log.open()).find((each) => each.id === id);
  }

  /** Returns the changes that were kept for the database when this process began, and that the record of this machine doesn't have. */
  async #kept(): Promise<RecordedChange[]> {
    this.#keptIds ??= this.#findKept();
    return [...(await this.#keptIds)].flatMap((id) => this.#options.unsynced.get(id) ?? []);
  }

  async #findKept(): Promise<ReadonlySet<string>> {
    const kept = this.#options.unsynced.all();
    if (kept.length === 0) return new Set();
    const first = Math.min(...kept.map(({ at }) => Date.parse(at)));
    const known = new Set((await this.#log.since(first - longestDelay)).map(({ id }) => id));
    return new Set(kept.map(({ id }) => id).filter((id) => !known.has(id)));
  }

  async #keptChange(id: string): Promise<RecordedChange | undefined> {
    this.#keptIds ??= this.#findKept();
    return (await this.#keptIds).has(id) ? this.#options.unsynced.get(id) : undefined;
  }

  #settleKept(change: RecordedChange, settled: Settled): void {
    if (!change.settled || replacesOutcome(settled, change.settled)) this.#keepSettled(change, settled);
  }

  #now(): string {
    return new Date(this.#options.clocks.wall()).toISOString();
  }

  #keepSettled(change: RecordedChange | undefined, settled: Settled): void {
    if (!change) return;
    this.#options.unsynced.keep({ ...change, settled: { ...settled, at: this.#now() } });
  }
}

/** Returns the changes of two records, oldest first. */
function inOrder(some: readonly RecordedChange[], others: readonly RecordedChange[]): RecordedChange[] {
  if (others.length === 0) return [...some];
  return [...others, ...some].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}
