import type { Key } from '../../api/keys.ts';

/** Keys by their age. */
export interface KeysByAge {
  readonly older: readonly Key[];
  /** Those whose creation time the API doesn't say. */
  readonly unknown: readonly Key[];
}

/** Returns the keys that were created longer ago than an age, in milliseconds. @param now - epoch milliseconds */
export function keysOlderThan(keys: readonly Key[], age: number, now: number): KeysByAge {
  const createdAt = ({ createdAt: text }: Key) => Date.parse(text ?? '');
  return {
    older: keys.filter((key) => now - createdAt(key) > age),
    unknown: keys.filter((key) => Number.isNaN(createdAt(key))),
  };
}
