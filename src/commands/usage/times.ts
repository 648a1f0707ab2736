const minute = 60_000;

/** Returns a time as people read it, to the nearest minute: `2026-11-01 00:00 UTC`. @param time - epoch milliseconds */
export function utcMinute(time: number): string {
  return `${new Date(Math.round(time / minute) * minute).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
