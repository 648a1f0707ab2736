import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { keccak256 } from 'ox/Hash';
import { type Address, addressIn, hasWrongChecksum } from '../chain/address.ts';
import { CommandError } from '../domain/errors.ts';
import { isObject } from '../domain/json.ts';
import { addressOf, isPrivateKey, keyLength } from './private-key.ts';

/**
 * The content of a keystore file: a private key, encrypted with a password. Source: Web3 Secret Storage Definition, version 3
 * (https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/).
 */
export interface Keystore {
  /** The address that the file states. `cast wallet` writes none. Only the key proves that it is right. */
  readonly address: Address | undefined;
  readonly derivation: Derivation;
  /** The initialization vector of AES-128-CTR. */
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  /** Keccak-256 of the second half of the derived key and the ciphertext. */
  readonly mac: Buffer;
}

/** How a key is derived from the password. */
type Derivation = { readonly salt: Buffer } & (
  | { readonly kdf: 'scrypt'; readonly n: number; readonly r: number; readonly p: number }
  | { readonly kdf: 'pbkdf2'; readonly iterations: number }
);

const cipher = 'aes-128-ctr';
/** The length of a derived key, in bytes: half for the cipher, half for the checksum. */
const derivedLength = 32;

/** The parameters for new files, as OWASP recommends (Password Storage Cheat Sheet): 128 MiB, and 0.4 s. */
const usual = { kdf: 'scrypt', n: 2 ** 17, r: 8, p: 1 } as const;

/** Limits for files of others. `geth` uses 256 MiB (n=2^18, r=8, p=1). */
const mostMemory = 512 * 2 ** 20;
/** In blocks of 128 bytes that scrypt mixes: eight times as many as in files of `geth`. */
const mostWork = 2 ** 24;
/** Of PBKDF2: eight times as many as in the definition's example. */
const mostIterations = 2_000_000;
const longestSalt = 1024;

/**
 * Parses a keystore. Refuses parameters that would take too much memory or time.
 *
 * @param file - its path, for the error
 * @throws CommandError (file_error)
 */
export function parseKeystore(text: string, file: string): Keystore {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error would quote the file, which may be a private key.
    throw invalid(file, "it isn't JSON");
  }
  const whole = new Members(value, '', file);
  if (whole.get('version') !== 3) throw invalid(file, 'version must be 3');
  const crypto = whole.object('crypto');
  if (crypto.get('cipher') !== cipher) throw invalid(file, `crypto.cipher must be ${cipher}`);
  const stated = whole.get('address');
  const address = typeof stated === 'string' ? addressIn(stated) : undefined;
  if (typeof stated === 'string' && hasWrongChecksum(stated))
    throw invalid(file, 'the checksum of its address is wrong');
  return {
    address,
    derivation: derivationIn(crypto, file),
    iv: crypto.object('cipherparams').bytes('iv', 16),
    ciphertext: crypto.bytes('ciphertext', keyLength),
    mac: crypto.bytes('mac', 32),
  };
}

function derivationIn(crypto: Members, file: string): Derivation {
  const kdf = crypto.get('kdf');
  const parameters = crypto.object('kdfparams');
  if (parameters.get('dklen') !== derivedLength) throw invalid(file, `crypto.kdfparams.dklen must be ${derivedLength}`);
  const salt = parameters.bytes('salt');
  if (kdf === 'pbkdf2') {
    if (parameters.get('prf') !== 'hmac-sha256') throw invalid(file, 'crypto.kdfparams.prf must be hmac-sha256');
    const iterations = parameters.count('c');
    if (iterations > mostIterations) throw invalid(file, `crypto.kdfparams.c is above ${mostIterations}`);
    return { kdf, salt, iterations };
  }
  if (kdf !== 'scrypt') throw invalid(file, 'crypto.kdf must be scrypt or pbkdf2');
  const [n, r, p] = [parameters.count('n'), parameters.count('r'), parameters.count('p')];
  if (n < 2 || !Number.isInteger(Math.log2(n)))
    throw invalid(file, 'crypto.kdfparams.n must be a power of two above 1');
  if (memoryOf({ n, r, p }) > mostMemory) {
    throw invalid(file, `with its crypto.kdfparams, opening it takes more than ${mostMemory / 2 ** 20} MiB of memory`);
  }
  if (n * r * p > mostWork) throw invalid(file, 'with its crypto.kdfparams, opening it takes too long');
  return { kdf, salt, n, r, p };
}

/** The members of an object in a keystore. */
class Members {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #file: string;

  /** @param path - of the object, with a period at its end */
  constructor(value: unknown, path: string, file: string) {
    if (!isObject(value)) throw invalid(file, `${path === '' ? 'it' : path.slice(0, -1)} must be an object`);
    this.#members = value;
    this.#path = path;
    this.#file = file;
  }

  get(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
  }

  object(name: string): Members {
    return new Members(this.get(name), `${this.#path}${name}.`, this.#file);
  }

  /** Returns a whole number above 0. */
  count(name: string): number {
    const value = this.get(name);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    throw this.#invalid(name, 'a whole number above 0');
  }

