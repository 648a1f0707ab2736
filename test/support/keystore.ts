import { createCipheriv, scryptSync } from 'node:crypto';
import { keccak256 } from 'ox/Hash';

/** The private key, address and password of the test vectors of the Web3 Secret Storage Definition. */
export const vectorKey = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d';
export const vectorAddress = '0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b';
export const vectorPassword = 'testpassword';

/** The test vector with PBKDF2. */
export const pbkdf2Vector = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: {
      c: 262144,
      dklen: 32,
      prf: 'hmac-sha256',
      salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
    },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
};

/** The test vector with scrypt, whose parameters OpenSSL refuses. */
export const scryptVector = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 262144,
      r: 1,
      p: 8,
      salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
    },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
};

/** The private key and address of {@link castFile}. */
export const castKey = '4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318';
export const castAddress = '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23';

/** What `cast wallet import` 1.7.1 wrote for that key, with the password of the vectors. It states no address. */
export const castFile =
  '{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"8f6b1798a79d6083035b7ddf3e637ccf"},"ciphertext":"7522a7ff8332060358b3b050ddd9c687c2abcc3c1229506452f74adec7a85b15","kdf":"scrypt","kdfparams":{"dklen":32,"n":8192,"p":1,"r":8,"salt":"31d64513e45f8987f2128ffab5d7eb883c7bcca34ca2af068ee4929222bba0c9"},"mac":"f0f5e7039d50a9a0a4daf6d60a871b06f863f899ba6abb3b9fe93e4f06e4043d"},"id":"8e4caad5-0530-41ef-889e-b0b17dc6151e","version":3}';

/** Returns a keystore with any 32 bytes as its key. It is encrypted with little work. @param more - other members */
export function keystoreOf(key: string, more: object = {}, password = vectorPassword): string {
  const [n, r, p] = [2, 8, 1];
  const [salt, iv] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
  const derived = scryptSync(password, salt, 32, { N: n, r, p });
  const ciphertext = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv).update(Buffer.from(key, 'hex'));
  const mac = keccak256(Buffer.concat([derived.subarray(16), ciphertext]), { as: 'Hex' });
  const crypto = {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: iv.toString('hex') },
    ciphertext: ciphertext.toString('hex'),
    kdf: 'scrypt',
    kdfparams: { dklen: 32, n, r, p, salt: salt.toString('hex') },
    mac: mac.slice(2),
  };
  return JSON.stringify({ crypto, id: '8e4caad5-0530-41ef-889e-b0b17dc6151e', version: 3, ...more });
}
