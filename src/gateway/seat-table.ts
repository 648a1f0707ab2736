import { activeHours, hoursInWords } from '../domain/coverage.ts';
import type { Style } from '../output/style.ts';
import type { DrawnColumn } from '../output/table.ts';
import { timeOfDay } from '../output/time.ts';

/** A seat in a table, as it is shown. */
interface SeatRow {
  readonly pool: string;
  readonly key: string;
  readonly hours: readonly number[] | null | undefined;
  readonly state: string;
  readonly client: string;
}

/** Returns the columns that show seats on a terminal. */
export function seatColumns(rows: readonly SeatRow[], { dim }: Style): DrawnColumn[] {
  const cells = (of: (row: SeatRow) => string) => rows.map(of);
  return [
    { header: dim('POOL'), cells: cells(({ pool }) => pool) },
    { header: dim('KEY'), cells: cells(({ key }) => key), optional: 2 },
    {
      header: dim('HOURS'),
      cells: cells(({ hours }) => (hours ? hoursInWords(activeHours(hours)) : '')),
      optional: 3,
    },
    { header: dim('STATE'), cells: cells(({ state }) => state) },
    { header: dim('CLIENT'), cells: cells(({ client }) => client), optional: 1 },
  ];
}

/** Returns the state of a seat outside its hours: when they start, if that is known. @param timeZone - of the user */
export function openingText(opensAt: Date | undefined, timeZone: string): string {
  return opensAt === undefined ? 'outside hours' : `from ${timeOfDay(opensAt, timeZone)}`;
}
