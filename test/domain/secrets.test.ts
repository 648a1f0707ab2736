import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isConsumptionKey, isManagementKey, masked, redacted } from '../../src/domain/secrets.ts';

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
const secretPart = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 16, maxLength: 48 });
const key = fc
  .tuple(fc.constantFrom('mk_', 'sk_live_', 'sk_pool_', 'sk_', 'sk-'), secretPart)
  .filter(([prefix, secret]) => prefix !== 'sk_' || !/^(?:live|pool)_/.test(secret))
  .map(([prefix, secret]) => ({ text: prefix + secret, secret }));

describe('the kinds of key', () => {
  test.each(['mk_abc', 'mk_A-b_9'])('%s is a management key', (text) => {
    expect([isManagementKey(text), isConsumptionKey(text)]).toEqual([true, false]);
  });

  test.each(['sk_live_abc', 'sk_pool_abc', 'sk_abc', 'sk-abc'])('%s is a consumption key', (text) => {
    expect([isManagementKey(text), isConsumptionKey(text)]).toEqual([false, true]);
  });

  test.each(['', 'mk_', 'sk_', 'mk-abc', ' mk_abc', 'mk_abc\n', 'mk_a b', 'xsk_abc', 'MK_abc', 'mk_ä'])(
    '%j is neither',
    (text) => {
      expect([isManagementKey(text), isConsumptionKey(text)]).toEqual([false, false]);
    },
  );
});

describe('masked', () => {
  test.each([
    ['sk_live_abc123def456', 'sk_live_…f456'],
    ['sk_pool_abc123def456', 'sk_pool_…f456'],
    ['sk_abc123def456', 'sk_…f456'],
    ['sk-abc123def456', 'sk-…f456'],
    ['mk_abc123def456', 'mk_…f456'],
    ['mk_abc123def45', 'mk_…'],
    ['sk_live_short', 'sk_live_…'],
    ['something else', '…else'],
    ['password', '…'],
    ['', '…'],
  ])('shows %j as %j', (secret, shown) => {
    expect(masked(secret)).toBe(shown);
  });

  test('shows no more of any secret than its kind and its last four characters', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          key.map(({ text }) => text),
        ),
        (secret) => {
          const [, prefix = '', shown] = /^(mk_|sk_live_|sk_pool_|sk_|sk-)?…(.{0,4})$/s.exec(masked(secret)) ?? [];
          expect(shown).toBeDefined();
          expect(secret.startsWith(prefix)).toBe(true);
          expect(secret.endsWith(shown ?? '?')).toBe(true);
        },
      ),
    );
  });
});

describe('redacted', () => {
  test.each([
    ['Authorization: Bearer mk_abc123def456', 'Authorization: Bearer …'],
    ['authorization: Basic dXNlcjpwYXNzd29yZA==', 'authorization: Basic …'],
    ['Authorization: opaque-token-1', 'Authorization: …'],
    ["{ authorization: 'Bearer opaque', host: 'a' }", "{ authorization: 'Bearer …', host: 'a' }"],
    ['{"Authorization":"Bearer opaque.token/1+2="}', '{"Authorization":"Bearer …"}'],
    ['"{\\"authorization\\":\\"Bearer opaque\\"}"', '"{\\"authorization\\":\\"Bearer …\\"}"'],
    ['proxy-authorization=Basic abc', 'proxy-authorization=Basic …'],
    ['https://host/v1?api_key=sk_live_abc123def456&x=1', 'https://host/v1?api_key=sk_live_…f456&x=1'],
    ['https://host/?q=key%3Dsk_live_abc123def456', 'https://host/?q=key%3Dsk_live_…f456'],
    ['token%3Ask-abc123def456', 'token%3Ask-…f456'],
    ['{"apiKey":"sk_pool_abc123def456"}', '{"apiKey":"sk_pool_…f456"}'],
    ['"line\\nsk-abc123def456"', '"line\\nsk-…f456"'],
    ['"x\\u003ask-abc123def456"', '"x\\u003ask-…f456"'],
    ['mk_abc123def456,sk_live_abc123def456', 'mk_…f456,sk_live_…f456'],
    ['cut short: sk_live_abc123def456…', 'cut short: sk_live_…f456…'],
    ['keymk_abc123def456', 'keymk_…f456'],
    ['Bearersk-abcdefghij1234567890', 'Bearersk-…7890'],
    ['mk_abcd', 'mk_…'],
  ])('writes %j as %j', (text, shown) => {
    expect(redacted(text)).toBe(shown);
  });

  test.each([
    'the task_list of disk-usage_2026 at risk_level',
    'ask-anything and desk_top',
    'sk_live_…f456 and mk_… are masked already',
    'mk_ and sk- alone',
    'Europe 08:00–16:00 UTC',
    '',
  ])('leaves %j as it is', (text) => {
    expect(redacted(text)).toBe(text);
  });

  test('is the same when done twice', () => {
    fc.assert(
      fc.property(fc.string(), key, fc.string(), (before, { text }, after) => {
        const once = redacted(`${before} ${text} ${after}`);
        expect(redacted(once)).toBe(once);
      }),
    );
  });

  test('lets no key through, whatever surrounds it', () => {
    const joints = fc.constantFrom(
      ' ',
      '"',
      "'",
      '=',
      ':',
      '/',
      '?key=',
      '%20',
      '%3D',
      '%3A',
      '%22',
      '\\n',
      '\\"',
      ',',
      '\n',
      '…',
      '.',
      '',
    );
    const noise = fc.oneof(fc.string(), fc.webUrl(), fc.json(), fc.lorem());
    fc.assert(
      fc.property(noise, joints, key, joints, noise, (before, left, { text, secret }, right, after) => {
        fc.pre(left !== '' || !/[A-Za-z]$/.test(before));
        expect(redacted(before + left + text + right + after)).not.toContain(secret);
      }),
      { numRuns: 2000 },
    );
  });

  test('lets no key through in headers, JSON, addresses and percent-encoding', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        const texts = [
          `Authorization: Bearer ${a.text}`,
          JSON.stringify({ headers: { authorization: `Bearer ${a.text}` }, apiKey: b.text }),
          JSON.stringify(JSON.stringify({ line: `\n${a.text}\t${b.text}` })),
          `https://${a.text}:${b.text}@host/${a.text}#${b.text}`,
          encodeURIComponent(`key=${a.text}&other:${b.text}`),
          `${a.text}${b.text}`,
          `${a.text},${b.text}`,
          `${a.text}\u200b${b.text}`,
        ];
        for (const text of texts) {
          expect(redacted(text)).not.toContain(a.secret);
          expect(redacted(text)).not.toContain(b.secret);
        }
      }),
    );
  });
});
