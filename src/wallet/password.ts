import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { resolved } from '../config/folders.ts';
import { KeychainEntry } from '../config/keychain.ts';
import type { Context } from '../context/context.ts';
import { readSecret } from '../context/input-stream.ts';
import { CommandError, messageOf, usageError } from '../domain/errors.ts';
import { interrupted } from '../prompts/question.ts';
import { refusePrivateKey, type WalletPlace } from './files.ts';
import { looksLikePrivateKey } from './private-key.ts';

/** The largest password file, in bytes. */
const mostBytes = 4096;

const missing = "Can't ask for the password without a terminal. Pass --password-file FILE";

/** Where the password of a wallet is. If nowhere, the user is asked. */
export interface PasswordSource {
  /** The path of a file, as typed. */
  readonly file?: string | undefined;
  /** Whether it is in the system keychain. */
  readonly keychain?: boolean | undefined;
}

/** Refuses to continue if there is no password file, and the user can't be asked. @throws CommandError (input_required) */
export function requirePassword({ prompts }: Pick<Context, 'prompts'>, passwordFile: string | undefined): void {
  if (passwordFile === undefined) prompts.requirePrompt(missing);
}

/**
 * Returns the password for a new wallet: from the file, or asked for twice.
 *
 * @returns UTF-8, which the caller wipes
 * @throws CommandError (usage) if it is empty; (input_required)
 */
export async function newPassword(
  { output, prompts, world }: Pick<Context, 'output' | 'prompts' | 'world'>,
  passwordFile: string | undefined,
): Promise<Buffer> {
  if (passwordFile !== undefined) {
    const password = await passwordIn(passwordFile, world);
    const isKey = looksLikePrivateKey(password.toString('utf8'));
    if (password.length > 0 && !isKey) return password;
    password.fill(0);
    throw usageError(
      `The password in ${passwordFile} is ${isKey ? 'a private key' : 'empty'}`,
      'Nothing was saved. Write a password to the file.',
    );
  }
  for (;;) {
    const password = await prompts.secret('Password for the wallet:', missing, mistakeIn);
    const repeated = await prompts.secret('Repeat the password:', missing, () => undefined);
    if (repeated === password) return Buffer.from(password);
    output.note("The passwords don't match. Try again.");
  }
}

/** Returns what is wrong with a new password. */
function mistakeIn(password: string): string | undefined {
  if (password === '') return 'Enter a password.';
  // A password file would lose it.
  if (endsWithSpace(password)) return "A password can't end with a space or tab.";
  return looksLikePrivateKey(password) ? 'That is a private key. Choose another password.' : undefined;
}

/**
 * Returns what unlocks a wallet with its password: with the one in the file or in the keychain, or with those that the user is asked for until one
 * is right. Wipes each.
 *
 * @param message - the question: `Password of wallet "agent":`
 * @param unlock - returns undefined if the password is wrong
 * @throws CommandError (usage) if the password in the file or in the keychain is wrong; (keychain_error); (input_required)
 */
export async function unlocked<Value>(
  { prompts, world }: Pick<Context, 'prompts' | 'world'>,
  { file: passwordFile, keychain }: PasswordSource,
  { wallet, message }: { readonly wallet: WalletPlace; readonly message: string },
  unlock: (password: Buffer) => Promise<Value | undefined>,
): Promise<Value> {
  const attempt = async (password: Buffer) => {
    try {
      const value = await unlock(password);
      if (world.interrupt.aborted) throw interrupted();
      return value;
    } finally {
      password.fill(0);
    }
  };
  if (passwordFile !== undefined) {
    const value = await attempt(await passwordIn(passwordFile, world));
    if (value !== undefined) return value;
    throw usageError(
      `The password in ${passwordFile} is wrong`,
      'Pass the file with the password of this wallet. If it is right, the wallet is damaged: restore it from a backup.',
    );
  }
  if (keychain) {
    const saved = KeychainEntry.ofWallet(wallet.file).read();
    const value = saved === undefined ? undefined : await attempt(Buffer.from(saved));
    if (value !== undefined) return value;
    throw usageError(
      `The keychain has ${saved === undefined ? 'no' : 'a wrong'} password for ${wallet.file}`,
      'Leave out --keychain to type it.',
    );
  }
  let value: Value | undefined;
  await prompts.secret(message, missing, async (typed) => {
    value = await attempt(Buffer.from(typed));
    return value === undefined ? 'Wrong password. Try again.' : undefined;
  });
  if (value === undefined) throw new Error('a wrong password was accepted');
  return value;
}

