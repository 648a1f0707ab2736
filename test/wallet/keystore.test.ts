import { describe, expect, test } from 'vitest';
import { decryptKey, encryptKey, parseKeystore } from '../../src/wallet/keystore.ts';
import {
  castAddress,
  castFile,
  castKey,
  keystoreOf,
  pbkdf2Vector,
  scryptVector,
  vectorAddress,
  vectorKey,
  vectorPassword,
} from '../support/keystore.ts';

/** Decrypts the content of a file. @returns the key as hexadecimal digits; undefined if the password is wrong */
async function decrypted(text: string, password = vectorPassword): Promise<string | undefined> {
  const key = await decryptKey(parseKeystore(text, '/w'), Buffer.from(password), '/w');
  return key?.toString('hex');
}

/** Returns the JSON of the vector with PBKDF2 after a change. */
function changed(change: (crypto: typeof pbkdf2Vector.crypto) => object): string {
  return JSON.stringify({ ...pbkdf2Vector, crypto: change(structuredClone(pbkdf2Vector.crypto)) });
}

function withScrypt(parameters: object): string {
  const { crypto } = scryptVector;
  return JSON.stringify({ ...scryptVector, crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, ...parameters } } });
}

describe('a keystore', () => {
  test.each([
    ['the test vector with PBKDF2', JSON.stringify(pbkdf2Vector), vectorKey],
    ['the test vector with scrypt, which OpenSSL refuses', JSON.stringify(scryptVector), vectorKey],
    ['a file of cast', castFile, castKey],
  ])('is decrypted if it is %s', async (_what, text, key) => {
    expect(await decrypted(text)).toBe(key);
  });

  test('is not decrypted with another password', async () => {
    expect(await decrypted(JSON.stringify(pbkdf2Vector), 'testpassworD')).toBeUndefined();
  });

  test.each(['pass', ' two  spaces ', 'Пароль 🔑', 'x'.repeat(1000)])(
    'is decrypted with exactly the password %j',
    async (password) => {
      const text = keystoreOf(castKey, {}, password);
      expect(await decrypted(text, password)).toBe(castKey);
      expect(await decrypted(text, `${password} `)).toBeUndefined();
    },
  );

  // Each encryption and decryption takes a third of a second.
  test('has the members that the definition names, states the address as geth does, and is decrypted', async () => {
    const encrypted = async () => encryptKey(Buffer.from(vectorKey, 'hex'), Buffer.from(' Пароль  🔑'));
    const text = await encrypted();
    expect(text).toMatch(/^[^\n]+\n$/);
    const hex = (digits: number) => expect.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
    expect(JSON.parse(text)).toEqual({
      address: vectorAddress.slice(2).toLowerCase(),
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: hex(32) },
        ciphertext: hex(64),
        kdf: 'scrypt',
        kdfparams: { dklen: 32, n: 131072, r: 8, p: 1, salt: hex(64) },
        mac: hex(64),
      },
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      version: 3,
    });
    expect(text).not.toContain(vectorKey);
    expect(await decrypted(text, ' Пароль  🔑')).toBe(vectorKey);
    // Another one has another salt, vector and id.
    const parts = [text, await encrypted()].map((each) => {
      const { crypto, id } = JSON.parse(each);
      return [crypto.cipherparams.iv, crypto.ciphertext, crypto.kdfparams.salt, crypto.mac, id];
    });
    expect(new Set(parts.flat())).toHaveLength(10);
  });
});

describe('the address that a keystore states', () => {
  const digits = vectorAddress.slice(2);
  test.each([
    [digits.toLowerCase(), vectorAddress],
    [vectorAddress, vectorAddress],
    [`0x${digits.toUpperCase()}`, vectorAddress],
    [digits.slice(1), undefined],
    [`${digits}\n`, undefined],
    [17, undefined],
    [null, undefined],
  ])('is read from %j as %s', (address, read) => {
    expect(parseKeystore(JSON.stringify({ ...pbkdf2Vector, address }), '/w').address).toBe(read);
  });

  test.each([vectorAddress.replace('8AeE', '8aeE'), `0x${digits.slice(0, -1)}B`])(
    'is refused with a wrong checksum: %s',
    (address) => {
      expect(() => parseKeystore(JSON.stringify({ ...pbkdf2Vector, address }), '/w')).toThrow(
        "/w isn't a valid keystore: the checksum of its address is wrong",
      );
    },
  );

  test('is refused if the key has another one', async () => {
    await expect(decrypted(keystoreOf(vectorKey, { address: castAddress }))).rejects.toMatchObject({
      code: 'file_error',
      message: `/w isn't a valid keystore: it states the address ${castAddress}, but its key is that of ${vectorAddress}`,
    });
  });
});

