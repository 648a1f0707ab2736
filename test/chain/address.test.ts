import { describe, expect, test } from 'vitest';
import { addressIn, hasWrongChecksum } from '../../src/chain/address.ts';

/** From EIP-55. */
const examples = [
  '0x52908400098527886E0F7030069857D2E4169EE7',
  '0xde709f2102306220921060314715629080e2fb77',
  '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
  '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
  '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
];

describe('an address', () => {
  test.each(examples)('gets its checksum (%s)', (address) => {
    expect(addressIn(address.toLowerCase())).toBe(address);
    expect(addressIn(address.slice(2).toUpperCase())).toBe(address);
    expect(addressIn(address)).toBe(address);
    expect(hasWrongChecksum(address)).toBe(false);
    expect(hasWrongChecksum(address.toLowerCase())).toBe(false);
  });

  test.each([
    '',
    '0x',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg',
    ' 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n',
    'vitalik.eth',
    '0x５aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
  ])('is not %j', (text) => {
    expect(addressIn(text)).toBeUndefined();
    expect(hasWrongChecksum(text)).toBe(false);
  });

  test('has a wrong checksum if one letter has the other case', () => {
    expect(hasWrongChecksum('0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed')).toBe(true);
    expect(hasWrongChecksum('5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed')).toBe(true);
  });
});
