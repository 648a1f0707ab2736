import { readFileSync } from 'node:fs';
import path from 'node:path';
import { configFolder } from '../config/folders.ts';
import { refuseOpenFile, refuseOpenFolder } from '../config/permissions.ts';
import type { World } from '../context/world.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { shellWord } from '../domain/shell-word.ts';
import { makeFolder } from '../state/folder.ts';
import { Draft } from '../state/replace-file.ts';
import type { Token } from './server.ts';

const form = /^gw_[A-Za-z0-9_-]{16,}$/;
const clientForm = /^[\x21-\x7e]{1,64}$/;

/** The tokens of a file. */
type Tokens = readonly [Token, ...Token[]];

/** Returns the file of the token, unless the user names another one. @param folder - the config directory */
export function tokenFileIn(folder: string): string {
  return path.join(folder, 'gateway-token');
}

/** Returns the command that prints the tokens of a file. @param file - an absolute path */
export function tokenCommand(file: string, world: Pick<World, 'env' | 'cwd'>): string {
  const isUsual = file === tokenFileIn(configFolder(world));
  return isUsual ? 'ci gateway token' : `ci gateway token --token-file ${shellWord(file)}`;
}

/**
 * Reads the tokens with which clients authenticate. A file has one token, or several with a name each, on a line each:
 * `gw_… NAME`. Creates the file with a new token if it doesn't exist.
 *
 * @throws CommandError (file_error) if it can't be read or created, has no valid token, or if other users can read it
 */
export function readTokens(file: string, env: Environment): Tokens {
  return tokensIn(textOf(file) ?? create(file, env), file);
}

/** Returns the tokens in a file; undefined if it doesn't exist. @throws as {@link readTokens} */
export function knownTokens(file: string): Tokens | undefined {
  const text = textOf(file);
  return text === undefined ? undefined : tokensIn(text, file);
}

function tokensIn(text: string, file: string): Tokens {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const tokens = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => tokenIn(line));
  const [first, ...rest] = tokens.flatMap((token) => token ?? []);
  const [values, names] = [new Set(tokens.map((each) => each?.token)), new Set(tokens.map((each) => each?.client))];
  const isUnique = values.size === tokens.length && names.size === tokens.length;
  if (first && rest.length + 1 === tokens.length && isUnique) {
    refuseOpenFile(file, { holdsSecret: true, secret: 'token' });
    return [first, ...rest];
  }
  throw new CommandError('file_error', `${file} has no valid token of the gateway`, {
    hint: 'It must have one token that starts with gw_, or different ones with a name each, on a line each. Remove the file to get a new token.',
  });
}

function tokenIn(line: string): Token | undefined {
  const [token = '', client, more] = line.split(/\s+/);
  if (!form.test(token) || more !== undefined) return undefined;
  return client === undefined || clientForm.test(client) ? { token, client } : undefined;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Creates the file. @returns its content, which another process may have written */
function create(file: string, env: Environment): string {
  const folder = path.dirname(file);
  try {
    makeFolder(folder, env);
    refuseOpenFolder(folder);
    // Loaded only here, because every program that uses the gateway prints the token.
    const { randomBytes } = process.getBuiltinModule('node:crypto');
    const text = `gw_${randomBytes(32).toString('base64url')}\n`;
    new Draft(file).create(text);
    return text;
  } catch (error) {
    const other = codeOf(error) === 'EEXIST' ? textOf(file) : undefined;
    if (other !== undefined) return other;
    if (error instanceof CommandError) throw error;
    throw new CommandError('file_error', `Can't create ${file}: ${messageOf(error)}`, { cause: error });
  }
}
