import type { Style } from './style.ts';

/** Matches a string, which is a name if a colon follows, or `null`. */
const token = /("[^"\\]*(?:\\.[^"\\]*)*")(:)?|\bnull\b/g;

/** Returns JSON in color: names, strings and nulls. */
export function coloredJson(json: string, { bold, dim, good }: Style): string {
  return json.replace(token, (whole, string: string | undefined, colon: string | undefined) => {
    if (string === undefined) return dim(whole);
    return colon === undefined ? good(string) : `${bold(string)}:`;
  });
}
