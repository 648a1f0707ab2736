import { distance } from 'fastest-levenshtein';

/**
 * The words most like another, the likest first.
 *
 * @param furthest - how many letters may differ at the most
 */
export function nearest(word: string, words: readonly string[], furthest = Number.POSITIVE_INFINITY): string[] {
  return words
    .map((each) => ({ each, letters: distance(each, word) }))
    .filter(({ letters }) => letters <= furthest)
    .toSorted((a, b) => a.letters - b.letters)
    .map(({ each }) => each);
}
