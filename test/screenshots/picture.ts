import type { Cell } from '../support/screen.ts';

/** The size of a character, in pixels. */
const width = 8.4;
const height = 19;
const margin = 16;
const background = '#0d1117';
const foreground = '#e6edf3';

/** The colors of the terminal's graphics codes, readable on the background. */
const colors: ReadonlyMap<number, string> = new Map([
  [31, '#ff7b72'],
  [32, '#3fb950'],
  [35, '#d2a8ff'],
]);

/** Returns a picture (SVG 1.1, with selectable text) of a terminal after a command. */
export function picture(command: string, screen: readonly (readonly (Cell | undefined)[])[], columns: number): string {
  const prompt = [...`$ ${command}`].map((character, index) => ({ character, graphics: index === 0 ? [2] : [1] }));
  const lines = [prompt, ...withoutTrailingBlanks(screen)];
  const size = [columns * width + 2 * margin, lines.length * height + 2 * margin].map(Math.ceil);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size[0]}" height="${size[1]}" viewBox="0 0 ${size.join(' ')}" role="img">`,
    `<title>${escaped(`$ ${command}`)}</title>`,
    '<style>',
    'text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }',
    '</style>',
    `<rect width="100%" height="100%" rx="8" fill="${background}"/>`,
    ...lines.flatMap((line, row) => texts(line, margin + row * height + 14)),
    '</svg>',
    '',
  ].join('\n');
}

/**
 * Returns a line as text elements, one for each run of words in one style. Each has its own position, so that columns line up in
 * any font.
 */
function texts(line: readonly (Cell | undefined)[], y: number): string[] {
  const runs: { column: number; text: string; style: string }[] = [];
  for (const [column, cell] of Array.from(line, (each) => each ?? { character: ' ', graphics: [] }).entries()) {
    const style = styleOf(cell.graphics);
    const last = runs.at(-1);
    if (last?.style === style) last.text += cell.character;
    else runs.push({ column, text: cell.character, style });
  }
  return runs.flatMap(({ column, text, style }) =>
    Array.from(text.matchAll(/\S+(?: \S+)*/g), ({ 0: words, index }) => {
      const x = margin + (column + index) * width;
      const length = words.length * width;
      return `<text x="${x.toFixed(1)}" y="${y}" textLength="${length.toFixed(1)}"${style}>${escaped(words)}</text>`;
    }),
  );
}

function styleOf(graphics: readonly number[]): string {
  const color = graphics.map((each) => colors.get(each)).find((each) => each !== undefined) ?? foreground;
  const weight = graphics.includes(1) ? ' font-weight="bold"' : '';
  const dim = graphics.includes(2) ? ' fill-opacity="0.6"' : '';
  return ` fill="${color}"${weight}${dim}`;
}

function withoutTrailingBlanks(
  screen: readonly (readonly (Cell | undefined)[])[],
): readonly (readonly (Cell | undefined)[])[] {
  const last = screen.findLastIndex((line) => line.some((cell) => cell && cell.character !== ' '));
  return screen.slice(0, last + 1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
