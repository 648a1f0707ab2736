/** Milliseconds in an hour. */
export const hour = 3_600_000;

/** Milliseconds in a day. */
export const day = 24 * hour;

/**
 * Returns the same UTC time some calendar months later, on the same day of the month or the last day of a shorter month.
 *
 * @param anchor - epoch milliseconds
 */
export function addMonths(anchor: number, months: number): number {
  const from = new Date(anchor);
  const year = from.getUTCFullYear();
  const month = from.getUTCMonth() + months;
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(from.getUTCDate(), lastDay)) + (((anchor % day) + day) % day);
}

/** Formats a time like the API: `2026-05-14T00:00:00.000Z`. @param moment - epoch milliseconds */
export function timeText(moment: number): string {
  return new Date(moment).toISOString();
}
