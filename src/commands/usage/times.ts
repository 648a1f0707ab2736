/** Returns a time as people read it: `2026-11-01 00:00 UTC`. @param time - epoch milliseconds */
export function utcMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
