import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandError, messageWithHint } from '../../../src/domain/errors.ts';
import { StateDatabase } from '../../../src/state/postgres/database.ts';
import { parseStateUrl } from '../../../src/state/postgres/state-url.ts';
import { selfSigned } from '../../support/certificate.ts';
import { emptyFolder } from '../../support/folder.ts';
import { reservedPort } from '../../support/ports.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { serverDirectory } from '../../support/postgres-data.ts';
import { failoverPair } from '../../support/postgres-failover.ts';
import { lacksPostgres, serverUser } from '../../support/postgres-programs.ts';
import { tcpProxy } from '../../support/tcp-proxy.ts';
import { creating } from '../contract/samples.ts';
import { databaseAt, freshState, opened } from './opened-state.ts';

/** Changes something. @returns the error, checked for the password */
async function refusal(url: string): Promise<CommandError> {
  const error = await opened(url)
    .state.changes.begin(creating('a'))
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof CommandError)) throw error ?? new Error('the change was recorded');
  const { password } = new URL(url);
  if (password !== '') expect(`${messageWithHint(error)} ${error.lines.join(' ')}`).not.toContain(password);
  expect(error.outcome).toBe('not_applied');
  return error;
}

function withParts(
  url: string,
  parts: Partial<Pick<URL, 'password' | 'username' | 'pathname' | 'port' | 'host'>>,
): string {
  return Object.assign(new URL(url), parts).href;
}

const offline = 'Nothing was sent. Try again when the database is available, or pass --offline to use local files.';
const checkUrl = 'Nothing was sent. Check the state URL: `ci config get state-url`.';
const setUrl =
  'Nothing was sent. Set the state URL again with `ci config set state-url -`, or check CHEAPESTINFERENCE_STATE_URL.';

