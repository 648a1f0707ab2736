import { durationInWords } from '../../domain/duration.ts';
import type { Clocks } from '../../domain/pace.ts';
import type { RecordedAccount, RecordedChange } from '../change-log.ts';
import type { State, StateLock, UndeliveredFile } from '../state.ts';
import type { UnsyncedChanges } from '../unsynced.ts';
import type { SharedWork, WorkShare } from '../work-share.ts';
import { sharedAccount } from './accounts.ts';
import type { StateDatabase } from './database.ts';
import { isLockHeld, releaseLock, type TakenLock, takeLock } from './locks.ts';
import { addRecorded } from './move.ts';
import { PostgresChangeLog } from './postgres-change-log.ts';
import type { PostgresRotations } from './postgres-rotations.ts';
import { PostgresWork } from './postgres-work.ts';
import { ServerClock } from './server-clock.ts';
import { leaseFor, Session } from './session.ts';
import { shareUndelivered } from './undelivered-files.ts';

/** What the state in a database depends on. */
export interface PostgresStateOptions {
  readonly database: StateDatabase;
  readonly clocks: Clocks;
  /** What this process does: `ci pools watch`. */
  readonly program: string;
  /** Returns the longest time that a request takes, in milliseconds. */
  readonly requestTime: () => number;
  /** Returns how long a request may take effect after it left, in milliseconds. */
  readonly settlingTime: () => number;
  readonly note: (message: string) => void;
  /** The changes of this machine that the database lacks. */
  readonly unsynced: UnsyncedChanges;
  /** Returns the changes that this machine has recorded in files, and that the next change may depend on. */
  readonly earlier: () => Promise<readonly RecordedChange[]>;
  /** Called when they were brought in. @param count - of them */
  readonly onSync: (count: number) => void;
}

/** The state in a PostgreSQL database, which several machines share. */
export class PostgresState implements State {
  readonly changes: PostgresChangeLog;
  readonly database: StateDatabase;
  readonly #options: PostgresStateOptions;
  readonly #serverClock: ServerClock;
  #session: Promise<Session> | undefined;
  #opened: Session | undefined;
  /** The numbers of the locks that this process has, in the order in which they were taken. */
  readonly #fences: string[] = [];
  #bringsEarlier: Promise<void> | undefined;
  #isQuarantineNoted = false;
  #rotations: PostgresRotations | undefined;
  #isKeptNoted = false;

  constructor(options: PostgresStateOptions) {
    const { database, clocks, unsynced, note } = options;
    this.#options = options;
    this.database = database;
    this.#serverClock = new ServerClock(clocks.wall);
    this.changes = new PostgresChangeLog({
      database,
      clocks,
      serverClock: this.#serverClock,
      session: () => this.#ready(),
      fence: () => this.#fences.at(-1),
      keep: (change) => {
        unsynced.keep(change);
        if (this.#isKeptNoted) return;
        this.#isKeptNoted = true;
        note(
          `Can't record the outcome in ${database.address.label}. It is kept in ${unsynced.folder}, and the next command brings it in.`,
        );
      },
      beforeReading: () => this.sync(),
    });
  }

  account(own: RecordedAccount, customer: () => Promise<string | undefined>): Promise<RecordedAccount> {
    return sharedAccount(this.#options.database, own, customer);
  }

  exclusively<Result>(lock: StateLock, work: () => Promise<Result>): Promise<Result> {
    return this.#withLock(lock, undefined, work);
  }

  share<Result>(lock: StateLock, work: SharedWork, part: (share: WorkShare) => Promise<Result>): Promise<Result> {
    return this.#withLock(lock, work, async (taken, session) => {
      const { database, clocks } = this.#options;
      return part(await PostgresWork.open({ database, clocks, session, lock: taken, work }));
    });
  }

