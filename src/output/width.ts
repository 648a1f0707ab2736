import { stripVTControlCharacters } from 'node:util';

const printableAscii = /^[\x20-\x7e]*$/;
/** Combining marks, joiners and other characters without a place of their own. */
const none = /[\p{Mn}\p{Me}\p{Cf}]/u;
const double =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

/** How many columns a terminal gives a text, which may hold colour and links. */
export function widthOf(text: string): number {
  if (printableAscii.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (!none.test(character)) width += double.test(character) ? 2 : 1;
  }
  return width;
}

/** A text with as many spaces after it as make it so many columns wide. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}
