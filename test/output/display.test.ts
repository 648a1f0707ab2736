import { describe, expect, test } from 'vitest';
import { Display, hasLinks, hasUnicode } from '../../src/output/display.ts';
import { Buffered } from '../support/buffer.ts';

const utf8 = { LANG: 'en_US.UTF-8' };

describe('hasUnicode', () => {
  test.each([
    ['true for a locale with UTF-8', 'linux', { LANG: 'en_US.UTF-8' }, true],
    ['true for another spelling of UTF-8', 'darwin', { LC_CTYPE: 'de_DE.utf8' }, true],
    ['false for the C locale', 'linux', { LANG: 'C' }, false],
    [
      'false for LC_ALL=POSIX, which takes precedence',
      'linux',
      { LC_ALL: 'POSIX', LC_CTYPE: 'C.UTF-8', LANG: 'C.UTF-8' },
      false,
    ],
    ['false for another encoding', 'linux', { LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'C.UTF-8' }, false],
    ['true if the variables with precedence are empty', 'linux', { LC_ALL: '', LC_CTYPE: '', LANG: 'C.UTF-8' }, true],
    ['false without a locale', 'linux', {}, false],
    ['false on the Linux console', 'linux', { LANG: 'C.UTF-8', TERM: 'linux' }, false],
    ['true in Windows Terminal', 'win32', { WT_SESSION: 'e3b0' }, true],
    ['true in the terminal of an editor on Windows', 'win32', { TERM_PROGRAM: 'vscode' }, true],
    ['false in the Windows console', 'win32', {}, false],
  ] as const)('%s', (_where, platform, env, shown) => {
    expect(hasUnicode(env, platform)).toBe(shown);
  });
});

describe('hasLinks', () => {
  test.each([
    [{ TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.5.2' }, true],
    [{ TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.0.9' }, false],
    [{ TERM_PROGRAM: 'vscode', TERM_PROGRAM_VERSION: '1.95.0' }, true],
    [{ TERM_PROGRAM: 'vscode', TERM_PROGRAM_VERSION: '1.71.0' }, false],
    [{ TERM_PROGRAM: 'WezTerm', TERM_PROGRAM_VERSION: '20240203-110809-5046fc22' }, true],
    [{ TERM_PROGRAM: 'ghostty' }, true],
    [{ TERM_PROGRAM: 'Apple_Terminal', TERM_PROGRAM_VERSION: '455' }, false],
    [{ VTE_VERSION: '7600' }, true],
    [{ VTE_VERSION: '5000' }, false],
    [{ WT_SESSION: 'e3b0' }, true],
    [{ TERM: 'xterm-kitty' }, true],
    [{ KONSOLE_VERSION: '230401' }, true],
    [{ TERM: 'xterm-256color' }, false],
    [{}, false],
    [{ TERM: 'dumb', VTE_VERSION: '7600' }, false],
    [{ TERM: 'screen-256color', VTE_VERSION: '7600' }, false],
    [{ TMUX: '/tmp/tmux-1000/default,1,0', VTE_VERSION: '7600' }, false],
    [{ CI: 'true', VTE_VERSION: '7600' }, false],
    [{ CI: 'false', VTE_VERSION: '7600' }, true],
    [{ FORCE_HYPERLINK: '1' }, true],
    [{ FORCE_HYPERLINK: '0', TERM: 'xterm-kitty' }, false],
  ])('with %j is %s', (env, shown) => {
    expect(hasLinks(env)).toBe(shown);
  });
});

describe('a terminal', () => {
  const terminal = (columns: number | undefined, env = {}) =>
    new Display(new Buffered(true, columns), env, { noColor: false }, 'linux');

  test('has its own width, or 80 columns if unknown', () => {
    expect([terminal(132).width, terminal(undefined).width, terminal(0).width]).toEqual([132, 80, 80]);
  });

  test('breaks text between words, in characters it can show', () => {
    expect(terminal(20, utf8).shown('08:00–16:00 in UTC and after')).toBe('08:00–16:00 in UTC\nand after');
    expect(terminal(20).shown('08:00–16:00 in UTC and after')).toBe('08:00-16:00 in UTC\nand after');
    expect(terminal(20).legible('✓ 世')).toBe('+ ?');
  });

  test('shows unbroken links if it supports them', () => {
    const url = 'https://a.test/b/c';
    expect(terminal(20).shown(`Pay: ${url}`)).toBe(`Pay:\n${url}`);
    expect(terminal(20, { VTE_VERSION: '7600' }).shown(`Pay: ${url}`)).toBe(
      `Pay:\n\u001b]8;;${url}\u001b\\${url}\u001b]8;;\u001b\\`,
    );
  });

  test('keeps lines to copy unbroken', () => {
    const line = 'https://a.test/b/c and a long line after it …';
    expect(terminal(20, utf8).whole(line)).toBe(line);
    expect(terminal(20).whole(line)).toBe('https://a.test/b/c and a long line after it ...');
    expect(terminal(20, { ...utf8, VTE_VERSION: '7600' }).whole(line)).toContain(
      '\u001b]8;;https://a.test/b/c\u001b\\',
    );
  });

  test('shows titles of help pages in bold', async () => {
    const page = 'Usage: ci [options]\n\nJSON fields:\n  id: x\nnot a title: x\n';
    const colored = terminal(80, utf8);
    expect(colored.page(page, await colored.style())).toBe(
      '\u001b[1mUsage:\u001b[22m ci [options]\n\n\u001b[1mJSON fields:\u001b[22m\n  id: x\nnot a title: x\n',
    );
    const plain = terminal(80, { ...utf8, NO_COLOR: '1' });
    expect(plain.page(page, await plain.style())).toBe(page);
  });
});

test('a pipe gets text unchanged, at any width', async () => {
  const pipe = new Display(new Buffered(false, 10), { VTE_VERSION: '7600' }, { noColor: false }, 'linux');
  const text = '✓ 世界: https://example.com/a/b/c and so on and so forth';
  const style = await pipe.style();
  expect([pipe.width, pipe.unicode, pipe.shown(text), pipe.page(`Usage: ${text}`, style)]).toEqual([
    Number.POSITIVE_INFINITY,
    true,
    text,
    `Usage: ${text}`,
  ]);
  expect(style.bold('x')).toBe('x');
});
