import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SecretMask } from '../../src/gateway/secret-mask.ts';

const secret = 'sk_live_s0sk_live_';
const masked = '*'.repeat(secret.length);

/** Masks a body that arrives in parts. @returns what is passed on after each part, and at the end */
function passedOn(parts: readonly string[]): string[] {
  const mask = new SecretMask(secret);
  const passed = parts.map((part) => mask.add(Buffer.from(part, 'latin1')).toString('latin1'));
  return [...passed, mask.end()?.toString('latin1') ?? ''];
}

test('passes everything else on as it arrives', () => {
  const parts = ['data: {"text":"sk"}\n\n', '', 'sk_live', '_x', 'sk_live_s', '0sk_live'];
  expect(passedOn(parts)).toEqual(['data: {"text":"sk"}\n\n', '', '', 'sk_live_x', '', '', 'sk_live_s0sk_live']);
});

test('masks the secret wherever the parts of a body begin', () => {
  const piece = fc.oneof(
    fc.constantFrom(secret, secret.slice(0, 9), secret.slice(0, -1), 's', 'sk_', '\xff'),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.nat(60)), (pieces, cuts) => {
      const body = pieces.join('').replace(/[^\x00-\xff]/g, '?');
      const places = [...new Set([0, ...cuts.filter((at) => at < body.length), body.length])].sort((a, b) => a - b);
      const parts = places.slice(1).map((end, index) => body.slice(places[index], end));
      expect(passedOn(parts).join('')).toBe(body.replaceAll(secret, masked));
    }),
    { numRuns: 2000 },
  );
});

test('leaves what arrived as it is', () => {
  const part = Buffer.from(`a ${secret} b`);
  expect(new SecretMask(secret).add(part).toString()).toBe(`a ${masked} b`);
  expect(part.toString()).toBe(`a ${secret} b`);
});

test('masks texts', () => {
  expect(new SecretMask(secret).text(`a ${secret}, ${secret}`)).toBe(`a ${masked}, ${masked}`);
});

test('masks nothing without a secret', () => {
  const mask = new SecretMask('');
  expect([mask.text('a b'), mask.add(Buffer.from('a b')).toString(), mask.end()]).toEqual(['a b', 'a b', undefined]);
});