  /** Returns bytes from hexadecimal digits. @param length - if absent, there can be any number of them */
  bytes(name: string, length?: number): Buffer {
    const value = this.get(name);
    const isHex = typeof value === 'string' && value.length <= 2 * longestSalt && /^(?:[0-9a-f]{2})+$/i.test(value);
    if (isHex && (length === undefined || value.length === 2 * length)) return Buffer.from(value, 'hex');
    throw this.#invalid(name, length === undefined ? 'hexadecimal digits' : `${2 * length} hexadecimal digits`);
  }

  #invalid(name: string, what: string): CommandError {
    return invalid(this.#file, `${this.#path}${name} must be ${what}`);
  }
}

/** Returns the error for a file that can't be a keystore. @param what - follows a colon */
function invalid(file: string, what: string): CommandError {
  return new CommandError('file_error', `${file} isn't a valid keystore: ${what}`, {
    hint: 'Restore it from a backup, or import its private key again with `ci agent wallet import`.',
  });
}

/**
 * Decrypts the private key of a keystore.
 *
 * @param password - UTF-8
 * @param file - its path, for the error
 * @returns the key, which the caller wipes; undefined if the password is wrong, or the file was changed
 * @throws CommandError (file_error) if the file contains another address than that of its key, or no key
 */
export async function decryptKey(keystore: Keystore, password: Buffer, file: string): Promise<Buffer | undefined> {
  const { derivation, iv, ciphertext, mac, address } = keystore;
  const derived = await derive(derivation, password);
  let key: Buffer;
  try {
    if (!timingSafeEqual(macOf(derived, ciphertext), mac)) return undefined;
    const decipher = createDecipheriv(cipher, derived.subarray(0, 16), iv);
    // In counter mode this is everything. Buffer.concat would make a copy.
    key = decipher.update(ciphertext);
    decipher.final();
  } finally {
    derived.fill(0);
  }
  const mistake = !isPrivateKey(key)
    ? 'it contains no valid private key'
    : address !== undefined && address !== addressOf(key)
      ? `it states the address ${address}, but its key is that of ${addressOf(key)}`
      : undefined;
  if (mistake === undefined) return key;
  key.fill(0);
  throw invalid(file, mistake);
}

/** Encrypts a private key. @param password - UTF-8 @returns the content of a keystore file, which states the address */
export async function encryptKey(key: Buffer, password: Buffer): Promise<string> {
  const [salt, iv] = [randomBytes(32), randomBytes(16)];
  const derived = await derive({ ...usual, salt }, password);
  try {
    const ciphertext = createCipheriv(cipher, derived.subarray(0, 16), iv).update(key);
    const { kdf, ...parameters } = usual;
    const keystore = {
      // As geth writes it.
      address: addressOf(key).slice(2).toLowerCase(),
      crypto: {
        cipher,
        cipherparams: { iv: iv.toString('hex') },
        ciphertext: ciphertext.toString('hex'),
        kdf,
        kdfparams: { dklen: derivedLength, ...parameters, salt: salt.toString('hex') },
        mac: macOf(derived, ciphertext).toString('hex'),
      },
      id: randomUUID(),
      version: 3,
    };
    return `${JSON.stringify(keystore)}\n`;
  } finally {
    derived.fill(0);
  }
}

function macOf(derived: Buffer, ciphertext: Buffer): Buffer {
  const input = Buffer.concat([derived.subarray(16, 32), ciphertext]);
  const mac = Buffer.from(keccak256(input, { as: 'Bytes' }));
  input.fill(0);
  return mac;
}

/** Returns the bytes that scrypt uses at once (RFC 7914, section 5: its vector, its blocks as it reads and mixes them, and one more). */
function memoryOf({ n, r, p }: { readonly n: number; readonly r: number; readonly p: number }): number {
  return 128 * r * (n + 2 * p + 2);
}

async function derive(derivation: Derivation, password: Buffer): Promise<Buffer> {
  const { salt } = derivation;
  if (derivation.kdf === 'pbkdf2') {
    return settled((done) => pbkdf2(password, salt, derivation.iterations, derivedLength, 'sha256', done));
  }
  const { n, r, p } = derivation;
  if (r === 1 && n >= 2 ** 16) return deriveWithoutOpenSsl({ n, r, p }, salt, password);
  const options = { N: n, r, p, maxmem: memoryOf({ n, r, p }) + 1024 };
  return settled((done) => scrypt(password, salt, derivedLength, options, done));
}

/** Derives a key with parameters that RFC 7914 rules out, and so OpenSSL refuses, although the definition of keystores has a test with them. */
async function deriveWithoutOpenSsl(
  parameters: { readonly n: number; readonly r: number; readonly p: number },
  salt: Buffer,
  password: Buffer,
): Promise<Buffer> {
  const { scryptAsync } = await import('ox/Keystore');
  const [derived] = await scryptAsync({ ...parameters, salt, password: password.toString('utf8') });
  return Buffer.from(derived().slice(2), 'hex');
}

function settled(start: (done: (error: Error | null, result: Buffer) => void) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  });
}
