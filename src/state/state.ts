import type { ChangeLog, RecordedAccount } from './change-log.ts';
import type { RotationStore } from './rotation-store.ts';
import type { SharedWork, WorkShare } from './work-share.ts';

/** A lock on something that one process at a time may do. */
export interface StateLock {
  /** Names what is locked. Contains only characters of a file name. */
  readonly name: string;
  /** How long to wait for another process, in milliseconds. */
  readonly patience: number;
}

/** A file with secrets that weren't delivered, on another machine. The secrets are only there. */
export interface UndeliveredFile {
  readonly host: string;
  readonly user: string;
  readonly file: string;
}

/** What all processes that change an account share: the record of changes, and locks. In files of this machine, or in a database. */
export interface State {
  /** The record of changes. */
  readonly changes: ChangeLog;

  /**
   * Returns the account as the record identifies it.
   *
   * @param own - the account as identified by its management key alone
   * @param customer - asks the API what identifies the customer, as a hash; undefined if it doesn't say
   * @throws CommandError
   */
  account(own: RecordedAccount, customer: () => Promise<string | undefined>): Promise<RecordedAccount>;

  /**
   * Does something while no other process has the lock.
   *
   * @throws CommandError (busy) if another process keeps the lock for longer than the patience; (file_error) or (state_unreachable) if
   *   it can't be taken
   */
  exclusively<Result>(lock: StateLock, work: () => Promise<Result>): Promise<Result>;

  /**
   * Does a part of work while no process has the lock for anything else. Processes that have the same work at the same time share it, if
   * the state is shared by several machines; otherwise one after the other does it.
   *
   * @throws CommandError as {@link exclusively}
   */
  share<Result>(lock: StateLock, work: SharedWork, part: (share: WorkShare) => Promise<Result>): Promise<Result>;

  /** Opens the rotations of keys that aren't finished. */
  rotations(): Promise<RotationStore>;

  /** Returns whether any process has a lock. @throws CommandError (state_unreachable) */
  isLocked(name: string): Promise<boolean>;

  /**
   * Checks whether the request of a change may leave at this instant. It may only while nobody else can take over the locks of this
   * process before the request has ended.
   *
   * @param requestTime - the longest time that the request takes, in milliseconds
   * @returns undefined if it may; a promise if that takes a while, after which the caller asks again
   * @throws CommandError (busy) if this process has lost its locks; (state_unreachable) if it can't keep them
   */
  mayLeave(requestTime: number): Promise<void> | undefined;

  /**
   * Tells the other machines which files with undelivered secrets are on this one: adds new ones, and removes those that no longer exist.
   *
   * @param files - those that were found
   * @param account - whose secrets they are, for people; empty if that isn't known
   * @returns the files of other machines; none if the state isn't shared
   * @throws CommandError (state_unreachable)
   */
  shareUndelivered(files: readonly string[], account: string): Promise<readonly UndeliveredFile[]>;

  /** Ends the work of this process. */
  close(): Promise<void>;
}
