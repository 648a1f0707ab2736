import { distance } from 'fastest-levenshtein';

/** The share of the letters of the longer word that may differ. */
const mostDifferent = 1 / 3;

/** Returns the words that are easily mistaken for a word, or that begin with it, the most similar first. */
export function nearest(word: string, words: readonly string[]): string[] {
  const typed = word.toLowerCase();
  return words
    .map((each) => ({ each, letters: distance(each.toLowerCase(), typed) }))
    .filter(({ each, letters }) => {
      const longer = Math.max(each.length, typed.length);
      return (typed !== '' && each.toLowerCase().startsWith(typed)) || letters <= longer * mostDifferent;
    })
    .toSorted((a, b) => a.letters - b.letters)
    .map(({ each }) => each);
}
