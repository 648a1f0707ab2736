import { type ExecFileOptions, execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** Where Debian's packages put each version of PostgreSQL, whose server isn't on the PATH. */
const versions = '/usr/lib/postgresql';

/** The directory of the programs of the newest version that is installed. */
const folder = existsSync(versions)
  ? readdirSync(versions)
      .sort((one, other) => Number(other) - Number(one))
      .map((version) => path.join(versions, version, 'bin'))
      .find((each) => existsSync(path.join(each, 'postgres')))
  : undefined;

/** Whether to skip tests that start PostgreSQL, because it isn't installed. In CI, it is required. */
export const lacksPostgres: boolean = folder === undefined && !process.env.CI;

/** Returns the path of a program of PostgreSQL. */
export function postgresProgram(name: string): string {
  if (folder === undefined) throw new Error('PostgreSQL is not installed. Install the package `postgresql`.');
  return path.join(folder, name);
}

/** The user who runs the server, as options of a child process. Root can't run it, but can be the user of Debian's package. */
export const serverUser: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 && folder !== undefined ? { uid: idOf('-u'), gid: idOf('-g') } : {};

/** Runs a program to its end as the user who runs the server. @returns its stdout */
export async function runAsServer(
  file: string,
  args: readonly string[],
  options: ExecFileOptions = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { cwd: '/', ...serverUser, ...options });
  return String(stdout);
}

function idOf(option: '-u' | '-g'): number {
  return Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
}
