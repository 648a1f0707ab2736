import type { Outcome } from '../domain/errors.ts';
import type { Before, Intent } from '../domain/reconcile.ts';
import { isRunning, type ProcessId } from './process.ts';

/** The account on which a change was made. */
export interface RecordedAccount {
  /** A hash that identifies the account. */
  readonly id: string;
  /** The account for people, with the key masked. */
  readonly label: string;
}

/** The outcome of a change. */
export interface Settled {
  readonly outcome: Outcome;
  /** How the outcome was found: from the response, from the account, or from the account by a later command, before the user saw it. */
  readonly by: 'answer' | 'look' | 'later';
  /** The ids of what was created or changed. */
  readonly ids: readonly string[];
  /** The error code, if there was an error. */
  readonly code?: string | undefined;
  /** The charge in USD, if the response named another amount than was agreed. */
  readonly charge?: number | undefined;
}

/** A change as recorded: what was requested, on which account, and the outcome. */
export interface RecordedChange {
  readonly id: string;
  /** RFC 3339, by this machine's clock. */
  readonly at: string;
  /** RFC 3339; when the request left, if that was noticeably later than {@link at}. The settling time starts here. */
  readonly sentAt?: string | undefined;
  readonly intent: Intent;
  readonly before: Before;
  readonly account: RecordedAccount;
  readonly process: ProcessId;
  /** The user and the machine that made the change. Absent for changes in files, which are this machine's. */
  readonly by?: string;
  /** Whether its process is running. Absent for changes in files: the operating system says it. */
  readonly isRunning?: boolean;
  /** Whether `before` is incomplete: it was too large for the record, and the file of the open change no longer exists. */
  readonly lacksBefore?: boolean;
  /** Absent while its process is working, and if that was killed. */
  readonly settled?: (Settled & { readonly at: string }) | undefined;
}

/** A change that is about to be sent. */
export type NewChange = Pick<RecordedChange, 'intent' | 'before' | 'account'>;

/** The record of changes. A change is recorded durably before its request leaves, and its outcome afterward. */
export interface ChangeLog {
  /** Where it is, for messages: a path, or a database without its password. */
  readonly place: string;

  /**
   * Records a change before its request leaves, together with others that begin meanwhile.
   *
   * @returns the id of the change in the record
   * @throws CommandError if it can't be recorded
   */
  begin(change: NewChange): Promise<string>;

  /**
   * Records that the request of a change leaves only now, or leaves again. The settling time starts here.
   *
   * @throws Error if that can't be recorded; then nothing may be sent
   */
  sent(id: string): Promise<void>;

  /**
   * Records the outcome of a change, together with others that are recorded meanwhile. An unknown outcome keeps the change open until
   * another one replaces it.
   *
   * @throws Error if that can't be recorded
   */
  settle(id: string, settled: Settled): Promise<void>;

  /**
   * Returns the changes without a final outcome, oldest first, each with the whole of `before`.
   *
   * @throws CommandError if the record can't be read
   */
  open(): Promise<RecordedChange[]>;

  /**
   * Returns the changes begun, sent or settled since a moment, oldest first.
   *
   * @param moment - epoch milliseconds by this machine's clock
   * @throws CommandError if the record can't be read
   */
  since(moment: number): Promise<RecordedChange[]>;

  /**
   * Returns the newest changes, oldest first.
   *
   * @param limit - maximum number of changes
   * @param fits - selects changes; all of them by default
   * @throws CommandError if the record can't be read
   */
  newest(limit: number, fits?: (change: RecordedChange) => boolean): Promise<RecordedChange[]>;

  /** Returns a value that differs once any process records something; undefined while there is no record. @throws CommandError */
  mark(): Promise<string | undefined>;
}

/**
 * Returns whether an outcome replaces an earlier one. An unknown outcome doesn't replace a final one, and nothing replaces `applied`: of
 * two processes that look for the same change, one may find it and the other not.
 */
export function replacesOutcome(later: Settled, earlier: Settled): boolean {
  if (earlier.outcome === 'applied') return later.outcome === 'applied';
  return later.outcome !== 'unknown' || earlier.outcome === 'unknown';
}

/** Returns whether a process is working on a change. */
export function isUnderWay(change: RecordedChange): boolean {
  return change.settled === undefined && isAlive(change) === true;
}

/** Returns whether a change has no recorded outcome although its process has ended. */
export function isAbandoned(change: RecordedChange): boolean {
  return change.settled === undefined && isAlive(change) !== true;
}

function isAlive({ isRunning: known, process }: RecordedChange): boolean | undefined {
  return known ?? isRunning(process);
}

/**
 * Returns whether the outcome of a change is still to be found. That of a raw request can't be, so once it is recorded as unknown,
 * it stays unknown.
 */
export function isOpen(change: RecordedChange): boolean {
  const { settled, intent } = change;
  return (settled?.outcome === 'unknown' && intent.action !== 'api') || isAbandoned(change);
}

/** Returns the changes whose outcome is still to be found, oldest first. @throws CommandError if the record can't be read */
export async function changesToFind(log: Pick<ChangeLog, 'open'>): Promise<RecordedChange[]> {
  const seen = new Set((await log.open()).filter(isOpen).map(({ id }) => id));
  if (seen.size === 0) return [];
  // A process may have recorded the outcome and ended since the record was read.
  return (await log.open()).filter((change) => seen.has(change.id) && isOpen(change));
}
