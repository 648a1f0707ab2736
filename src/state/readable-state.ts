import { CommandError, messageOf } from '../domain/errors.ts';
import type { ChangeLog, NewChange, RecordedAccount, RecordedChange, Settled } from './change-log.ts';
import type { Rotation } from './rotation.ts';
import type { RotationStore, SharedRotation, SharedRotations } from './rotation-store.ts';
import type { State, StateLock, UndeliveredFile } from './state.ts';
import type { SharedWork, WorkShare } from './work-share.ts';

/** What a state depends on that can be read even if its database is away. */
interface ReadableStateOptions {
  /** The state in the database. */
  readonly shared: State;
  /** Returns the record of this machine. */
  readonly local: () => Promise<ChangeLog>;
  /** Returns the rotations of this machine. */
  readonly localRotations: () => Promise<RotationStore>;
  /** Whether this process is going to change something. */
  readonly isChanging: boolean;
  /** Called once, when the record of this machine is read instead. */
  readonly onFallback: (error: CommandError) => void;
}

/**
 * A state in a database. If it can't be used, the record of this machine is read instead. Nothing can be changed anymore then, because
 * that would be decided on what this machine knows. For the same reason, a process that changes something never reads that record.
 */
export class ReadableState implements State {
  readonly changes: ChangeLog;
  readonly #options: ReadableStateOptions;
  #failure: CommandError | undefined;
  #isChanging: boolean;

  constructor(options: ReadableStateOptions) {
    this.#options = options;
    this.#isChanging = options.isChanging;
    this.changes = new ReadableChangeLog(options.shared.changes, {
      read: (read) => this.#read(read),
      change: () => this.#change(),
    });
  }

  account(own: RecordedAccount, customer: () => Promise<string | undefined>): Promise<RecordedAccount> {
    const ask = () =>
      customer().catch((error: unknown) => {
        throw new CustomerUnknown(error);
      });
    return this.#readOr(
      () => this.#options.shared.account(own, ask),
      async () => own,
    ).catch((error: unknown) => {
      throw error instanceof CustomerUnknown ? error.cause : error;
    });
  }

  async exclusively<Result>(lock: StateLock, work: () => Promise<Result>): Promise<Result> {
    this.#change();
    return this.#options.shared.exclusively(lock, work);
  }

  async share<Result>(lock: StateLock, work: SharedWork, part: (share: WorkShare) => Promise<Result>): Promise<Result> {
    this.#change();
    return this.#options.shared.share(lock, work, part);
  }

  async rotations(): Promise<RotationStore> {
    const rotations = await this.#options.shared.rotations();
    const { shared } = rotations;
    const localOf = async (account: string) => (await this.#options.localRotations()).of(account);
    return {
      ...(shared && { shared: { ...shared, of: (account) => this.#sharedRotations(shared, account, localOf) } }),
      of: (account) =>
        this.#readOr(
          () => rotations.of(account),
          () => localOf(account),
        ),
      save: (rotation) => rotations.save(rotation),
      remove: (rotation) => rotations.remove(rotation),
    };
  }

  #sharedRotations(
    shared: SharedRotations,
    account: string,
    localOf: (account: string) => Promise<readonly Rotation[]>,
  ): Promise<readonly SharedRotation[]> {
    return this.#readOr(
      () => shared.of(account),
      async () =>
        (await localOf(account)).map((rotation) => ({ rotation, worker: undefined, state: 'free', host: undefined })),
    );
  }

  isLocked(name: string): Promise<boolean> {
    return this.#options.shared.isLocked(name);
  }

  mayLeave(requestTime: number): Promise<void> | undefined {
    this.#change();
    return this.#options.shared.mayLeave(requestTime);
  }

  async shareUndelivered(files: readonly string[], account: string): Promise<readonly UndeliveredFile[]> {
    return this.#failure ? [] : this.#options.shared.shareUndelivered(files, account);
  }

  close(): Promise<void> {
    return this.#options.shared.close();
  }

  async #read<Result>(read: (log: ChangeLog) => Promise<Result>): Promise<Result> {
    const { shared, local } = this.#options;
    return this.#readOr(
      () => read(shared.changes),
      async () => read(await local()),
    );
  }

  async #readOr<Result>(read: () => Promise<Result>, readLocal: () => Promise<Result>): Promise<Result> {
    try {
      if (!this.#failure) return await read();
    } catch (error) {
      if (this.#isChanging || !(error instanceof CommandError) || error.code === 'interrupted') throw error;
      this.#failure = error;
      this.#options.onFallback(error);
    }
    return readLocal();
  }

  #change(): void {
    if (this.#failure) throw this.#failure;
    this.#isChanging = true;
  }
}

/** Reports that the API didn't say who the customer is. The database isn't to blame, so its record is still read. */
class CustomerUnknown extends Error {
  override readonly name = 'CustomerUnknown';

  /** @param cause - the error of the API */
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** How to read a record, and what to call before it is changed. @throws CommandError if it can't be changed */
interface Access {
  readonly read: <Result>(read: (log: ChangeLog) => Promise<Result>) => Promise<Result>;
  readonly change: () => void;
}

class ReadableChangeLog implements ChangeLog {
  readonly place: string;
  readonly #log: ChangeLog;
  readonly #access: Access;

  constructor(log: ChangeLog, access: Access) {
    this.#log = log;
    this.#access = access;
    this.place = log.place;
  }

  async begin(change: NewChange): Promise<string> {
    this.#access.change();
    return this.#log.begin(change);
  }

  async sent(id: string): Promise<void> {
    this.#access.change();
    await this.#log.sent(id);
  }

  async settle(id: string, settled: Settled): Promise<void> {
    this.#access.change();
    await this.#log.settle(id, settled);
  }

  open(): Promise<RecordedChange[]> {
    return this.#access.read((log) => log.open());
  }

  since(moment: number): Promise<RecordedChange[]> {
    return this.#access.read((log) => log.since(moment));
  }

  newest(limit: number, fits?: (change: RecordedChange) => boolean): Promise<RecordedChange[]> {
    return this.#access.read((log) => log.newest(limit, fits));
  }

  mark(): Promise<string | undefined> {
    return this.#access.read((log) => log.mark());
  }
}
