import { problemOf, type StoredKey } from '../domain/stored-key.ts';
import { statusText } from '../domain/subscription-status.ts';
import { relativeTime, timeOfDay } from './time.ts';

/**
 * Returns a sentence that says why a stored key doesn't work at this moment; undefined if no problem is known.
 *
 * @param timeZone - of the user
 */
export function keyProblemText(key: StoredKey, now: Date, timeZone: string): string | undefined {
  const problem = problemOf(key, now);
  const label = `key "${key.name ?? key.id}"`;
  switch (problem?.kind) {
    case undefined:
      return undefined;
    case 'revoked':
      return `Warning: ${label} was revoked.`;
    case 'inactive':
      return problem.status === 'canceled'
        ? `Warning: the subscription of ${label} has ended.`
        : `Warning: the subscription of ${label} isn't active (${statusText(problem.status)}).`;
    case 'outside hours':
      return `Warning: ${label} is outside its hours. It works again from ${timeOfDay(problem.next, timeZone)} local time (${relativeTime(problem.next, now)}).`;
  }
}
