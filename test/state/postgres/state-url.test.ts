import { describe, expect, test } from 'vitest';
import { CommandError } from '../../../src/domain/errors.ts';
import { maskedStateUrl, parseStateUrl, type StateAddress } from '../../../src/state/postgres/state-url.ts';

/** The address of `postgres://ada:secret@db.test/state`. */
const usual: StateAddress = {
  host: 'db.test',
  port: 5432,
  user: 'ada',
  password: 'secret',
  database: 'state',
  schema: 'cheapestinference',
  tls: 'verified',
  rootCertificates: undefined,
  bindsChannel: false,
  label: 'postgres://db.test/state',
};

const socket = {
  host: '/run/postgresql',
  tls: 'none',
  label: 'postgres:///state (socket in /run/postgresql)',
} as const;

describe('parseStateUrl', () => {
  test.each<[string, Partial<StateAddress>]>([
    ['postgres://ada:secret@db.test/state', {}],
    ['postgresql://ada:secret@db.test/state', {}],
    ['POSTGRES://ada:secret@db.test/state', {}],
    [' postgres://ada:secret@db.test/state\n', {}],
    ['postgres://ada@db.test/state', { password: undefined }],
    ['postgres://ada:@db.test/state', { password: undefined }],
    [
      'postgres://a%40da:s%2Fe%3Ac%40r%25t@db.test/sta%20te',
      { user: 'a@da', password: 's/e:c@r%t', database: 'sta te', label: 'postgres://db.test/sta te' },
    ],
    ['postgres://ada:s:e:c@db.test/state', { password: 's:e:c' }],
    ['postgres://ada:s@e@c@db.test/state', { password: 's@e@c' }],
    ['postgres://ada:pä$s+w&o=r!d@db.test/state', { password: 'pä$s+w&o=r!d' }],
    ['postgres://ada:secret@db.test:6432/state', { port: 6432, label: 'postgres://db.test:6432/state' }],
    ['postgres://ada:secret@db.test:5432/state', {}],
    ['postgres://ada:secret@db.test/state?port=6432', { port: 6432, label: 'postgres://db.test:6432/state' }],
    ['postgres://ada:secret@10.0.0.7/state', { host: '10.0.0.7', label: 'postgres://10.0.0.7/state' }],
    [
      'postgres://ada:secret@[2001:db8::7]:6432/state',
      { host: '2001:db8::7', port: 6432, label: 'postgres://[2001:db8::7]:6432/state' },
    ],
    ['postgres://ada:secret@localhost/state', { host: 'localhost', tls: 'none', label: 'postgres://localhost/state' }],
    ['postgres://ada:secret@LocalHost/state', { host: 'LocalHost', tls: 'none', label: 'postgres://LocalHost/state' }],
    ['postgres://ada:secret@127.0.0.9/state', { host: '127.0.0.9', tls: 'none', label: 'postgres://127.0.0.9/state' }],
    [
      'postgres://ada:secret@127.0.0.1.test/state',
      { host: '127.0.0.1.test', label: 'postgres://127.0.0.1.test/state' },
    ],
    ['postgres://ada:secret@[::1]/state', { host: '::1', tls: 'none', label: 'postgres://[::1]/state' }],
    ['postgres://ada:secret@localhost/state?host=/run/postgresql', socket],
    ['postgres://ada:secret@/state?host=/run/postgresql', socket],
    ['postgres://ada:secret@/state?host=%2Frun%2Fpostgresql&sslmode=require', socket],
    ['postgres://ada:secret@%2Frun%2Fpostgresql/state', socket],
    [
      'postgres://ada:secret@:6432/state?host=/run/postgresql',
      { ...socket, port: 6432, label: 'postgres:///state (socket in /run/postgresql:6432)' },
    ],
    ['postgres://ada:secret@db.test/state?sslmode=disable', { tls: 'none' }],
    ['postgres://ada:secret@db.test/state?sslmode=require', {}],
    ['postgres://ada:secret@db.test/state?sslmode=verify-ca', {}],
    ['postgres://ada:secret@db.test/state?sslmode=verify-full', {}],
    [
      'postgres://ada:secret@localhost/state?sslmode=require',
      { host: 'localhost', label: 'postgres://localhost/state' },
    ],
    ['postgres://ada:secret@db.test/state?sslrootcert=/etc/ca.pem', { rootCertificates: '/etc/ca.pem' }],
    ['postgres://ada:secret@db.test/state?sslrootcert=system', {}],
    ['postgres://ada:secret@db.test/state?sslmode=require&channel_binding=require', { bindsChannel: true }],
    [
      'postgres://ada:secret@db.test/state?schema=team_1',
      { schema: 'team_1', label: 'postgres://db.test/state (schema team_1)' },
    ],
    ['postgres://ada:secret@db.test/state?application_name=ci&connect_timeout=5', {}],
  ])('reads %s', (text, different) => {
    expect(parseStateUrl(text)).toEqual({ ...usual, ...different });
  });

  const use = 'Use a URL such as postgres://USER:PASSWORD@HOST/DATABASE.';
  const encode = 'Write special characters of the password as percent-encoded, such as %40 for @.';

  test.each([
    ['', 'The state URL is empty', use],
    [' \n', 'The state URL is empty', use],
    ['hunter2', 'The state URL is not a valid URL', `${use} ${encode}`],
    ['db.test/state', 'The state URL is not a valid URL', `${use} ${encode}`],
    ['hunter2:hunter2@db.test/state', 'The state URL has no scheme', use],
    ['mysql://ada:hunter2@db.test/state', '"mysql://" is not a valid scheme for a state URL', use],
    ['https://ada:hunter2@db.test/state', '"https://" is not a valid scheme for a state URL', use],
    ['postgres:ada:hunter2@db.test/state', 'The state URL has a character that is not encoded', encode],
    ['postgres:hunter2', 'The state URL has no host', use],
    ['postgres:///state', 'The state URL has no host', use],
    ['postgres://ada:hunter2@/state', 'The state URL has no host', use],
    ['postgres://ada:hunter2@db.test/state?host=', 'The state URL has no host', use],
    [
      'postgres://ada:hunter2@one.test,two.test/state',
      'The state URL has several hosts',
      'Use the one that accepts changes.',
    ],
    ['postgres://ada:hunter2@db.test', 'The state URL has no database', use],
    ['postgres://ada:hunter2@db.test/', 'The state URL has no database', use],
    ['postgres://ada:hunter2@db.test/?sslmode=require', 'The state URL has no database', use],
    ['postgres://ada:hunter2@db.test/state/more', 'The database in the state URL has a /', use],
    ['postgres://db.test/state', 'The state URL has no user', use],
    ['postgres://:hunter2@db.test/state', 'The state URL has no user', use],
    ['postgres://ada:hunter2@db.test:port/state', 'The state URL is not a valid URL', `${use} ${encode}`],
    ['postgres://ada:hunter2@db.test:65536/state', 'The state URL is not a valid URL', `${use} ${encode}`],
    [
      'postgres://ada:hunter2@db.test:0/state',
      'The state URL has no valid port',
      'Use a port from 1 to 65535, or none for 5432.',
    ],
    [
      'postgres://ada:hunter2@db.test/state?port=x',
      'The state URL has no valid port',
      'Use a port from 1 to 65535, or none for 5432.',
    ],
    // Passwords with characters that end the part of a URL they are in.
    ['postgres://ada:hunter2/hunter2@db.test/state', 'The state URL is not a valid URL', `${use} ${encode}`],
    ['postgres://ada:7/hunter2@db.test/state', 'The state URL has a character that is not encoded', encode],
    ['postgres://ada@x:7/hunter2@db.test', 'The state URL has a character that is not encoded', encode],
    ['postgres://ada:7#hunter2@db.test/state', 'The state URL has a character that is not encoded', encode],
    ['postgres://ada:7?hunter2@db.test/state', 'The state URL has no database', use],
    ['postgres://ada:hunter2%zz@db.test/state', 'The state URL has a character that is not encoded', encode],
    ['postgres://ada:hunter2%@db.test/state', 'The state URL has a character that is not encoded', encode],
    ['postgres://ada:hunter2 2@db.test/state', 'The state URL has a character that is not encoded', encode],
    ["postgres://ada:hunter2'@db.test/state", 'The state URL has a character that is not encoded', encode],
    ['postgres://ada:hunter2%00@db.test/state', 'The state URL has a null character', use],
    ['postgres://ada@db.test/state?password=hunter2', 'The state URL has a password among its parameters', use],
    ['postgres://ada@db.test/state?sslpassword=hunter2', 'The state URL has a password among its parameters', use],
    [
      'postgres://ada:hunter2@db.test/state?schema=Team',
      '"Team" is not a valid schema in a state URL',
      'Use lowercase letters, digits and underscores.',
    ],
    [
      'postgres://ada:hunter2@db.test/state?schema=',
      '"" is not a valid schema in a state URL',
      'Use lowercase letters, digits and underscores.',
    ],
    [
      'postgres://ada:hunter2@db.test/state?sslmode=prefer',
      '"prefer" is not a valid sslmode in a state URL',
      'Use disable, require, verify-ca or verify-full. All but disable check the certificate.',
    ],
  ])('refuses %j, without its password', (text, message, hint) => {
    const error = errorOf(() => parseStateUrl(text));
    expect(error).toMatchObject({ code: 'usage', message, hint });
    expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain('hunter2');
  });
});

describe('maskedStateUrl', () => {
  test.each([
    [
      'postgres://ada:hunter2@db.test:6432/state?sslmode=require',
      'postgres://ada:…@db.test:6432/state?sslmode=require',
    ],
    ['postgres://ada:hunter2@hunter2@db.test/state', 'postgres://ada:…@db.test/state'],
    ['postgres://a%3Ada:hunter2%40@/state?host=/run/postgresql', 'postgres://a%3A…@/state?host=/run/postgresql'],
    ['postgres://ada@db.test/state', 'postgres://ada@db.test/state'],
    ['postgres://ada:…@db.test/state', 'postgres://ada:…@db.test/state'],
    ['postgres://ada:7/hunter2@db.test/state', '…'],
    ['postgres://ada:hunter2/hunter2@db.test/state', '…'],
    ['hunter2', '…'],
  ])('writes %j as %j', (text, shown) => {
    expect(maskedStateUrl(text)).toBe(shown);
  });
});

function errorOf(work: () => unknown): CommandError {
  try {
    work();
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
