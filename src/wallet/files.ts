import { closeSync, fstatSync, lstatSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { homeOf, resolved } from '../config/folders.ts';
import type { Environment, Surroundings } from '../domain/environment.ts';
import { CommandError, codeOf, messageOf, usageError } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { isLeftoverName } from '../state/drafts.ts';
import { makeFolder, namesIn, realPathOf, refuseForeignFolder, statsOf } from '../state/folder.ts';
import { openOwnFile } from '../state/own-file.ts';
import { Draft } from '../state/replace-file.ts';
import { type Keystore, parseKeystore } from './keystore.ts';
import { looksLikePrivateKey } from './private-key.ts';

/** Where a wallet is. */
export interface WalletPlace {
  /** Its name, if it is in Foundry's directory; otherwise null. */
  readonly name: string | null;
  /** The absolute path of its keystore file. */
  readonly file: string;
}

const whatToPass = 'Pass the path of a keystore file of yours.';

/** The largest keystore file that is read, in bytes. One with a private key has about 500. */
const mostBytes = 64 * 1024;

/** Returns the directory of `cast wallet`. Source: Foundry Book, "Wallet Options - Keystore". @throws as {@link homeOf} */
function walletFolder(env: Environment): string {
  return path.join(homeOf(env), '.foundry', 'keystores');
}

/** Returns the place of a wallet by its name. @throws CommandError (usage) if the name can't be that of a file in the directory */
export function placeOfName(name: string, env: Environment): WalletPlace {
  refusePrivateKey(name, 'the name of a wallet');
  const isName = name === path.basename(name) && !['', '.', '..'].includes(name) && !/[\x00-\x1f\x7f\\]/.test(name);
  if (!isName || isLeftoverName(name)) {
    throw usageError(
      `"${name}" is not a valid wallet name`,
      'Use the name of a file in ~/.foundry/keystores, or --keystore with the path of any other file.',
    );
  }
  return { name, file: path.join(walletFolder(env), name) };
}

/** Returns the place of a wallet by its path. @throws CommandError (usage) if the path can't be that of a wallet */
export function placeOfFile(file: string, surroundings: Pick<Surroundings, 'cwd'>): WalletPlace {
  if (file.trim() === '') throw usageError('--keystore is empty', whatToPass);
  refusePrivateKey(file, 'the path of a keystore file');
  if (isLeftoverName(file)) {
    throw usageError(`${file} has the name of a temporary file, which any command may remove`, 'Choose another name.');
  }
  return { name: null, file: resolved(file, surroundings) };
}

/** Refuses a private key where something else belongs, and shows nothing of it. @throws CommandError (usage) */
export function refusePrivateKey(typed: string, what: string): void {
  if (!looksLikePrivateKey(typed)) return;
  throw usageError(
    `That is a private key, not ${what}. Other users and your shell history may have it now`,
    'Move the funds to a new wallet (`ci agent wallet create`). To import a key, pipe it to `ci agent wallet import NAME`.',
  );
}

/** Returns how an error names a wallet. */
function wordsFor({ name, file }: WalletPlace): string {
  return name === null ? `The wallet ${file}` : `Wallet "${name}"`;
}

/** Returns the wallets in Foundry's directory, by name. Ignores hidden files. @throws as {@link refuseForeignFolder} */
export function walletsIn(env: Environment): WalletPlace[] {
  const folder = walletFolder(env);
  refuseForeignFolder(folder, 'HOME');
  return namesIn(folder)
    .filter((name) => !/^\.|\.tmp$/.test(name) && statsOf(path.join(folder, name), statSync)?.isFile() === true)
    .sort()
    .map((name) => ({ name, file: path.join(folder, name) }));
}

/**
 * Reads the keystore of a wallet.
 *
 * @throws CommandError (not_found); (file_error) if the file is damaged, or others can change it
 */
export function readKeystore(place: WalletPlace): Keystore {
  if (place.name !== null) refuseForeignFolder(path.dirname(place.file), 'HOME');
  return parseKeystore(textOf(place), place.file);
}

function textOf(place: WalletPlace): string {
  const { file } = place;
  const target = realPathOf(file);
  if (statsOf(target, statSync)?.isDirectory()) {
    throw usageError(`${file} is a directory`, whatToPass);
  }
  let handle: number;
  try {
    handle = openOwnFile(target, 'r', { hasLinks: true, hint: whatToPass });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
      throw new CommandError('not_found', `${wordsFor(place)} doesn't exist`, {
        hint: 'Run `ci agent wallet list` to see your wallets, or `ci agent wallet create` to create one.',
        cause: error,
      });
    }
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
  try {
    const buffer = Buffer.alloc(Math.min(fstatSync(handle).size, mostBytes) + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(handle, buffer, length, buffer.length - length, length);
    }
    if (length > mostBytes) {
      throw new CommandError(
        'file_error',
        `${file} isn't a valid keystore: it is larger than ${mostBytes / 1024} KiB`,
        { hint: whatToPass },
      );
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(handle);
  }
}

/** Refuses a place where a wallet, or anything else, is already. @throws CommandError (usage), (file_error) */
export function requireFree(place: WalletPlace): void {
  if (place.name !== null) refuseForeignFolder(path.dirname(place.file), 'HOME');
  if (statsOf(place.file, lstatSync)) throw taken(place);
}

/**
 * Creates the file of a wallet, which only its owner can read. Never replaces a file.
 *
 * @throws CommandError (usage) if a file is there; (file_error) if it can't be written, and then nothing is there
 */
export function createWalletFile(place: WalletPlace, content: string, env: Environment): void {
  const { name, file } = place;
  try {
    if (name !== null) makeFolder(path.dirname(file), env);
    new Draft(file).create(content);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (codeOf(error) === 'EEXIST') throw taken(place);
    const folder = path.dirname(file);
    const isMissing = codeOf(error) === 'ENOENT' && name === null;
    throw new CommandError('file_error', `Can't write ${file}: ${messageOf(error)}`, {
      hint: isMissing ? `Nothing was saved. Run \`mkdir -p ${shellWord(folder)}\`.` : 'Nothing was saved.',
      cause: error,
    });
  }
}

function taken(place: WalletPlace): CommandError {
  const which = place.name === null ? `--keystore ${shellWord(place.file)}` : shellWord(place.name);
  return usageError(
    `${place.name === null ? place.file : wordsFor(place)} already exists, and is never replaced`,
    `Nothing was saved. Choose another name, or run \`ci agent wallet address ${which}\` to see its address.`,
  );
}
