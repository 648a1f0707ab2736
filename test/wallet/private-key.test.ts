import { describe, expect, test } from 'vitest';
import { addressOf, newPrivateKey, parsePrivateKey } from '../../src/wallet/private-key.ts';
import { castAddress, castKey, vectorAddress, vectorKey } from '../support/keystore.ts';

const highest = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140';
const order = highest.replace(/0$/, '1');

describe('a private key', () => {
  test.each([
    [vectorKey, vectorKey],
    [`0x${vectorKey}`, vectorKey],
    [`0X${vectorKey.toUpperCase()}`, vectorKey],
    [`${vectorKey}\n`, vectorKey],
    [` \t\r\n0x${vectorKey}\r\n\v\f `, vectorKey],
    ['1'.padStart(64, '0'), '1'.padStart(64, '0')],
    [highest, highest],
  ])('is read from %j', (text, key) => {
    expect(parsePrivateKey(Buffer.from(text)).toString('hex')).toBe(key);
  });

  const digits = 'The private key contains something other than hexadecimal digits';
  const range = 'The private key is out of range: it must be above 0 and below the order of secp256k1';
  test.each([
    ['', 'The private key is empty'],
    [' \n', 'The private key is empty'],
    ['0x', 'The private key has 0 digits'],
    [vectorKey.slice(1), 'The private key has 63 digits'],
    [`${vectorKey}0`, 'The private key has 65 digits'],
    [`0x0x${vectorKey}`, digits],
    [`${vectorKey.slice(0, 32)} ${vectorKey.slice(32)}`, digits],
    [`${vectorKey}\n${vectorKey}`, digits],
    [`"${vectorKey}"`, digits],
    [vectorKey.replace('a', 'g'), digits],
    [vectorKey.replace('7', '７'), digits],
    ['0'.repeat(64), range],
    [order, range],
    ['f'.repeat(64), range],
  ])('is refused: %j', (text, message) => {
    expect(() => parsePrivateKey(Buffer.from(text))).toThrow(
      expect.objectContaining({
        code: 'usage',
        exitCode: 2,
        message,
        hint: 'Nothing was saved. A private key has 64 hexadecimal digits, after an optional 0x.',
      }),
    );
  });

  test.each([
    [vectorKey, vectorAddress],
    [castKey, castAddress],
    ['1'.padStart(64, '0'), '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'],
  ])('has the address: %s', (key, address) => {
    expect(addressOf(Buffer.from(key, 'hex'))).toBe(address);
  });

  test('is another one each time it is created', () => {
    const keys = Array.from({ length: 20 }, () => newPrivateKey().toString('hex'));
    expect(new Set(keys)).toHaveLength(20);
    for (const key of keys) expect(parsePrivateKey(Buffer.from(key)).toString('hex')).toBe(key);
  });
});
