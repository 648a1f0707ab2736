import { lazy } from '../domain/lazy.ts';

/** Matches text in which every character is visible, which is most text. */
const plain = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u259f✓✗]*$/;

/**
 * Matches an emoji, which is kept whole, or one invisible character.
 *
 * Invisible characters are those that Unicode lists as such (`Default_Ignorable_Code_Point`: zero-width spaces and joiners,
 * direction marks, the byte order mark, the soft hyphen, tags, variation selectors, fillers) and interlinear annotations. A
 * joiner or selector counts as part of an emoji only between or after emoji. Words in Persian or Indian languages lose their
 * joiners too: they stay legible, and no command guesses between two names that then look alike.
 *
 * Built lazily: looking up these properties takes half a millisecond, for a regular expression literal even when it's only
 * parsed.
 */
const invisible = lazy(() => {
  const picture = String.raw`\p{Extended_Pictographic}[\ufe0e\ufe0f]?\p{Emoji_Modifier}?`;
  const unseen = String.raw`[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]`;
  return new RegExp(String.raw`((?:${picture}\u200d)*${picture}|[0-9#*]\ufe0f\u20e3)|${unseen}`, 'gu');
});

/**
 * Makes text from the API harmless for a terminal and for tab-separated lines: removes control sequences, control characters and
 * invisible characters, and replaces tabs and line breaks with a space.
 */
export function harmless(text: string): string {
  if (plain.test(text)) return text;
  return withoutSequences(text)
    .replace(/[\t\r\n\u2028\u2029]+/g, ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
    .replace(invisible(), (_, picture: string | undefined) => picture ?? '');
}

/** Removes control sequences. Loads its module only now, because that takes 2 ms in a standalone binary. */
export function withoutSequences(text: string): string {
  return process.getBuiltinModule('node:util').stripVTControlCharacters(text);
}

/** Does the same as `harmless`, but keeps line breaks. */
export function harmlessLines(text: string): string {
  return text.split('\n').map(harmless).join('\n');
}

/**
 * Returns a copy of data with every text in it made harmless.
 *
 * @param unicode - whether the terminal can show more than ASCII; if not, texts are converted to ASCII
 */
export function harmlessData<Data>(data: Data, unicode = true): Data {
  const copy = structuredClone(data);
  change(copy, unicode ? harmless : (text) => ascii(harmless(text)));
  return copy;
}

/** Changes every text in data, including names. */
function change(data: unknown, text: (before: string) => string): void {
  if (typeof data !== 'object' || data === null) return;
  for (const [key, value] of Object.entries(data)) {
    const name = text(key);
    if (name !== key) {
      Reflect.deleteProperty(data, key);
      Reflect.set(data, name, value);
    }
    if (typeof value === 'string') Reflect.set(data, name, text(value));
    else change(value, text);
  }
}

/**
 * Escapes control characters and invisible characters in JSON, without changing its value. JSON itself requires that only for the
 * lower half of the control characters.
 *
 * @param unicode - whether the terminal can show more than ASCII; if not, everything else is escaped
 */
export function harmlessJson(json: string, unicode = true): string {
  if (!unicode) return json.replace(/[\u007f-\uffff]/g, escaped);
  return json
    .replace(/[\u007f-\u009f\u2028\u2029]/g, escaped)
    .replace(invisible(), (character, picture: string | undefined) => picture ?? escaped(character));
}

/** Returns the JSON escape of a character; one beyond U+FFFF takes two. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** ASCII replacements. All but that of `…` are as wide as the original. */
const asciiOf: Readonly<Record<string, string>> = {
  '✓': '+',
  '✗': 'x',
  '×': 'x',
  '–': '-',
  '—': '-',
  '─': '-',
  '→': '>',
  '·': '.',
  '•': '*',
  '█': '#',
  '▉': '#',
  '▊': '#',
  '▋': '#',
  '▌': '#',
  '▍': '-',
  '▎': '-',
  '▏': '-',
  '’': "'",
  '“': '"',
  '”': '"',
  '…': '...',
};

/** Converts text to ASCII: letters lose their accents, and a question mark replaces what has no equivalent. */
export function ascii(text: string): string {
  return text.replace(
    /[^\x00-\x7f]/gu,
    (character) => asciiOf[character] ?? (character.normalize('NFD').replace(/[^\x20-\x7e]/gu, '') || '?'),
  );
}

/** Makes a link (OSC 8) of each URL in a text, which works even if the URL is broken across lines. */
export function linked(text: string): string {
  return text.replace(
    /https?:\/\/[\x21\x23-\x26\x28-\x5b\x5d-\x5f\x61-\x7e]*[A-Za-z0-9/_=#&-]/g,
    (url) => `\u001b]8;;${url}\u001b\\${url}\u001b]8;;\u001b\\`,
  );
}

/** Formats a number with groups of digits: `1,234,567`. Returns an empty text for null and undefined. */
export function grouped(count: number | null | undefined): string {
  if (count == null) return '';
  return Number.isInteger(count) ? String(count).replace(/\B(?=(\d{3})+$)/g, ',') : String(count);
}

/** Formats a fraction for people: 0.15 is `15%`. */
export function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(2))}%`;
}

/** Formats a list in words: `a, b and c`. */
export function inWords(items: readonly string[], last = 'and'): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)}`;
}

/** Formats facts as lines, with their names in a column. Values may come from the API. */
export function factLines(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${harmless(value)}`).join('\n');
}
