import type { Position, RecordFile } from './record-file.ts';
import { type ChangeState, type Entry, entryOf, merged } from './record-line.ts';

const day = 24 * 3_600_000;

/** How far lines may be out of order in time, in milliseconds, because processes race and clocks are set back. */
export const slack = 3_600_000;

/** The most that {@link RecordTail.changesOfLastDay} reads, in lines and bytes. */
const mostLines = 2000;
const mostBytes = 4 * 1024 * 1024;

/** A change as read from the record. */
export interface ReadChange {
  readonly state: ChangeState;
  /** Sorts changes in the order of the record. */
  readonly place: number;
  /** Time of its latest line, in epoch milliseconds. */
  readonly latest: number;
}

/** The part of the record that was read. */
interface End {
  /** How far back it reaches, in epoch milliseconds. */
  readonly from: number;
  readonly position: Position;
  readonly changes: Map<string, ReadChange>;
  /** The place of the next line. */
  readonly place: number;
}

/**
 * The end of the record, read backward and kept in memory. Later calls read only what was appended, until the record is rotated.
 */
export class RecordTail {
  readonly #record: RecordFile;
  #end: End | undefined;

  constructor(record: RecordFile) {
    this.#record = record;
  }

  /**
   * Returns at least the changes with a line written since a moment.
   *
   * @param from - epoch milliseconds
   * @throws the error of the file system
   */
  changesFrom(from: number): ReadonlyMap<string, ReadChange> {
    const end = this.#end;
    const isRead = end !== undefined && end.from <= from;
    return (isRead && this.#readOn(end)) || this.#readBack(() => from);
  }

  /**
   * Returns the changes of the day before the last line, however long ago that is, because a machine may have been off. A record
   * with more than a few thousand lines in that day is read only so far.
   *
   * @param now - epoch milliseconds
   * @throws the error of the file system
   */
  changesOfLastDay(now: number): ReadonlyMap<string, ReadChange> {
    const end = this.#end;
    return (end && this.#readOn(end)) || this.#readBack((last) => Math.min(now, last) - day, true);
  }

  #readOn(end: End): ReadonlyMap<string, ReadChange> | undefined {
    const more = this.#record.linesAfter(end.position);
    if (!more) return undefined;
    const entries = entriesOf(more.lines);
    for (const [at, entry] of entries.entries()) addTo(end.changes, entry, end.place + at);
    this.#end = { ...end, position: more.position, place: end.place + entries.length };
    return end.changes;
  }

  /** @param fromOf - returns how far to read back, given the time of the last line */
  #readBack(fromOf: (last: number) => number, isLimited = false): ReadonlyMap<string, ReadChange> {
    // Lines appended from here on may be read twice, which changes nothing.
    const position = this.#record.end();
    const changes = new Map<string, ReadChange>();
    let from: number | undefined;
    let [place, bytes] = [0, 0];
    for (const lines of this.#record.chunks()) {
      const entries = entriesOf(lines).reverse();
      for (const entry of entries) addBefore(changes, entry, --place);
      bytes += lines.reduce((sum, line) => sum + line.length, 0);
      if (isLimited && (-place >= mostLines || bytes >= mostBytes)) break;
      if (entries.length === 0) continue;
      const last = Math.max(...entries.map(({ at }) => at));
      from ??= fromOf(last);
      if (last < from - slack) break;
    }
    this.#end = position && { from: from ?? fromOf(Number.POSITIVE_INFINITY), position, place: 1, changes };
    return changes;
  }
}

/** Parses lines; skips those that aren't ours. */
export function entriesOf(lines: readonly string[]): Entry[] {
  return lines.flatMap((line) => entryOf(line) ?? []);
}

/** Adds a line that follows the lines read so far. */
export function addTo(changes: Map<string, ReadChange>, { id, at, state }: Entry, place: number): void {
  const seen = changes.get(id);
  changes.set(id, {
    state: merged(seen?.state, state),
    place: seen?.place ?? place,
    latest: Math.max(seen?.latest ?? at, at),
  });
}

/** Adds a line that precedes the lines read so far. */
function addBefore(changes: Map<string, ReadChange>, { id, at, state }: Entry, place: number): void {
  const seen = changes.get(id);
  changes.set(id, { state: merged(state, seen?.state), place, latest: Math.max(seen?.latest ?? at, at) });
}
