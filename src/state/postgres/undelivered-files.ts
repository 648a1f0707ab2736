import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { thisProcess } from '../process.ts';
import type { UndeliveredFile } from '../state.ts';
import type { StateDatabase } from './database.ts';
import { userName } from './session.ts';

interface FileRow {
  readonly host: string;
  readonly username: string;
  readonly file: string;
}

/** Tells the other machines where undelivered secrets are, as `State.shareUndelivered` says. @throws CommandError (state_unreachable) */
export async function shareUndelivered(
  database: StateDatabase,
  files: readonly string[],
  account: string,
): Promise<readonly UndeliveredFile[]> {
  const { schema } = database.address;
  const [host, username] = [hostname(), userName()];
  if (files.length > 0) {
    // The machine has another identity after each start, so that the host name tells whose a file is.
    await database.rows(
      `insert into ${schema}.undelivered (machine, host, username, file, account, at)
       select $1, $2, $3, file, $4, clock_timestamp() from unnest($5::text[]) as file
       where not exists (
         select from ${schema}.undelivered as known where known.host = $2 and known.username = $3 and known.file = file.file
       )
       on conflict (machine, file) do nothing`,
      [thisProcess().machine, host, username, account, files],
    );
  }
  const known = await database.rows<FileRow>(
    `select host, username, file from ${schema}.undelivered order by at, file`,
  );
  const isOwn = (row: FileRow) => row.host === host && row.username === username;
  const removed = known.flatMap((row) => (isOwn(row) && !existsSync(row.file) ? row.file : []));
  if (removed.length > 0) {
    await database.rows(
      `delete from ${schema}.undelivered where host = $1 and username = $2 and file = any ($3::text[])`,
      [host, username, removed],
    );
  }
  return known.flatMap((row) => (isOwn(row) ? [] : { host: row.host, user: row.username, file: row.file }));
}
