import { CommandError } from '../../domain/errors.ts';
import { identitySql } from './server-identity.ts';
import type { StateAddress } from './state-url.ts';

/** The version of the tables that this version of `ci` uses. */
export const schemaVersion = 1;

/**
 * What changes the tables to each version. `SCHEMA` stands for the name of the schema. A released version is never changed. Works with
 * PostgreSQL 13 and later.
 *
 * Times are those of the database's clock. A lease is a session that hasn't expired: all locks of a process last as long as its session.
 */
const versions: readonly string[] = [
  `
create table SCHEMA.server (
  one boolean primary key default true check (one),
  identity text not null,
  changed_at timestamptz not null,
  longest_lease double precision not null
);
comment on table SCHEMA.server is 'The database server, when another one took its place, and the longest lease in seconds.';

-- A failover that loses the first session must be noticed, too.
do $$ begin
  insert into SCHEMA.server (identity, changed_at, longest_lease) select ${identitySql}, '-infinity', 0;
exception when insufficient_privilege or undefined_function or feature_not_supported then null;
end $$;

create sequence SCHEMA.fence;
comment on sequence SCHEMA.fence is 'Numbers locks and changes in the order in which they were taken.';

create table SCHEMA.sessions (
  id bigint primary key,
  machine text not null,
  host text not null,
  username text not null,
  pid integer not null,
  started text not null,
  program text not null,
  began_at timestamptz not null,
  seen_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz
);
comment on table SCHEMA.sessions is 'The processes that change accounts. A process whose session has expired or ended sends nothing more.';
create index sessions_seen_at on SCHEMA.sessions (seen_at);

create table SCHEMA.locks (
  name text primary key,
  work text,
  run bigint,
  sessions bigint[] not null,
  fence bigint not null,
  taken_at timestamptz not null
);
comment on table SCHEMA.locks is 'What one process at a time may do, or several that share the same work. A lock whose sessions have all ended is free.';

create table SCHEMA.work (
  run bigint primary key,
  name text not null,
  rows integer not null,
  began_at timestamptz not null
);
comment on table SCHEMA.work is 'The files whose rows several processes work on.';

create table SCHEMA.work_rows (
  run bigint not null references SCHEMA.work on delete cascade,
  place integer not null,
  session bigint,
  ended_at timestamptz,
  primary key (run, place)
);
comment on table SCHEMA.work_rows is 'The rows of such a file, and which process has taken each of them.';
create index work_rows_open on SCHEMA.work_rows (run, place) where ended_at is null;

create table SCHEMA.rotations (
  account text not null,
  key text not null,
  series text not null,
  rotation json not null,
  session bigint,
  stopped_at timestamptz,
  machine text not null,
  host text not null,
  began_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (account, key)
);
comment on table SCHEMA.rotations is 'The rotations of keys that are not finished, by the ID of the old key: which process works on each, and which machine has the files that its new secret goes to. They have no secrets.';
create index rotations_series on SCHEMA.rotations (account, series);

create table SCHEMA.rates (
  name text primary key,
  next_at timestamptz not null
);
comment on table SCHEMA.rates is 'When the next request may leave, for processes that share a rate.';

create table SCHEMA.accounts (
  key text primary key,
  account text not null,
  label text not null,
  customer text,
  checked_at timestamptz not null
);
comment on table SCHEMA.accounts is 'Which management keys belong to the same account. Keys and customers are hashes.';
create index accounts_customer on SCHEMA.accounts (customer);

create table SCHEMA.changes (
  id text primary key,
  account text not null,
  label text not null,
  action text not null,
  intent json not null,
  before json not null,
  machine text not null,
  host text not null,
  username text not null,
  process json not null,
  session bigint,
  fence bigint,
  at timestamptz not null,
  sent_at timestamptz,
  outcome text check (outcome in ('applied', 'not_applied', 'unknown')),
  found_by text check (found_by in ('answer', 'look', 'later')),
  ids json,
  code text,
  charge double precision,
  settled_at timestamptz,
  version bigint not null,
  touched_at timestamptz not null
);
comment on table SCHEMA.changes is 'The record of changes: who requested what on which account, and the outcome. Without an outcome, or with an unknown one, a change is open.';
create index changes_touched_at on SCHEMA.changes (touched_at);
create index changes_at on SCHEMA.changes (at, version);
create index changes_open on SCHEMA.changes (at) where outcome is null or outcome = 'unknown';

create table SCHEMA.undelivered (
  machine text not null,
  host text not null,
  username text not null,
  file text not null,
  account text not null,
  at timestamptz not null,
  primary key (machine, file)
);
comment on table SCHEMA.undelivered is 'The files with secrets of API keys that were not delivered. The secrets themselves are only there.';
`,
];

/** Returns the SQL that changes the tables from one version to the current one. @param from - 0: there are no tables */
export function upgradeSql(schema: string, from: number): string {
  const steps = versions.slice(from).map((text) => text.trim().replaceAll('SCHEMA', schema));
  const create = `create table ${schema}.schema_version (one boolean primary key default true check (one), version integer not null);`;
  const first = from === 0 ? [create, `insert into ${schema}.schema_version (version) values (0);`] : [];
  return [...first, ...steps, `update ${schema}.schema_version set version = ${schemaVersion};`].join('\n\n');
}

/**
 * Returns the SQL that a person with more rights can run instead of `ci state init`.
 *
 * @param role - the role that ci signs in with; undefined if it isn't known
 */
export function initSql(schema: string, role: string | undefined): string {
  const grantee = role === undefined ? 'ROLE' : `"${role.replaceAll('"', '""')}"`;
  const grants = [
    `grant usage on schema ${schema} to ${grantee};`,
    `grant select, insert, update, delete on all tables in schema ${schema} to ${grantee};`,
    `grant usage on all sequences in schema ${schema} to ${grantee};`,
  ];
  const access =
    role === undefined
      ? ['-- Replace ROLE with the role that ci signs in with.', ...grants.map((line) => `-- ${line}`)]
      : grants;
  return [
    `-- The state database of ci: version ${schemaVersion} of its tables.`,
    'begin;',
    `create schema if not exists ${schema};`,
    upgradeSql(schema, 0),
    access.join('\n'),
    'commit;\n',
  ].join('\n\n');
}

/** Refuses tables that another version of `ci` made. @throws CommandError (unavailable) */
export function checkVersion({ label }: Pick<StateAddress, 'label'>, version: number): void {
  if (version === schemaVersion) return;
  const details = { outcome: 'not_applied' } as const;
  if (version > schemaVersion) {
    throw new CommandError('unavailable', `The state database ${label} was upgraded by a newer version of ci`, {
      ...details,
      hint: 'Install the newest version of ci on this machine.',
    });
  }
  throw new CommandError('unavailable', `The state database ${label} was created by an older version of ci`, {
    ...details,
    hint: 'Run `ci state init` to upgrade it.',
  });
}
