import { createHash } from 'node:crypto';
import { chownSync, existsSync, lstatSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { postgresProgram, runAsServer, serverUser } from './postgres-programs.ts';

/** The superuser of all clusters. */
export const superuser = { name: 'postgres', password: 'superuser-of-the-tests' };

const initOptions = [
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--no-sync',
  '--username',
  superuser.name,
];

/** Creates an empty directory that belongs to the user who runs the server. @param parent - an absolute path */
export function serverDirectory(parent: string): string {
  const directory = mkdtempSync(path.join(parent, 'ci-postgres-'));
  const { uid, gid } = serverUser;
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
  return directory;
}

/** Creates the data directory of a new cluster in a directory of the server. @returns its path */
export async function createData(directory: string): Promise<string> {
  const data = path.join(directory, 'data');
  await runAsServer('cp', ['-a', await template(), data]);
  return data;
}

/** Returns a data directory to copy, which takes less time than `initdb`. It is kept for the next run. */
async function template(): Promise<string> {
  const version = await runAsServer(postgresProgram('initdb'), ['--version']);
  const kind = createHash('sha256')
    .update([version, ...initOptions].join('\0'))
    .digest('hex')
    .slice(0, 12);
  const uid = serverUser.uid ?? process.getuid?.() ?? 0;
  const kept = path.join(tmpdir(), `cheapestinference-postgres-${uid}-${kind}`);
  if (!existsSync(kept)) await createTemplate(kept);
  if (lstatSync(kept).uid !== uid) throw new Error(`${kept} belongs to another user`);
  return kept;
}

/** Creates it in another directory first, so that an interrupted one isn't taken for a complete one. */
async function createTemplate(kept: string): Promise<void> {
  const draft = serverDirectory(tmpdir());
  try {
    const passwordFile = path.join(draft, 'password');
    writeFileSync(passwordFile, superuser.password, { mode: 0o644 });
    const data = path.join(draft, 'data');
    await runAsServer(postgresProgram('initdb'), [...initOptions, '--pwfile', passwordFile, '--pgdata', data]);
    renameSync(data, kept);
  } catch (error) {
    // Another process may have created it in the meantime.
    if (!existsSync(kept)) throw error;
  } finally {
    rmSync(draft, { recursive: true });
  }
}