describe.skipIf(lacksPostgres)('a database that cannot be used', () => {
  const server = sharedPostgres({ fsync: false });

  const label = (url: string) => new URL(url).host + new URL(url).pathname;

  test('refuses the connection', async () => {
    const url = withParts((await freshState(server())).url, { port: String(await reservedPort()) });
    expect(await refusal(url)).toMatchObject({
      code: 'state_unreachable',
      exitCode: 9,
      retryable: true,
      message: `Can't use the state database postgres://${label(url)} (schema ${new URL(url).searchParams.get('schema')}): the connection was refused`,
      hint: offline,
    });
  });

  test.each([
    ['has another password', 'wrong-password', 'refused the password', setUrl],
    ['asks for a password', '', 'needs a password', 'Nothing was sent. Add it to the state URL, or set PGPASSWORD.'],
  ])('%s', async (_, password, what, hint) => {
    const { url } = await freshState(server());
    const error = await refusal(withParts(url, { password }));
    expect(error).toMatchObject({ code: 'state_unreachable', retryable: false, hint });
    expect(error.message).toMatch(new RegExp(`^The state database postgres://.* ${what}$`));
  });

  test.each<[string, Parameters<typeof withParts>[1], RegExp, string]>([
    ['does not exist', { pathname: '/nowhere' }, / doesn't exist$/, checkUrl],
    ['does not know the role', { username: 'nobody_here' }, / refused the password$/, setUrl],
  ])('%s', async (_, parts, message, hint) => {
    const error = await refusal(withParts((await freshState(server())).url, parts));
    expect(error).toMatchObject({ code: 'state_unreachable', hint, message: expect.stringMatching(message) });
  });

  test.each(['rows', 'transaction'] as const)('does not answer, and %s ends when the user interrupts', async (what) => {
    const { url } = await freshState(server());
    const proxy = await tcpProxy(Number(new URL(url).port));
    proxy.set('hold');
    const interrupt = new AbortController();
    const database = new StateDatabase(
      parseStateUrl(withParts(url, { port: String(proxy.port) })),
      {},
      interrupt.signal,
    );
    const ended =
      what === 'rows' ? database.rows('select 1') : database.transaction(async ({ rows }) => rows('select 1'));
    await proxy.until(({ bytes }) => bytes.up.held > 0);
    interrupt.abort();
    const interrupted = { code: 'interrupted', outcome: 'not_applied' };
    await expect(ended).rejects.toMatchObject(interrupted);
    await expect(database.rows('select 1')).rejects.toMatchObject(interrupted);
    await database.close();
  });

  test('has no tables', async () => {
    const url = await server().freshSchema();
    const error = await refusal(url);
    expect(error).toMatchObject({
      code: 'unavailable',
      exitCode: 6,
      message: expect.stringMatching(/ has no tables in the schema fresh_\d+$/),
      hint: 'Run `ci state init` to create them.',
    });
    await expect(opened(url.replace(/schema=.*/, 'schema=no_schema')).state.changes.open()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ has no tables in the schema no_schema$/),
    });
  });

  test.each([
    ['newer', 2, 'was upgraded by a newer version of ci', 'Install the newest version of ci on this machine.'],
    ['older', 0, 'was created by an older version of ci', 'Run `ci state init` to upgrade it.'],
  ])('has the tables of a %s version', async (_, version, what, hint) => {
    const { url, query } = await freshState(server());
    await query('update SCHEMA.schema_version set version = $1', [version]);
    const error = await refusal(url);
    expect(error).toMatchObject({ code: 'unavailable', hint });
    expect(error.message.endsWith(what)).toBe(true);
    expect(await query('select from SCHEMA.changes')).toEqual([]);
  });

  test('lacks its version', async () => {
    const { url, query } = await freshState(server());
    await query('delete from SCHEMA.schema_version');
    expect((await refusal(url)).message).toMatch(/^The state database .* is incomplete$/);
  });

  test('keeps a privilege from the role', async () => {
    const { url, schema, query } = await freshState(server());
    await query(`revoke insert on SCHEMA.sessions from ${schema}`);
    expect(await refusal(url)).toMatchObject({
      code: 'state_unreachable',
      message: expect.stringMatching(/ refused a statement: the role lacks a privilege$/),
      hint: 'Nothing was sent. Make the role the owner of the schema.',
    });
  });

  test('is read-only', async () => {
    const { url, schema, query } = await freshState(server());
    await query(`alter role ${schema} set default_transaction_read_only = on`);
    const primary = 'Nothing was sent. Use the address of the primary server.';
    expect(await refusal(url)).toMatchObject({
      code: 'state_unreachable',
      message: expect.stringMatching(/ is read-only$/),
      hint: primary,
    });
  });

  test('is a standby', async () => {
    const pair = await failoverPair({ fsync: false });
    const { url } = await freshState(pair.primary);
    await pair.caughtUp();
    const standby = withParts(url, { port: String(pair.standby.port) });
    expect(await refusal(standby)).toMatchObject({
      code: 'state_unreachable',
      message: expect.stringMatching(/ is (?:a standby server|read-only)$/),
      hint: 'Nothing was sent. Use the address of the primary server.',
    });
    expect(await opened(standby).state.changes.open()).toEqual([]);
  });

  test('is shut down, and can be used when it is back', async () => {
    const { url } = await freshState(server());
    const { state } = opened(url);
    await state.changes.begin(creating('a'));
    await server().restart();
    const again = state.changes.begin(creating('b')).catch(() => state.changes.begin(creating('b')));
    expect(await again).toMatch(/^[0-9a-f]{12}$/);
  });

  test('accepts connections and never answers', async () => {
    const { url } = await freshState(server());
    const proxy = await tcpProxy(server().port);
    const silent = await tcpProxy(server().port);
    silent.set('drop');
    const { state } = opened(proxy.urlOf(url));
    await state.changes.begin(creating('a'));
    const start = performance.now();
    proxy.set('drop');
    const errors = await Promise.all([
      refusal(silent.urlOf(url)),
      state.changes.begin(creating('b')).catch((error: unknown) => error),
    ]);
    expect(performance.now() - start).toBeLessThan(20_000);
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'state_unreachable',
        retryable: true,
        message: expect.stringMatching(/^Can't use the state database .*: (?:it didn't answer in time)$/),
        hint: offline,
      });
    const closing = performance.now();
    await state.close();
    expect(performance.now() - closing).toBeLessThan(5000);
  });
});

