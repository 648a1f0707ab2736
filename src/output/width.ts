import { withoutSequences } from './text.ts';

/** Matches text in which each character takes one column, which is most text. */
const single = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u259f✓✗]*$/;
/** Matches combining marks, joiners and other characters that take no column. */
const none = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** Matches East Asian characters, which take two columns (Unicode, "East Asian Width"). */
const double =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
/** Matches an emoji within what a reader sees as one character. */
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
/** Created on first use, because it takes milliseconds. */
let segmenter: Intl.Segmenter | undefined;

/**
 * Returns how many columns a text takes on a terminal. The text may hold color and links. The package string-width does the same, but
 * takes longer to load than a whole command.
 */
export function widthOf(text: string): number {
  const plain = text.includes('\u001b') ? withoutSequences(text) : text;
  if (single.test(plain)) return plain.length;
  if (!emoji.test(plain)) return widthOfCharacters(plain);
  segmenter ??= new Intl.Segmenter();
  return Array.from(segmenter.segment(plain), ({ segment }) =>
    emoji.test(segment) ? 2 : widthOfCharacters(segment),
  ).reduce((sum, each) => sum + each, 0);
}

function widthOfCharacters(text: string): number {
  let width = 0;
  for (const character of text) width += none.test(character) ? 0 : double.test(character) ? 2 : 1;
  return width;
}
