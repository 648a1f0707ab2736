import { stripVTControlCharacters } from 'node:util';

/**
 * Text from the API made harmless for a terminal and for tab-separated lines: no control sequence, no control character,
 * no bidirectional override; a tab or a line break becomes a space.
 */
export function harmless(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\r\n\u2028\u2029]+/g, ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '');
}

/** A copy of some data with every text in it harmless. */
export function harmlessData<Data>(data: Data): Data {
  const copy = structuredClone(data);
  makeHarmless(copy);
  return copy;
}

function makeHarmless(data: unknown): void {
  if (typeof data !== 'object' || data === null) return;
  for (const [key, value] of Object.entries(data)) {
    const name = harmless(key);
    if (name !== key) {
      Reflect.deleteProperty(data, key);
      Reflect.set(data, name, value);
    }
    if (typeof value === 'string') Reflect.set(data, name, harmless(value));
    else makeHarmless(value);
  }
}

/** JSON that no terminal obeys: JSON escapes only the lower half of the control characters. */
export function harmlessJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A list in words: `a, b and c`. */
export function inWords(items: readonly string[], last = 'and'): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)}`;
}

/** A number of things: `1 seat`, `2 seats`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Facts as lines, their names in a column; what they say may come from the API. */
export function factLines(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${harmless(value)}`).join('\n');
}
