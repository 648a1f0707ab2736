import type { Key } from '../../api/keys.ts';

/** Returns how long ago a key was created, in milliseconds; undefined if the API doesn't say. @param now - the time of the API's clock */
export function ageOf({ createdAt }: Pick<Key, 'createdAt'>, now: Date): number | undefined {
  const age = now.getTime() - Date.parse(createdAt ?? '');
  return Number.isNaN(age) ? undefined : age;
}

/** Some keys, by their age. */
export interface KeysByAge<Each> {
  /** Those that were created more than the given time ago. */
  readonly older: Each[];
  /** Those whose age the API doesn't say. */
  readonly unknown: Each[];
}

/**
 * Finds the keys that are older than a duration, in their order.
 *
 * @param milliseconds - the duration
 * @param now - the time of the API's clock
 */
export function keysOlderThan<Each extends Pick<Key, 'createdAt'>>(
  keys: readonly Each[],
  milliseconds: number,
  now: Date,
): KeysByAge<Each> {
  const older: Each[] = [];
  const unknown: Each[] = [];
  for (const key of keys) {
    const age = ageOf(key, now);
    if (age === undefined) unknown.push(key);
    else if (age > milliseconds) older.push(key);
  }
  return { older, unknown };
}
