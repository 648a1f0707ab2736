import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Environment } from '../../domain/environment.ts';
import { asClause, CommandError, messageOf } from '../../domain/errors.ts';
import { isOpen, type NewChange, type RecordedChange, type Settled } from '../change-log.ts';
import { makeFolder } from '../folder.ts';
import { thisProcess } from '../process.ts';
import { OpenChanges } from './open-changes.ts';
import { RecordFile } from './record-file.ts';
import {
  type Begun,
  beginLine,
  type ChangeState,
  changeOf,
  isFinal,
  laterLine,
  merged,
  textOf,
  wholeText,
} from './record-line.ts';
import { addTo, entriesOf, type ReadChange, RecordTail, slack } from './record-tail.ts';

/**
 * The record of changes. A change is recorded and synced to disk before its request leaves, and its outcome afterward.
 *
 * There are two places. The record proper is an append-only file of JSON lines. Each change without a final outcome also has a file
 * of its own in the directory `open`, which holds the change in full. The two can disagree after a crash:
 * - `begin` writes the change's file, then the line. Nothing is sent before both are written, so a change in only one of them was
 *   never sent. It still counts as open, and the next check of the account settles it.
 * - `settle` writes the line, then removes the file. A final outcome in the record therefore overrides a file that is left.
 * - A power failure can lose whatever wasn't synced. The line always is; the file only if the line doesn't hold the whole change.
 *   Therefore `open` also searches the last day of the record for open changes without a file, and restores their files. This also
 *   finds open changes of version 0.1, which kept no such files.
 */
export class History {
  readonly file: string;
  readonly #folder: string;
  readonly #env: Environment;
  readonly #now: () => number;
  readonly #record: RecordFile;
  readonly #open: OpenChanges;
  /** Changes begun by this process, until their outcome is final. */
  readonly #started = new Map<string, Begun>();
  /** The part of the record that {@link since} has read. */
  readonly #recent: RecordTail;
  /** The part that {@link open} has read, at most a few MiB. */
  readonly #lastDay: RecordTail;
  #hasRestored = false;

  /** @param now - returns the time of this machine's clock, in epoch milliseconds */
  constructor(folder: string, env: Environment, now: () => number) {
    this.#folder = folder;
    this.#env = env;
    this.#record = new RecordFile(folder, env);
    this.#open = new OpenChanges(path.join(folder, 'open'), env);
    this.#recent = new RecordTail(this.#record);
    this.#lastDay = new RecordTail(this.#record);
    this.file = this.#record.file;
    this.#now = now;
  }

  /**
   * Records a change before its request leaves.
   *
   * @returns the id of the change in the record
   * @throws CommandError (file_error) if it can't be recorded
   */
  async begin(change: NewChange): Promise<string> {
    const begun = this.#begun(change);
    const { id } = begun;
    try {
      const text = this.#addOpen(begun);
      try {
        await this.#record.append(text);
      } catch (error) {
        this.#open.remove(id);
        throw error;
      }
    } catch (error) {
      throw this.#notRecorded(error);
    }
    this.#started.set(id, begun);
    return id;
  }

