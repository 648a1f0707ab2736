import { expect, test } from 'vitest';
import { loadStyle, wantsColor } from '../../src/output/style.ts';

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
])('%s: %j, %j, --no-color %s is in colour: %s', (_what, stream, env, noColor, colored) => {
  expect(wantsColor(stream, env, noColor)).toBe(colored);
});

test('the palette has the terminal’s own colours', async () => {
  const { bold, dim, good, bad, warning } = await loadStyle(true);
  expect([bold, dim, good, bad, warning].map((paint) => paint('x'))).toEqual([
    '\u001b[1mx\u001b[22m',
    '\u001b[2mx\u001b[22m',
    '\u001b[32mx\u001b[39m',
    '\u001b[31mx\u001b[39m',
    '\u001b[33mx\u001b[39m',
  ]);
});

test('the palette without colour leaves text as it is', async () => {
  const { bold, dim, good, bad, warning } = await loadStyle(false);
  expect([bold, dim, good, bad, warning].map((paint) => paint('x'))).toEqual(['x', 'x', 'x', 'x', 'x']);
});
