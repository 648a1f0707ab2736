import { expect, test } from 'vitest';
import { failureText } from '../../../src/account/secrets/program-failure.ts';

const secret = 'sk_live_0123456789abcdefghijQluZ';
const base64 = Buffer.from(secret).toString('base64');
const exited = 'it exited with code 1';

test.each([
  ['nothing', exited, '', 'gh failed: it exited with code 1'],
  ['one line', exited, 'HTTP 403: forbidden.\n', 'gh: HTTP 403: forbidden'],
  ['several lines', exited, '\na\r\n\n  b\nc\nd\n', 'gh: a b c'],
  [
    'a notice first',
    exited,
    'CLI 44\nNew version!\na\nError: not linked\nRun link.\n',
    'gh: Error: not linked Run link',
  ],
  [
    'log lines first',
    exited,
    'E1122 12:15:33.8  721 a.go:265] "Error"\nThe connection was refused\n',
    'gh: The connection was refused',
  ],
  ['lines without words', exited, '-----\n✘\nno\n', 'gh: no'],
  ['colors and controls', exited, '\u001b[31m✘ \u001b[1mERROR\u001b[0m\u0007\u0000 no\n', 'gh: ✘ ERROR no'],
  ['the secret', exited, `bad value ${secret}!`, 'gh: bad value sk_live_…QluZ!'],
  ['the secret as Base64', exited, `data: ${base64}`, 'gh: data: sk_live_…QluZ'],
  ['a colored secret', exited, `sk_live_\u001b[1m${secret.slice(8)}\u001b[0m`, 'gh: sk_live_…QluZ'],
  ['a broken secret', exited, `${secret.slice(0, 20)}\n${secret.slice(20)}\n`, 'gh failed: it exited with code 1'],
  ['a spaced secret', exited, [...secret].join(' '), 'gh failed: it exited with code 1'],
  ['another key', exited, 'token mk_0123456789abcdef', 'gh: token mk_…cdef'],
  ['a long line', exited, 'x '.repeat(1000), `gh: ${'x '.repeat(150).trimEnd()}…`],
  [
    'a timeout',
    "it didn't finish within 2 minutes",
    'Password:',
    "gh failed: it didn't finish within 2 minutes (Password:)",
  ],
])('shows a program that printed %s', (_what, failure, stderr, text) => {
  expect(failureText('gh', { failure, stdout: '', stderr }, secret)).toBe(text);
});

test('shows stdout if stderr has no words', () => {
  expect(failureText('gh', { failure: exited, stdout: 'Not signed in\n', stderr: '\n' })).toBe('gh: Not signed in');
});

test('shows no part of a secret at the end of a long line', () => {
  const text = failureText('gh', { failure: exited, stdout: '', stderr: `${'x '.repeat(148)}${secret}` }, secret);
  expect(text).not.toContain(secret.slice(8, 12));
});
