import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { homeOf, xdgFolder } from '../config/folders.ts';
import type { World } from '../context/world.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { findProgram } from '../programs/find-program.ts';
import { runProgram } from '../programs/run-program.ts';
import { makeFolder } from '../state/folder.ts';
import { replaceFile } from '../state/replace-file.ts';

/** The variables that a service needs as they are now. Those with secrets are left out. */
export const keptVariables = [
  'CHEAPESTINFERENCE_CONFIG_DIR',
  'CHEAPESTINFERENCE_API_URL',
  'XDG_CONFIG_HOME',
  'XDG_STATE_HOME',
  'XDG_DATA_HOME',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NO_PROXY',
  'no_proxy',
] as const;

/** Returns the file of a unit. @throws CommandError (file_error) without a home directory */
export function unitFile(env: Environment, name: string): string {
  const config = xdgFolder(env, 'XDG_CONFIG_HOME') ?? path.join(homeOf(env), '.config');
  return path.join(config, 'systemd', 'user', name);
}

/** Returns a command for `ExecStart=`. @param words - with an absolute path first */
export function unitCommand(words: readonly string[]): string {
  // Only a command expands variables.
  return words.map((word) => quoted(word.replaceAll('$', '$$$$'))).join(' ');
}

/** Returns the lines of a unit with the variables that a service needs as they are now. */
export function unitEnvironment(env: Environment): string {
  return keptVariables
    .flatMap((name) => (env[name] ? [`Environment=${quoted(`${name}=${env[name]}`)}\n`] : []))
    .join('');
}

/** Returns a word as a unit takes it (systemd.syntax(7), "Quoting"; systemd.service(5), "Command lines"). */
function quoted(word: string): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('\n', '\\n');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** Returns a unit that is installed; undefined if none is. @throws CommandError (file_error) */
export function installedUnit(file: string): string | undefined {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  } catch (error) {
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes a unit. @throws CommandError (file_error) */
export function writeUnit(file: string, text: string, env: Environment): void {
  try {
    makeFolder(path.dirname(file), env);
    replaceFile(file, text, { mode: 0o600 });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError('file_error', `Can't write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Removes a unit. @throws CommandError (file_error) */
export function removeUnit(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (error) {
    throw new CommandError('file_error', `Can't remove ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Runs `systemctl --user`. @returns why it failed; undefined if it succeeded */
export async function systemctl(world: World, ...args: readonly string[]): Promise<string | undefined> {
  const found = findProgram('systemctl', world);
  if (!('file' in found)) return "systemctl isn't installed";
  const { failure, stderr } = await runProgram(found.file, ['--user', ...args], {
    env: world.env,
    cwd: undefined,
    timeout: 30_000,
    sleep: world.sleep,
    interrupt: world.interrupt,
  });
  return failure === undefined ? undefined : stderr.trim().split('\n')[0] || failure;
}
