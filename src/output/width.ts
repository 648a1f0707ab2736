import { stripVTControlCharacters } from 'node:util';

/** Characters of one column each, in which most texts are written: Latin letters, dashes, quotes, boxes and marks. */
const single = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u259f✓✗]*$/;
/** Combining marks, joiners and other characters without a place of their own. */
const none = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** The blocks of East Asian characters that take two columns (Unicode, "East Asian Width"). */
const double =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
/** In what a person takes for one character: a picture, which a selector or a joiner may have made of others. */
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
/** Made when it is needed: it takes milliseconds. */
let segmenter: Intl.Segmenter | undefined;

/**
 * How many columns a terminal gives a text, which may hold colour and links. The package string-width tells the same, and takes
 * longer to load than a whole command.
 */
export function widthOf(text: string): number {
  const plain = text.includes('\u001b') ? stripVTControlCharacters(text) : text;
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
