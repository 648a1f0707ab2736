import { expect, test } from 'vitest';
import { painted } from '../../src/output/color.ts';
import { plain, styleOf, wantsColor } from '../../src/output/style.ts';

const terminal = { isTTY: true };
const pipe = {};

test.each([
  ['a terminal', terminal, {}, false, true],
  ['a pipe', pipe, {}, false, false],
  ['a dumb terminal', terminal, { TERM: 'dumb' }, false, false],
  ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, false, false],
  ['a terminal with NO_COLOR=0', terminal, { NO_COLOR: '0' }, false, false],
  ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, false, true],
  ['a terminal with --no-color', terminal, {}, true, false],
  ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, false, true],
  ['a pipe with an empty FORCE_COLOR', pipe, { FORCE_COLOR: '' }, false, true],
  ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false, false],
  ['a terminal with FORCE_COLOR=false', terminal, { FORCE_COLOR: 'false' }, false, false],
  ['a dumb terminal with FORCE_COLOR', terminal, { FORCE_COLOR: '3', TERM: 'dumb' }, false, true],
  ['a terminal with NO_COLOR and FORCE_COLOR', terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }, false, false],
  ['a terminal with --no-color and FORCE_COLOR', terminal, { FORCE_COLOR: '1' }, true, false],
])('decides whether to use color: %s (%j, %j, --no-color %s): %s', (_what, stream, env, noColor, colored) => {
  expect(wantsColor(stream, env, noColor)).toBe(colored);
});

test.each([
  ['a terminal', terminal, {}, true, painted],
  ['a terminal without colors', terminal, {}, false, plain],
  ['a terminal without colors, with FORCE_COLOR', terminal, { FORCE_COLOR: '1' }, false, painted],
  ['a pipe', pipe, {}, true, plain],
  ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '' }, true, painted],
])('chooses the palette of %s', async (_what, stream, env, hasColors, palette) => {
  expect(await styleOf(stream, env, { noColor: false, terminalHasColors: async () => hasColors })).toBe(palette);
});

test('uses color on a terminal if nothing is known about it', async () => {
  expect(await styleOf(terminal, {}, { noColor: false })).toBe(painted);
});

test('ends a color at a line break, and resumes it after text in another color', () => {
  expect(painted.bad('one\ntwo')).toBe('\u001b[31mone\u001b[39m\n\u001b[31mtwo\u001b[39m');
  expect(painted.bad(`a ${painted.good('b')} c`)).toBe('\u001b[31ma \u001b[32mb\u001b[39m\u001b[31m c\u001b[39m');
});

/** The default colors 1 to 6 (red, green, yellow, blue, magenta, cyan) of well-known terminals. */
const terminals = {
  xterm: ['cd0000', '00cd00', 'cdcd00', '0000ee', 'cd00cd', '00cdcd'],
  'the Linux console': ['aa0000', '00aa00', 'aa5500', '0000aa', 'aa00aa', '00aaaa'],
  'Windows Terminal': ['c50f1f', '13a10e', 'c19c00', '0037da', '881798', '3a96dd'],
  'Terminal.app': ['990000', '00a600', '999900', '0000b2', 'b200b2', '00a6b2'],
  'Visual Studio Code': ['cd3131', '0dbc79', 'e5e510', '2472c8', 'bc3fbc', '11a8cd'],
  'GNOME Terminal': ['c01c28', '26a269', 'a2734c', '12488b', 'a347ba', '2aa1b3'],
  iTerm2: ['c91b00', '00c200', 'c7c400', '0225c7', 'ca30c7', '00c5c7'],
} as const;

/** Returns the luminance and contrast of WCAG 2.1. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

test('paints with the colors of the terminal, and leaves empty text empty', () => {
  const { bold, dim, good, bad, warning } = painted;
  expect([bold, dim, good, bad, warning].map((paint) => paint('x'))).toEqual([
    '\u001b[1mx\u001b[22m',
    '\u001b[2mx\u001b[22m',
    '\u001b[32mx\u001b[39m',
    '\u001b[31mx\u001b[39m',
    '\u001b[35mx\u001b[39m',
  ]);
  expect(bold('')).toBe('');
});

test.each(Object.entries(terminals))('is readable on black and white in %s', (_name, colors) => {
  for (const paint of [painted.good, painted.bad, painted.warning]) {
    const [, code = '0'] = /\[3(\d)m/.exec(paint('x')) ?? [];
    const color = colors[Number(code) - 1] ?? '';
    expect(contrast(color, 'ffffff')).toBeGreaterThan(2.1);
    expect(contrast(color, '000000')).toBeGreaterThan(2.1);
  }
});

test('leaves text unchanged without color', () => {
  const { bold, dim, good, bad, warning } = plain;
  expect([bold, dim, good, bad, warning].map((paint) => paint('x'))).toEqual(['x', 'x', 'x', 'x', 'x']);
});
