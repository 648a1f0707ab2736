import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Prompts } from '../../src/prompts/prompts.ts';
import { loadWallet, Wallet } from '../../src/wallet/load.ts';
import { Buffered } from '../support/buffer.ts';
import { emptyFolder } from '../support/folder.ts';
import { castAddress, castFile, castKey, vectorPassword } from '../support/keystore.ts';
import { Line, promptOptions } from '../support/person.ts';
import { worldWith } from '../support/world.ts';

/** Opens the file of cast with a password in a file. */
async function loaded(password: string | Buffer): Promise<Wallet> {
  const folder = emptyFolder();
  const file = path.join(folder, 'wallet');
  writeFileSync(file, castFile, { mode: 0o600 });
  const passwordFile = path.join(folder, 'password');
  writeFileSync(passwordFile, password);
  const prompts = new Prompts({ stdin: new Line(false), stderr: new Line(false) }, promptOptions());
  return loadWallet(
    { prompts, world: worldWith({ stdout: new Buffered(false) }) },
    { name: null, file },
    { file: passwordFile },
  );
}

test.each([vectorPassword, `${vectorPassword}\n`, `${vectorPassword} \t\r\n\n`, `${vectorPassword}\u00a0\u2003\u0085`])(
  'opens a wallet of cast with the password file %j, as cast does',
  async (password) => {
    expect((await loaded(password)).address).toBe(castAddress);
  },
);

test.each(['', '\n', ` ${vectorPassword}`, `${vectorPassword}\nx`])(
  'refuses the password file %j',
  async (password) => {
    await expect(loaded(password)).rejects.toMatchObject({
      code: 'usage',
      exitCode: 2,
      message: expect.stringMatching(/^The password in .*\/password is wrong$/),
    });
  },
);

test.each(['\ufefftestpassword', 'test\0password', Buffer.from('testpassword', 'utf16le'), Buffer.from([0xe4])])(
  'refuses a password file that is no plain UTF-8 text: %j',
  async (content) => {
    await expect(loaded(content)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/password isn't a plain UTF-8 text$/),
    });
  },
);

test('signs nothing but 32 bytes', () => {
  const wallet = new Wallet(Buffer.from(castKey, 'hex'));
  expect(() => wallet.sign('0x11')).toThrow('a hash has 32 bytes');
});

test('signs a message and a hash as cast does', () => {
  const wallet = new Wallet(Buffer.from(castKey, 'hex'));
  // `cast wallet sign` and `cast wallet sign --no-hash` 1.7.1.
  expect(wallet.signMessage('Some data')).toBe(
    '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c',
  );
  expect(wallet.sign(`0x${'11'.repeat(32)}`)).toBe(
    '0x004375c2180a2a322c6b22b43ca111dadb74ddb0a2f96e427eac82982fd68b4e3dfee5991d071b74211a070b6660783820a15fdd5355fabb31702dac53e62c721b',
  );
});

test('wipes the private key when it is closed, and signs no more', () => {
  const key = Buffer.from(castKey, 'hex');
  const wallet = new Wallet(key);
  wallet.close();
  expect(key).toEqual(Buffer.alloc(32));
  expect(() => wallet.signMessage('x')).toThrow('the wallet is closed');
});