/**
 * Reads a password from a file, which may be a pipe. Leaves out white space at its end, as `cast wallet` does.
 *
 * @throws CommandError (usage), (interrupted)
 */
async function passwordIn(file: string, world: Pick<Context['world'], 'cwd' | 'interrupt'>): Promise<Buffer> {
  refusePrivateKey(file, 'the path of a password file');
  const text = await contentOf(file, world);
  try {
    // Other programs would read other bytes from the file, or refuse it.
    if (!isUtf8(text) || text.includes(0) || text.indexOf(byteOrderMark) === 0) {
      throw usageError(
        `${file} isn't a plain UTF-8 text`,
        'Save the password as UTF-8 without a byte order mark, such as with `printf %s`.',
      );
    }
    return Buffer.from(text.subarray(0, lengthWithoutSpace(text)));
  } finally {
    text.fill(0);
  }
}

const byteOrderMark = Buffer.from('\ufeff');

/** Returns the length of UTF-8 text without the white space at its end. Copies no more of it than one character. */
function lengthWithoutSpace(text: Buffer): number {
  for (let end = text.length; ; ) {
    let from = end - 1;
    // Other bytes of a character than its first begin with the bits 10.
    while (from > 0 && ((text[from] ?? 0) & 0xc0) === 0x80) from--;
    if (end === 0 || !endsWithSpace(text.toString('utf8', from, end))) return end;
    end = from;
  }
}

function endsWithSpace(text: string): boolean {
  return /\p{White_Space}$/u.test(text);
}

/** Reads a small file, or a pipe to its end. @returns the bytes, which the caller wipes */
async function contentOf(
  file: string,
  { cwd, interrupt }: Pick<Context['world'], 'cwd' | 'interrupt'>,
): Promise<Buffer> {
  try {
    // Without O_NONBLOCK, opening a pipe waits for a program that writes to it, and can't be interrupted.
    const handle = openSync(resolved(file, { cwd }), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    if (fstatSync(handle).isFIFO()) return await readSecret({ stdin: pipe(handle), interrupt }, file, mostBytes);
    try {
      return bytesIn(handle, file);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw usageError(`Can't read ${file}: ${messageOf(error)}`, 'Pass a file that contains the password.');
  }
}

declare global {
  /** The part of Bun that reads from pipes. */
  var Bun: { file(handle: number): { stream(): AsyncIterable<Uint8Array> } } | undefined;
}

/** Reads a pipe that was opened without waiting for its writer. In Bun, a Socket never gets anything from a pipe. */
async function* pipe(handle: number): AsyncGenerator<Buffer> {
  if (!globalThis.Bun) return yield* new Socket({ fd: handle });
  for await (const { buffer, byteOffset, length } of globalThis.Bun.file(handle).stream()) {
    yield Buffer.from(buffer, byteOffset, length);
  }
}

function bytesIn(handle: number, file: string): Buffer {
  const buffer = Buffer.alloc(mostBytes + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = readSync(handle, buffer, length, buffer.length - length, null);
  }
  if (length <= mostBytes) return buffer.subarray(0, length);
  buffer.fill(0);
  throw usageError(`${file} is too long`, `Pass at most ${mostBytes} bytes.`);
}
