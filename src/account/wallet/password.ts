import { closeSync, openSync, readSync } from 'node:fs';
import { resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { messageOf, usageError } from '../../domain/errors.ts';
import { isSpace } from './private-key.ts';

/** The largest password file, in bytes. */
const mostBytes = 4096;

const missing = "Can't ask for the password without a terminal. Pass --password-file FILE";

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
    const password = passwordIn(passwordFile, world);
    if (password.length > 0) return password;
    throw usageError(`The password in ${passwordFile} is empty`, 'Nothing was saved. Write a password to the file.');
  }
  for (;;) {
    const password = await prompts.secret('Password for the wallet:', missing, (typed) =>
      typed === '' ? 'Enter a password.' : undefined,
    );
    const repeated = await prompts.secret('Repeat the password:', missing, () => undefined);
    if (repeated === password) return Buffer.from(password);
    output.note("The passwords don't match. Try again.");
  }
}

/**
 * Returns what unlocks something with its password: with the one in the file, or with those that the user is asked for until one
 * is right. Wipes each.
 *
 * @param message - the question: `Password of wallet "agent":`
 * @param unlock - returns undefined if the password is wrong
 * @throws CommandError (usage) if the password in the file is wrong; (input_required)
 */
export async function unlocked<Value>(
  { prompts, world }: Pick<Context, 'prompts' | 'world'>,
  passwordFile: string | undefined,
  message: string,
  unlock: (password: Buffer) => Promise<Value | undefined>,
): Promise<Value> {
  const attempt = async (password: Buffer) => {
    try {
      return await unlock(password);
    } finally {
      password.fill(0);
    }
  };
  if (passwordFile !== undefined) {
    const value = await attempt(passwordIn(passwordFile, world));
    if (value !== undefined) return value;
    throw usageError(
      `The password in ${passwordFile} is wrong`,
      'Pass the file with the password of this wallet. If it is right, the wallet is damaged: restore it from a backup.',
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
 * Reads a password from a file, which may be a pipe. Leaves out spaces and line breaks at its end, as `cast wallet` does.
 *
 * @throws CommandError (usage)
 */
function passwordIn(file: string, world: Pick<Context['world'], 'cwd'>): Buffer {
  const buffer = Buffer.alloc(mostBytes + 1);
  let length = 0;
  try {
    const handle = openSync(resolved(file, world), 'r');
    try {
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        read = readSync(handle, buffer, length, buffer.length - length, null);
      }
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    buffer.fill(0);
    throw usageError(`Can't read ${file}: ${messageOf(error)}`, 'Pass a file that contains the password.');
  }
  if (length > mostBytes) {
    buffer.fill(0);
    throw usageError(
      `${file} is too large for a password`,
      `Pass a file of at most ${mostBytes} bytes that contains the password.`,
    );
  }
  while (isSpace(buffer[length - 1])) length -= 1;
  return buffer.subarray(0, length);
}
