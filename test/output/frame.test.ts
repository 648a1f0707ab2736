import { expect, test } from 'vitest';
import { painted } from '../../src/output/color.ts';
import { framed } from '../../src/output/frame.ts';
import { plain } from '../../src/output/style.ts';

const secret = `sk_live_${'x'.repeat(32)}`;

test('puts a secret on its own line, between rules of its length', () => {
  expect(framed(secret, 'API key', plain, 80)).toBe(`── API key ${'─'.repeat(29)}\n${secret}\n${'─'.repeat(40)}\n`);
});

test('makes rules at least as long as the title', () => {
  expect(framed('sk_1', 'API key', plain, 80)).toBe(`── API key ──\nsk_1\n${'─'.repeat(13)}\n`);
});

test('limits the rules to the width of the terminal, and keeps the secret in one piece', () => {
  expect(framed(secret, 'API key', plain, 20)).toBe(`── API key ─────────\n${secret}\n${'─'.repeat(20)}\n`);
});

test('prints the secret without color', () => {
  expect(framed(secret, 'API key', painted, 80).split('\n')[1]).toBe(secret);
});
