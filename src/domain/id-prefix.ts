import { usageError } from './errors.ts';

/** The length of a UUID. */
const whole = 36;

/** Returns whether a word is a UUID. */
export function isId(word: string): boolean {
  return /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i.test(word);
}

/** Returns whether a word can be the beginning of a UUID: 8 characters or more, but not all. */
export function isIdPrefix(word: string): boolean {
  return word.length < whole && /^[\da-f]{8}[\da-f-]*$/i.test(word);
}

/**
 * Returns the only thing with an id that begins with a word; undefined if none exists, or if the word isn't such a beginning. Look for
 * a thing with that id or name first.
 *
 * @param noun - what the things are, in the plural: `keys`
 * @param label - describes a thing in one line, with its id
 * @throws CommandError (usage) if there are several
 */
export function findByIdPrefix<Thing extends { readonly id: string }>(
  things: readonly Thing[],
  word: string,
  noun: string,
  label: (thing: Thing) => string,
): Thing | undefined {
  if (!isIdPrefix(word)) return undefined;
  const found = things.filter(({ id }) => id.toLowerCase().startsWith(word.toLowerCase()));
  if (found.length < 2) return found[0];
  throw usageError(`The IDs of ${found.length} ${noun} start with "${word}"`, 'Type more of the ID:').with({
    lines: found.map(label),
  });
}
