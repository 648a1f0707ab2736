/** True for a session that still holds what it has taken. */
export const isAlive = 'ended_at is null and expires_at > clock_timestamp()';

/** True for a change without a final outcome. That of a raw request can't be found, so it stays unknown. */
export const isOpen = "(outcome is null or (outcome = 'unknown' and action <> 'api'))";

/**
 * Returns an expression that is true if all sessions that have a lock are known to have ended.
 *
 * @param lock - the name that the statement has for the row of the lock
 */
export function isFree(schema: string, lock: string): string {
  return `not exists (
    select from unnest(${lock}.sessions) as holder
    where not exists (select from ${schema}.sessions where sessions.id = holder and ended_at is not null))`;
}

/** Returns an expression for a time in epoch milliseconds. */
export function milliseconds(time: string): string {
  return `extract(epoch from ${time})::float8 * 1000`;
}
