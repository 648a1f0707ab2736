import { DocumentError, edited, type Format, leadAtEnd, lineEndOf, withoutLines } from './document.ts';

const start = '# >>> CheapestInference >>>';
const end = '# <<< CheapestInference <<<';

/** The only path in such a document. */
export const markedLines = ['lines'] as const;

/** Lines of a script between two comments. The setting `lines` is the list of these lines. */
export const markedLinesFormat: Format = {
  parse(text) {
    const found = blockIn(text);
    // A last line without a line end gets one.
    const others = (found ? text.slice(0, found.from) + text.slice(found.to) : text).replace(/\r?\n$/, '');
    return found ? { others, lines: found.lines } : { others };
  },

  set(text, { path, value }) {
    if (!Array.isArray(value)) throw new DocumentError('only lines can be set in a script');
    const newline = lineEndOf(text);
    const block = [start, ...value.map(String), end].map((line) => `${line}${newline}`).join('');
    const found = blockIn(text);
    if (!found) {
      const lead = leadAtEnd(text);
      return { text: `${text}${lead}${block}`, change: { path, value, depth: 0, lead } };
    }
    const before = text.slice(found.from, found.to);
    return { text: edited(text, [{ ...found, text: block }]), change: { path, value, before, depth: 1 } };
  },

  unset(text, { before, lead }) {
    const found = blockIn(text);
    if (!found) return text;
    if (before !== undefined) return edited(text, [{ ...found, text: before }]);
    return withoutLines(text, found, lead);
  },
};

function blockIn(
  text: string,
): { readonly from: number; readonly to: number; readonly lines: readonly string[] } | undefined {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.trimEnd() === start);
  if (first < 0) return undefined;
  const last = lines.findIndex((line, index) => index > first && line.trimEnd() === end);
  if (last < 0) throw new DocumentError(`it has the line "${start}" but not "${end}"`);
  const offset = (count: number) => lines.slice(0, count).reduce((sum, line) => sum + line.length + 1, 0);
  return {
    from: offset(first),
    to: Math.min(offset(last + 1), text.length),
    lines: lines.slice(first + 1, last).map((line) => line.replace(/\r$/, '')),
  };
}
