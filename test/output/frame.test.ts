import { expect, test } from 'vitest';
import { painted } from '../../src/output/color.ts';
import { framed } from '../../src/output/frame.ts';
import { plain } from '../../src/output/style.ts';

const secret = `sk_live_${'x'.repeat(32)}`;

test('a secret stands alone on its line, between rules as long as it', () => {
  expect(framed(secret, 'API key', plain, 80)).toBe(`── API key ${'─'.repeat(29)}\n${secret}\n${'─'.repeat(40)}\n`);
});

test('a short secret has rules as long as the title', () => {
  expect(framed('sk_1', 'API key', plain, 80)).toBe(`── API key ──\nsk_1\n${'─'.repeat(13)}\n`);
});

test('the rules are no longer than a line of the terminal, and the secret is whole', () => {
  expect(framed(secret, 'API key', plain, 20)).toBe(`── API key ─────────\n${secret}\n${'─'.repeat(20)}\n`);
});

test('the secret has no colour that a selection could take', () => {
  expect(framed(secret, 'API key', painted, 80).split('\n')[1]).toBe(secret);
});
