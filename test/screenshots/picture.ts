import type { Cell } from '../support/screen.ts';

/** Of a character, in pixels. */
const width = 8.4;
const height = 19;
const margin = 16;
const background = '#0d1117';
const foreground = '#e6edf3';

/** The colours of the numbers, on a background that reads on light and dark pages alike. */
const colors: ReadonlyMap<number, string> = new Map([
  [31, '#ff7b72'],
  [32, '#3fb950'],
  [35, '#d2a8ff'],
]);

/** What somebody saw who typed a command at a terminal, as a picture (SVG 1.1) whose text is text. */
export function picture(command: string, screen: readonly (readonly (Cell | undefined)[])[], columns: number): string {
  const typed = [...`$ ${command}`].map((character, at) => ({ character, graphics: at === 0 ? [2] : [1] }));
  const lines = [typed, ...withoutEnd(screen)];
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

/** A line, as a text for each stretch of one look without gaps: each begins at its own column, whatever font there is. */
function texts(line: readonly (Cell | undefined)[], y: number): string[] {
  const stretches: { at: number; text: string; look: string }[] = [];
  for (const [at, cell] of Array.from(line, (each) => each ?? { character: ' ', graphics: [] }).entries()) {
    const look = lookOf(cell.graphics);
    const last = stretches.at(-1);
    if (last?.look === look) last.text += cell.character;
    else stretches.push({ at, text: cell.character, look });
  }
  return stretches.flatMap(({ at, text, look }) =>
    Array.from(text.matchAll(/\S+(?: \S+)*/g), ({ 0: words, index }) => {
      const x = margin + (at + index) * width;
      const length = words.length * width;
      return `<text x="${x.toFixed(1)}" y="${y}" textLength="${length.toFixed(1)}"${look}>${escaped(words)}</text>`;
    }),
  );
}

function lookOf(graphics: readonly number[]): string {
  const color = graphics.map((each) => colors.get(each)).find((each) => each !== undefined) ?? foreground;
  const weight = graphics.includes(1) ? ' font-weight="bold"' : '';
  const dim = graphics.includes(2) ? ' fill-opacity="0.6"' : '';
  return ` fill="${color}"${weight}${dim}`;
}

function withoutEnd(screen: readonly (readonly (Cell | undefined)[])[]): readonly (readonly (Cell | undefined)[])[] {
  const last = screen.findLastIndex((line) => line.some((cell) => cell && cell.character !== ' '));
  return screen.slice(0, last + 1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
