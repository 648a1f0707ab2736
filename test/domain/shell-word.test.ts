import { expect, test } from 'vitest';
import { shellWord } from '../../src/domain/shell-word.ts';

test.each([
  ['/home/ada/.config/x.json', '/home/ada/.config/x.json'],
  ['/home/ada lovelace/x', "'/home/ada lovelace/x'"],
  ["it's $HOME; `x`", "'it'\\''s $HOME; `x`'"],
  ['', "''"],
])('writes %j for a shell as %s', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
