import type { Key } from '../../api/keys.ts';
import type { KeyUsage } from '../../api/usage.ts';
import { periods } from '../../domain/usage-periods.ts';
import { distanceTo } from '../../output/time.ts';
import { ageOf } from './age.ts';

/** The parts of a key that say when it was used. */
export type UsedKey = Pick<Key, 'id' | 'createdAt' | 'lastUsedAt'>;

/** Returns whether the list of keys says when a key was used, or that it never was. Not all generations of the API say it. */
export function statesLastUse({ lastUsedAt }: Pick<Key, 'lastUsedAt'>): boolean {
  return lastUsedAt === null || !Number.isNaN(Date.parse(lastUsedAt ?? ''));
}

/** Formats when a key was used last: `3 weeks ago`, `last 7 days`, `never`. @param reading - its usage, if it was read */
export function lastUseInWords({ createdAt, lastUsedAt }: UsedKey, now: Date, reading?: KeyUsage): string {
  if (lastUsedAt === null) return 'never';
  if (lastUsedAt) return distanceTo(lastUsedAt, now);
  const used = Object.values(periods).find(({ field }) => (reading?.usage?.[field]?.requests ?? 0) > 0);
  if (used) return used.title;
  const { field, milliseconds, title } = periods['30d'];
  if (reading?.usage?.[field]?.requests !== 0) return 'unknown';
  const age = ageOf({ createdAt: createdAt ?? reading.createdAt }, now);
  return age !== undefined && age <= milliseconds ? 'never' : `before the ${title}`;
}