  /**
   * Records that the request of a change leaves only now, or leaves again. The settling time starts here.
   *
   * @throws the error of the file system
   */
  async sent(id: string): Promise<void> {
    const event = { id, at: this.#time(), sent: true } as const;
    const begun = this.#begunOf(id);
    await this.#record.append(laterLine(event, this.#ifLongAgo(begun)));
    this.#open.note(id, laterLine(event));
  }

  /**
   * Records the outcome of a change. An unknown outcome keeps the change open until another one replaces it.
   *
   * @throws the error of the file system
   */
  async settle(id: string, settled: Settled): Promise<void> {
    const event = { id, at: this.#time(), ...settled };
    const begun = this.#begunOf(id);
    await this.#record.append(laterLine(event, this.#ifLongAgo(begun)));
    if (isToBeFound(begun, { settled: event })) {
      this.#open.note(id, laterLine(event));
    } else {
      this.#open.remove(id);
      this.#started.delete(id);
    }
  }

  /**
   * Returns the changes without a final outcome, oldest first, each with the whole of `before`. The cost doesn't depend on the size
   * of the record: it lists one directory and, unless that is empty, reads the end of the record.
   *
   * @throws CommandError (file_error) if the record can't be read
   */
  open(): RecordedChange[] {
    return this.#reading(() => this.#openChanges());
  }

  /**
   * Returns the changes begun, sent or settled since a moment, oldest first. Reads the record backward, as far as that moment. A
   * repeated call reads only what was appended since.
   *
   * @param moment - epoch milliseconds
   * @throws CommandError (file_error) if the record can't be read
   */
  since(moment: number): RecordedChange[] {
    return this.#reading(() =>
      [...this.#recent.changesFrom(moment).values()]
        .filter(({ latest }) => latest >= moment)
        .sort((one, other) => one.place - other.place)
        .flatMap(({ state }) => this.#changeOf(state)),
    );
  }

  /**
   * Returns the newest changes, oldest first. Reads the record backward, and only as far as necessary.
   *
   * @param limit - maximum number of changes
   * @param fits - selects changes; all of them by default
   * @throws CommandError (file_error) if the record can't be read
   */
  newest(limit: number, fits: (change: RecordedChange) => boolean = () => true): RecordedChange[] {
    return this.#reading(() => {
      const later = new Map<string, ChangeState>();
      const read = new Set<string>();
      const changes: RecordedChange[] = [];
      for (const lines of limit > 0 ? this.#record.chunks() : []) {
        for (const { id, isFirst, state } of entriesOf(lines).reverse()) {
          const all = merged(state, later.get(id));
          later.set(id, all);
          if (!isFirst || read.has(id)) continue;
          later.delete(id);
          read.add(id);
          changes.push(...this.#changeOf(all).filter(fits));
          if (changes.length >= limit) return changes.reverse();
        }
      }
      return changes.reverse();
    });
  }

  /** Returns a value that differs once any process records something; undefined while there is no record. */
  mark(): string | undefined {
    const stats = this.#record.stats();
    return stats && `${stats.ino} ${stats.size}`;
  }

  #begun(change: NewChange): Begun {
    return { id: randomBytes(6).toString('hex'), at: this.#time(), process: thisProcess(), ...change };
  }

  /** Makes room for a change, and writes its file. @returns its line in the record @throws the error of the file system */
  #addOpen(begun: Begun): string {
    makeFolder(this.#folder, this.#env);
    this.#restoreFiles();
    if (this.#record.rotate(this.#now())) this.#removeOutdated();
    const whole = wholeText(begun);
    const { text, isCut } = beginLine(whole);
    this.#open.add(begun.id, whole, isCut);
    return text;
  }

  #notRecorded(error: unknown): CommandError {
    const reason = asClause(messageOf(error));
    const fix = error instanceof CommandError ? error.hint : undefined;
    const where = fix === undefined ? ` in ${this.file}` : '';
    return new CommandError('file_error', `Can't record the change${where}: ${reason}`, {
      hint: `Nothing was sent. ${fix ?? 'Free up disk space, or set XDG_STATE_HOME to a directory that you can write to.'}`,
      outcome: 'not_applied',
      cause: error,
    });
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }

  #reading<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError('file_error', `Can't read ${this.file}: ${messageOf(error)}`, { cause: error });
    }
  }

