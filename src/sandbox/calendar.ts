/** Milliseconds in an hour. */
export const hour = 3_600_000;

/** Milliseconds in a day. */
export const day = 24 * hour;

/**
 * The same UTC time of day some calendar months after a moment, on its day of the month or the month's last when it is shorter.
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

/** Epoch milliseconds as the API writes times: `2026-05-14T00:00:00.000Z`. */
export function timeText(moment: number): string {
  return new Date(moment).toISOString();
}
