import type { KeyUsage } from '../../api/usage.ts';
import type { Context } from '../../context/context.ts';
import { periods } from '../../domain/usage-periods.ts';
import { cachedUsage, fetchUsage, freshness, type UsageReading } from '../usage/source.ts';
import { ageOf } from './age.ts';
import type { UsedKey } from './last-use.ts';

/** For how long a key hasn't been used, in milliseconds: since its last use, or since its creation if it was never used. */
export interface IdleTime {
  /** Certain to have passed. */
  readonly atLeast: number;
  /** Infinite if nothing is known. */
  readonly atMost: number;
}

/**
 * Returns a function that says for how long a key hasn't been used. The list of keys is asked first, and then the usage, which has
 * only the periods of up to 30 days in which a key was used.
 *
 * @param now - the time of the API's clock
 * @param usage - if it was read
 */
export function idleTimes(now: Date, usage?: Pick<UsageReading, 'keys' | 'age'>): (key: UsedKey) => IdleTime {
  const used = new Map(usage?.keys.map((each) => [each.id, each]));
  return (key) => {
    const { id, createdAt, lastUsedAt } = key;
    const usedAgo = now.getTime() - Date.parse(lastUsedAt ?? '');
    if (!Number.isNaN(usedAgo)) return { atLeast: usedAgo, atMost: usedAgo };
    const reading = used.get(id);
    const age = ageOf({ createdAt: createdAt ?? reading?.createdAt }, now);
    if (lastUsedAt === null) return { atLeast: age ?? 0, atMost: age ?? Number.POSITIVE_INFINITY };
    return idleTimeIn(reading, usage?.age ?? 0, age);
  };
}

/** Returns the same from the usage of a key. @param readAgo - when it was read, in milliseconds before now */
function idleTimeIn(reading: KeyUsage | undefined, readAgo: number, age = Number.POSITIVE_INFINITY): IdleTime {
  let unusedFor = 0;
  let atMost = age;
  for (const { field, milliseconds } of Object.values(periods)) {
    const requests = reading?.usage?.[field]?.requests;
    if (requests === 0) unusedFor = milliseconds;
    else if (requests != null) atMost = Math.min(atMost, milliseconds + readAgo);
  }
  // A key whose age is unknown may have been created a moment before.
  const atLeast = age === Number.POSITIVE_INFINITY ? 0 : Math.min(unusedFor, atMost);
  return { atLeast, atMost };
}

/** Some keys, by how long they haven't been used. */
export interface KeysByUse<Each> {
  /** Those that certainly weren't used for the given time. */
  readonly unused: Each[];
  /** Those that may or may not have been used. */
  readonly unknown: Each[];
}

/**
 * Finds the keys that haven't been used for a time, in their order. A key that is younger doesn't count, even if it was never used.
 *
 * @param milliseconds - the time
 */
export function keysUnusedFor<Each extends UsedKey>(
  keys: readonly Each[],
  milliseconds: number,
  idleTimeOf: (key: UsedKey) => IdleTime,
): KeysByUse<Each> {
  const unused: Each[] = [];
  const unknown: Each[] = [];
  for (const key of keys) {
    const { atLeast, atMost } = idleTimeOf(key);
    if (atLeast >= milliseconds) unused.push(key);
    else if (atMost >= milliseconds) unknown.push(key);
  }
  return { unused, unknown };
}

/** The longest time for which the usage can prove that a key wasn't used, in milliseconds. */
export const longestProof = periods['30d'].milliseconds;

/** What {@link findUnusedKeys} found. */
interface FoundKeys<Each> extends KeysByUse<Each> {
  /** How long ago the usage was read that decided, in milliseconds; undefined if the list of keys says enough. */
  readonly readAgo?: number;
}

/**
 * Finds the keys that haven't been used for a time, in their order. If the list of keys doesn't say it, reads the usage, from the
 * cache if that is recent for the time.
 *
 * @param milliseconds - the time
 * @param now - the time of the API's clock
 * @throws CommandError (rate_limited) if the usage is needed and was read 12 times in 12 hours
 */
export async function findUnusedKeys<Each extends UsedKey>(
  context: Pick<Context, 'api' | 'clocks' | 'connections' | 'settings' | 'world'>,
  keys: readonly Each[],
  milliseconds: number,
  now: Date,
): Promise<FoundKeys<Each>> {
  const listed = keysUnusedFor(keys, milliseconds, idleTimes(now));
  if (listed.unknown.length === 0) return listed;
  const cached = await cachedUsage(context);
  const isRecent = cached !== undefined && cached.age <= Math.min(freshness, milliseconds / 24);
  if (!isRecent && milliseconds > longestProof) return listed;
  const usage = isRecent ? cached : await fetchUsage(context);
  return { ...keysUnusedFor(keys, milliseconds, idleTimes(now, usage)), readAgo: usage.age };
}
