import { usageError } from '../domain/errors.ts';

/**
 * A name as one segment of a path.
 *
 * @throws CommandError (usage) for what would lead to another path: nothing, `.` and `..`
 */
export function segment(name: string): string {
  if (/^\.{0,2}$/.test(name) || /\p{Surrogate}/u.test(name)) throw usageError(`"${name}" names nothing of the API`);
  return encodeURIComponent(name);
}