describe.skipIf(lacksPostgres)('TLS', () => {
  // Only for addresses of this machine, not for host names.
  const certificate = selfSigned();
  const other = selfSigned('localhost');
  let folder = '';
  let files: { readonly own: string; readonly other: string };

  const directory = lacksPostgres ? '' : serverDirectory(tmpdir());
  const [cert, key] = [path.join(directory, 'cert.pem'), path.join(directory, 'key.pem')];
  if (!lacksPostgres) {
    writeFileSync(cert, certificate.cert);
    writeFileSync(key, certificate.key, { mode: 0o600 });
    const { uid, gid } = serverUser;
    if (uid !== undefined && gid !== undefined) for (const file of [cert, key]) chownSync(file, uid, gid);
  }
  const server = sharedPostgres({
    fsync: false,
    settings: { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key, listen_addresses: '127.0.0.1,127.0.0.2' },
  });
  const plain = sharedPostgres({ fsync: false });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const withTls = (url: string, parameters: Readonly<Record<string, string>>) => {
    const changed = new URL(url);
    for (const [name, value] of Object.entries(parameters)) changed.searchParams.set(name, value);
    return changed.href;
  };

  beforeAll(() => {
    folder = directory;
    files = { own: path.join(folder, 'authority.pem'), other: path.join(folder, 'other.pem') };
    writeFileSync(files.own, certificate.cert);
    writeFileSync(files.other, other.cert);
  });

  test.each(['require', 'verify-ca', 'verify-full'])(
    'is used with a certificate that is valid (%s)',
    async (sslmode) => {
      const url = withTls(server().url, { sslmode, sslrootcert: files.own });
      expect(await databaseAt(url).rows('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()')).toEqual([
        { ssl: true, version: 'TLSv1.3' },
      ]);
    },
  );

  test('can be bound to the sign-in', async () => {
    const url = withTls(server().url, { sslmode: 'verify-full', sslrootcert: files.own, channel_binding: 'require' });
    expect(await databaseAt(url).rows('select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('is not used on this machine unless it is asked for', async () => {
    const rows = () => databaseAt(server().url).rows('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    expect(await rows()).toEqual([{ ssl: false }]);
  });

  test.each<[string, () => string, RegExp]>([
    ['of an unknown authority', () => withTls(server().url, { sslmode: 'require' }), /certificate/],
    [
      'of another authority',
      () => withTls(server().url, { sslmode: 'verify-full', sslrootcert: files.other }),
      /certificate/,
    ],
    [
      'for another host',
      () => withTls(server().url.replace('127.0.0.1', 'localhost'), { sslmode: 'require', sslrootcert: files.own }),
      /certificate.*localhost|localhost.*cert/,
    ],
    [
      'for another address',
      () => withTls(server().url.replace('127.0.0.1', '127.0.0.2'), { sslmode: 'require', sslrootcert: files.own }),
      /127\.0\.0\.2/,
    ],
    ['of a server without TLS', () => withTls(plain().url, { sslmode: 'require' }), /doesn't offer TLS$/],
    [
      'with a file that does not exist',
      () => withTls(server().url, { sslmode: 'require', sslrootcert: '/nowhere/authority.pem' }),
      /\/nowhere\/authority\.pem/,
    ],
  ])('refuses a certificate %s, and sends no password', async (_, url, message) => {
    const error = await refusal(url());
    expect(error.message).toMatch(message);
  });

  test('refuses a file of authorities that has none', async () => {
    const file = path.join(emptyFolder(), 'authority.pem');
    writeFileSync(file, 'not a certificate');
    const url = withTls(server().url, { sslmode: 'require', sslrootcert: file });
    expect(await refusal(url)).toMatchObject({ code: 'state_unreachable' });
  });

  test('keeps passwords as SCRAM secrets', async () => {
    const [row] = await server().query("select rolpassword from pg_authid where rolname = 'app'");
    expect(row?.rolpassword).toMatch(/^SCRAM-SHA-256\$/);
    expect(await databaseAt(server().url).rows('select current_user::text as role')).toEqual([{ role: 'app' }]);
  });
});