  #openChanges(): RecordedChange[] {
    const ids = this.#open.ids();
    if (ids.length === 0 && !this.#isRecordNewer()) return [];
    const files = new Map(ids.map((id) => [id, this.#open.read(id)]));
    // The record is read after the directory, so that it has the outcome of a change that is settled in between.
    const recorded = this.#lastDay.changesOfLastDay(this.#now());
    const changes: RecordedChange[] = [];
    for (const [id, file] of files) {
      if (!file?.begun) continue;
      const state = merged(file, recorded.get(id)?.state);
      if (isFinal(state)) this.#open.remove(id);
      else changes.push(changeOf(file.begun, state));
    }
    changes.push(...this.#withoutFile(recorded, (id) => files.get(id) !== undefined));
    for (const [id, file] of files) if (!file) this.#open.removeAbandoned(id);
    const placeOf = ({ id }: RecordedChange) => recorded.get(id)?.place ?? 0;
    return changes.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || placeOf(a) - placeOf(b));
  }

  #begunOf(id: string): Begun | undefined {
    return this.#started.get(id) ?? this.#open.read(id)?.begun;
  }

  /** Returns the change if {@link since} may not read back to its first line; its later lines then repeat it. */
  #ifLongAgo(begun: Begun | undefined): Begun | undefined {
    return begun && Math.abs(this.#now() - Date.parse(begun.at)) >= slack ? begun : undefined;
  }

  /**
   * Returns whether the record was written after the directory of open changes. It never is when all changes are settled, because `settle`
   * removes the file last, unless version 0.1 wrote to it or the directory was deleted.
   */
  #isRecordNewer(): boolean {
    const recorded = this.#record.stats()?.mtimeMs;
    return recorded !== undefined && recorded > (this.#open.changedAt() ?? 0);
  }

  #changeOf(state: ChangeState): RecordedChange[] {
    const { begun, isCut } = state;
    if (!begun) return [];
    const whole = isCut && !isFinal(state) ? this.#open.read(begun.id)?.begun : undefined;
    return [changeOf(whole ?? begun, state)];
  }

  /** Restores missing files of open changes before new lines push those changes out of the last day of the record. */
  #restoreFiles(): void {
    if (this.#hasRestored || !this.#isRecordNewer()) return;
    const ids = new Set(this.#open.ids());
    this.#withoutFile(this.#lastDay.changesOfLastDay(this.#now()), (id) => ids.has(id));
    this.#hasRestored = true;
  }

  /** Returns the open changes without a file, and restores the files of those whose process has ended. */
  #withoutFile(recorded: ReadonlyMap<string, ReadChange>, hasFile: (id: string) => boolean): RecordedChange[] {
    const changes: RecordedChange[] = [];
    for (const [id, { state }] of recorded) {
      if (!state.begun || isFinal(state) || hasFile(id)) continue;
      const change = changeOf(state.begun, state);
      changes.push(change);
      if (isOpen(change)) this.#tryToRestore(state.begun, state);
    }
    return changes;
  }

  #tryToRestore(begun: Begun, state: ChangeState): void {
    try {
      this.#restore(begun, state);
    } catch {
      // Another process restored it, or it can't be written. The record still has the change.
    }
  }

  #restore(begun: Begun, state: ChangeState): void {
    // A power failure can leave an empty file.
    if (!this.#open.read(begun.id)) this.#open.remove(begun.id);
    this.#open.add(begun.id, textOf(begun, state), true);
  }

  /** Removes outdated files of the record. An open change that only such a file holds gets a file of its own first. */
  #removeOutdated(): void {
    for (const file of this.#record.outdated()) {
      try {
        for (const state of this.#openOnlyIn(file)) if (state.begun) this.#restore(state.begun, state);
        this.#record.remove(file);
      } catch {
        // The next rotation tries again.
      }
    }
  }

  #openOnlyIn(file: string): ChangeState[] {
    const changes = new Map<string, ReadChange>();
    for (const line of this.#record.lines(file)) {
      // One by one, and without those that are settled: a file has thousands.
      for (const entry of entriesOf([line])) {
        addTo(changes, entry, 0);
        if (isFinal(changes.get(entry.id)?.state ?? {})) changes.delete(entry.id);
      }
    }
    const open = () => [...changes.values()].filter(({ state }) => this.#lacksFile(state));
    const files = this.#record.rotated();
    for (const newer of files.slice(files.indexOf(file) + 1)) {
      if (open().length === 0) break;
      for (const line of this.#record.lines(newer)) {
        for (const entry of entriesOf([line])) if (changes.has(entry.id)) addTo(changes, entry, 0);
      }
    }
    return open().map(({ state }) => state);
  }

  #lacksFile(state: ChangeState): boolean {
    const { begun } = state;
    return begun !== undefined && isToBeFound(begun, state) && !this.#open.read(begun.id);
  }
}

/** Returns whether the outcome of a change can still be determined. That of a raw request can't: ci doesn't know what it changes. */
function isToBeFound(begun: Pick<RecordedChange, 'intent'> | undefined, state: ChangeState): boolean {
  return !isFinal(state) && !(begun?.intent.action === 'api' && state.settled);
}
