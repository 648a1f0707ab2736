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

/** The name of the unit. */
export const unitName = 'cheapestinference-gateway.service';

/** The variables that the service needs as they are now. Those with secrets are left out. */
const keptVariables = [
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

/** Returns the file of the unit. @throws CommandError (file_error) without a home directory */
export function unitFile(env: Environment): string {
  const config = xdgFolder(env, 'XDG_CONFIG_HOME') ?? path.join(homeOf(env), '.config');
  return path.join(config, 'systemd', 'user', unitName);
}

/**
 * Returns the unit of a user service that runs the gateway.
 *
 * @param words - the command, with absolute paths
 * @param drain - how long it may take to end, in milliseconds
 */
export function unitText(
  words: readonly string[],
  { env, drain }: { readonly env: Environment; readonly drain: number },
): string {
  const variables = keptVariables.flatMap((name) =>
    env[name] ? [`Environment=${quoted(`${name}=${env[name]}`)}`] : [],
  );
  // Only a command expands variables.
  const command = words.map((word) => quoted(word.replaceAll('$', '$$$$')));
  return `[Unit]
Description=CheapestInference gateway
Documentation=https://github.com/cheapestinference/cli/blob/main/docs/gateway.md

[Service]
Type=exec
ExecStart=${command.join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 4 5
TimeoutStopSec=${Math.ceil(drain / 1000) + 10}
${variables.map((line) => `${line}\n`).join('')}
[Install]
WantedBy=default.target
`;
}

/** Returns a word as a unit takes it (systemd.syntax(7), "Quoting"; systemd.service(5), "Command lines"). */
function quoted(word: string): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('\n', '\\n');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** Returns the unit that is installed; undefined if none is. @throws CommandError (file_error) */
export function installedUnit(file: string): string | undefined {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  } catch (error) {
    throw new CommandError('file_error', `Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes the unit. @throws CommandError (file_error) */
export function writeUnit(file: string, text: string, env: Environment): void {
  try {
    makeFolder(path.dirname(file), env);
    replaceFile(file, text, { mode: 0o600 });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError('file_error', `Can't write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Removes the unit. @throws CommandError (file_error) */
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