  async #withLock<Result>(
    { name, patience }: StateLock,
    work: SharedWork | undefined,
    use: (taken: TakenLock, session: Session) => Promise<Result>,
  ): Promise<Result> {
    const { database, clocks, note, requestTime } = this.#options;
    const session = await this.#ready();
    const taken = await session.orLose(
      takeLock(database, clocks, session, {
        name,
        work: work?.id,
        // A holder that has died keeps the lock as long as its lease.
        patience: patience + leaseFor(requestTime()),
        onWait: (holder) => note(`Waiting for another ci process (${holder}) that is changing the same account…`),
      }),
    );
    this.#fences.push(taken.fence);
    try {
      return await use(taken, session);
    } finally {
      this.#fences.splice(this.#fences.indexOf(taken.fence), 1);
      await session.orLose(releaseLock(database, session, taken)).catch(() => {
        // The lock ends with the session.
      });
    }
  }

  /** Begins to open the session. Ignores a failure, which the first change reports. */
  prepare(): void {
    this.#current().catch(() => {});
  }

  /** Brings in the changes of this machine that the database lacks. @returns how many @throws CommandError */
  async sync(): Promise<number> {
    const { unsynced, onSync } = this.#options;
    if (unsynced.count === 0) return 0;
    const count = await unsynced.sync((changes) => this.changes.add(changes));
    if (count > 0) onSync(count);
    return count;
  }

  async rotations(): Promise<PostgresRotations> {
    const { PostgresRotations } = await import('./postgres-rotations.ts');
    const { database, clocks, unsynced } = this.#options;
    this.#rotations ??= new PostgresRotations({
      database,
      clocks,
      serverClock: this.#serverClock,
      session: () => this.#ready(),
      folder: unsynced.folder,
    });
    return this.#rotations;
  }

  /** How many changes of this machine the database lacks. */
  get unsyncedCount(): number {
    return this.#options.unsynced.count;
  }

  isLocked(name: string): Promise<boolean> {
    return isLockHeld(this.#options.database, name);
  }

  mayLeave(requestTime: number): Promise<void> | undefined {
    const session = this.#opened;
    // A change that isn't recorded needs no session.
    if (!session || session.outlives(requestTime)) return undefined;
    return session.renew();
  }

  shareUndelivered(files: readonly string[], account: string): Promise<readonly UndeliveredFile[]> {
    return shareUndelivered(this.#options.database, files, account);
  }

  async close(): Promise<void> {
    await this.#options.database.close(async () => this.#opened?.end());
  }

  /** Returns the session, once changes may be made. @throws CommandError */
  async #ready(): Promise<Session> {
    const session = await this.#current();
    await this.sync();
    this.#bringsEarlier ??= this.#bringEarlier();
    await this.#bringsEarlier;
    const { clocks, note } = this.#options;
    const left = session.quarantinedUntil - clocks.monotonic();
    if (left > 0) {
      if (!this.#isQuarantineNoted)
        note(
          `The state database has been replaced by another server, which may lack the latest changes. Waiting up to ${durationInWords(left)} until the account shows them.`,
        );
      this.#isQuarantineNoted = true;
      await clocks.sleep(left);
    }
    return session;
  }

  /** Brings in what this machine has recorded in files, for example before the database was set up. @throws CommandError */
  async #bringEarlier(): Promise<void> {
    try {
      const { database, clocks, earlier } = this.#options;
      const changes = await earlier();
      if (changes.length > 0) await addRecorded(database, clocks, changes);
    } catch (error) {
      this.#bringsEarlier = undefined;
      throw error;
    }
  }

  /** Returns the session; a new one if that was lost while this process had no lock. */
  async #current(): Promise<Session> {
    if (this.#opened?.lost && this.#fences.length > 0) throw this.#opened.lost;
    if (this.#opened?.lost) this.#session = undefined;
    const { database, clocks, program, requestTime, settlingTime } = this.#options;
    this.#session ??= Session.open(
      {
        database,
        clocks,
        serverClock: this.#serverClock,
        program,
        requestTime: requestTime(),
        previous: this.#opened?.id,
      },
      settlingTime(),
    );
    try {
      this.#opened = await this.#session;
    } catch (error) {
      // The next attempt may succeed.
      this.#session = undefined;
      throw error;
    }
    return this.#opened;
  }
}
