import { usageError } from '../domain/errors.ts';

/**
 * Encodes a name as one segment of a path.
 *
 * @throws CommandError (usage) for an empty name, `.` and `..`, which would change the path
 */
export function segment(name: string): string {
  if (/^\.{0,2}$/.test(name) || /\p{Surrogate}/u.test(name)) {
    throw usageError(
      `"${name}" is not a valid name or ID`,
      'Use a name or an ID from a list, such as `ci pools list`.',
    );
  }
  return encodeURIComponent(name);
}