test.each(['00'.repeat(32), 'f'.repeat(64), 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'])(
  'refuses a keystore with %s as its private key',
  async (key) => {
    await expect(decrypted(keystoreOf(key))).rejects.toMatchObject({
      code: 'file_error',
      message: "/w isn't a valid keystore: it contains no valid private key",
    });
  },
);

test.each(['ciphertext', 'mac'] as const)('does not decrypt a keystore with a changed %s', async (name) => {
  const text = changed((crypto) => ({ ...crypto, [name]: crypto[name].replace(/^5/, '6') }));
  expect(text).not.toBe(JSON.stringify(pbkdf2Vector));
  expect(await decrypted(text)).toBeUndefined();
});

describe('a damaged keystore', () => {
  const without = (name: string) =>
    changed((crypto) => Object.fromEntries(Object.entries(crypto).filter(([key]) => key !== name)));
  const parameters = (more: object) =>
    changed((crypto) => ({ ...crypto, kdfparams: { ...crypto.kdfparams, ...more } }));

  test.each([
    ['', "it isn't JSON"],
    ['{"version":3,', "it isn't JSON"],
    [`${'['.repeat(30_000)}`, "it isn't JSON"],
    ['null', 'it must be an object'],
    ['[]', 'it must be an object'],
    ['"x"', 'it must be an object'],
    ['{}', 'version must be 3'],
    ['{"version":3}', 'crypto must be an object'],
    ['{"version":3,"__proto__":{"crypto":{}}}', 'crypto must be an object'],
    [JSON.stringify({ ...pbkdf2Vector, version: 1 }), 'version must be 3'],
    [without('cipher'), 'crypto.cipher must be aes-128-ctr'],
    [changed((crypto) => ({ ...crypto, cipher: 'aes-128-cbc' })), 'crypto.cipher must be aes-128-ctr'],
    [without('kdf'), 'crypto.kdf must be scrypt or pbkdf2'],
    [changed((crypto) => ({ ...crypto, kdf: 'argon2id' })), 'crypto.kdf must be scrypt or pbkdf2'],
    [without('kdfparams'), 'crypto.kdfparams must be an object'],
    [without('cipherparams'), 'crypto.cipherparams must be an object'],
    [changed((crypto) => ({ ...crypto, cipherparams: {} })), 'crypto.cipherparams.iv must be 32 hexadecimal digits'],
    [without('ciphertext'), 'crypto.ciphertext must be 64 hexadecimal digits'],
    [
      changed((crypto) => ({ ...crypto, ciphertext: 'zz'.repeat(32) })),
      'crypto.ciphertext must be 64 hexadecimal digits',
    ],
    [
      changed((crypto) => ({ ...crypto, ciphertext: 'aa'.repeat(33) })),
      'crypto.ciphertext must be 64 hexadecimal digits',
    ],
    [without('mac'), 'crypto.mac must be 64 hexadecimal digits'],
    [changed((crypto) => ({ ...crypto, mac: crypto.mac.slice(2) })), 'crypto.mac must be 64 hexadecimal digits'],
    [parameters({ salt: undefined }), 'crypto.kdfparams.salt must be hexadecimal digits'],
    [parameters({ salt: 'a' }), 'crypto.kdfparams.salt must be hexadecimal digits'],
    [parameters({ salt: 'aa'.repeat(1025) }), 'crypto.kdfparams.salt must be hexadecimal digits'],
    [parameters({ prf: 'hmac-sha512' }), 'crypto.kdfparams.prf must be hmac-sha256'],
    [parameters({ c: undefined }), 'crypto.kdfparams.c must be a whole number above 0'],
    [parameters({ c: '262144' }), 'crypto.kdfparams.c must be a whole number above 0'],
    [parameters({ c: 1e300 }), 'crypto.kdfparams.c must be a whole number above 0'],
    [parameters({ c: 2_000_001 }), 'crypto.kdfparams.c is above 2000000'],
    [parameters({ dklen: undefined }), 'crypto.kdfparams.dklen must be 32'],
    [parameters({ dklen: 16 }), 'crypto.kdfparams.dklen must be 32'],
    [parameters({ dklen: 2 ** 31 }), 'crypto.kdfparams.dklen must be 32'],
    [withScrypt({ n: 0 }), 'crypto.kdfparams.n must be a whole number above 0'],
    [withScrypt({ n: 1 }), 'crypto.kdfparams.n must be a power of two above 1'],
    [withScrypt({ n: 262145 }), 'crypto.kdfparams.n must be a power of two above 1'],
    [withScrypt({ r: 0 }), 'crypto.kdfparams.r must be a whole number above 0'],
    [withScrypt({ p: -1 }), 'crypto.kdfparams.p must be a whole number above 0'],
    [withScrypt({ p: 1.5 }), 'crypto.kdfparams.p must be a whole number above 0'],
  ])('is refused: %.60j', (text, what) => {
    expect(() => parseKeystore(text, '/w')).toThrow(
      expect.objectContaining({ code: 'file_error', message: `/w isn't a valid keystore: ${what}` }),
    );
  });

  test.each([
    [{ n: 2 ** 30 }, 'takes more than 512 MiB of memory'],
    [{ n: 2 ** 30, r: 8 }, 'takes more than 512 MiB of memory'],
    [{ n: 2, p: 2 ** 30 }, 'takes more than 512 MiB of memory'],
    [{ r: 2 ** 40, n: 2 }, 'takes more than 512 MiB of memory'],
    [{ n: 2 ** 19, r: 8, p: 1 }, 'takes more than 512 MiB of memory'],
    [{ n: 2 ** 18, r: 8, p: 9 }, 'takes too long'],
    [{ n: 2 ** 18, r: 1, p: 65 }, 'takes too long'],
  ])('is refused if scrypt would need %j', (parameters, why) => {
    expect(() => parseKeystore(withScrypt(parameters), '/w')).toThrow(
      expect.objectContaining({
        code: 'file_error',
        message: `/w isn't a valid keystore: with its crypto.kdfparams, opening it ${why}`,
      }),
    );
  });

  test.each([
    { n: 2 ** 18, r: 8, p: 1 },
    { n: 2 ** 18, r: 8, p: 8 },
  ])('is not refused with the parameters %j, which others use', (parameters) => {
    expect(parseKeystore(withScrypt(parameters), '/w').derivation).toMatchObject(parameters);
  });
});
