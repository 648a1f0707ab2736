import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import gateway, { run as runGateway } from '../../../src/commands/gateway/index.ts';
import install from '../../../src/commands/gateway/install.ts';
import { serveArguments, serveOptionsOf } from '../../../src/commands/gateway/options.ts';
import stop from '../../../src/commands/gateway/stop.ts';
import token from '../../../src/commands/gateway/token.ts';
import { createContext } from '../../../src/context/create.ts';
import { certificateFor } from '../../../src/gateway/certificate.ts';
import { parsed } from '../../support/parsing.ts';
import { worldWith } from '../../support/world.ts';

const local = { host: '127.0.0.1', port: 8788 };
const defaults = { listen: local, outside: 'fail', queueLimit: 1000 };
const world = { env: { HOME: '/home/ada' }, cwd: '/srv' };
const config = '/home/ada/.config/cheapestinference';

describe('ci gateway', () => {
  test.each([
    ['', {}],
    ['--listen 127.0.0.1:0', { listen: { host: '127.0.0.1', port: 0 } }],
    ['--listen 9000', { listen: { host: '127.0.0.1', port: 9000 } }],
    ['--listen :9000', { listen: { host: '127.0.0.1', port: 9000 } }],
    ['--listen localhost:65535', { listen: { host: 'localhost', port: 65_535 } }],
    ['--listen [::1]:8788', { listen: { host: '::1', port: 8788 } }],
    ['--listen [::]:8788', { listen: { host: '::', port: 8788 } }],
    ['--listen 0.0.0.0:8788 --insecure', { listen: { host: '0.0.0.0', port: 8788 }, insecure: true }],
    ['--token-file token', { tokenFile: 'token' }],
    ['--cert cert.pem --key key.pem', { cert: 'cert.pem', key: 'key.pem' }],
    ['--pools kimi26', { pools: ['kimi26'] }],
    ['--pools kimi26,glm5,kimi26', { pools: ['kimi26', 'glm5'] }],
    ['--keys a,b', { keys: ['a', 'b'] }],
    ['--outside fail', { outside: 'fail' }],
    ['--outside wait', { outside: 'wait' }],
    ['--outside credit --credit-key overflow', { outside: 'credit', creditKey: 'overflow' }],
    ['--queue-limit 1', { queueLimit: 1 }],
    ['--queue-timeout 90s', { queueTimeout: 90_000 }],
    ['--drain 2m', { drain: 120_000 }],
    ['--drain 5', { drain: 5000 }],
    ['--quiet', { quiet: true }],
    ['--background', { background: true }],
    ['--until-unused', { untilUnused: true }],
  ])('reads `ci gateway %s`', async (words, options) => {
    expect(await parsed(gateway, words)).toEqual({ ...defaults, ...options });
  });

  test('reads spaces around the names of a list', async () => {
    expect(await parsed(gateway, ['--pools', ' kimi26 , glm5'])).toMatchObject({ pools: ['kimi26', 'glm5'] });
  });

  test.each([
    '',
    'host',
    'host:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '::1:8788',
    '[::1]',
    '[127.0.0.1]:1',
    'a b:1',
    'http://127.0.0.1:1',
    '1:2:3',
    ':',
    '8788x',
  ])('refuses --listen %j', async (address) => {
    await expect(parsed(gateway, [`--listen=${address}`])).rejects.toMatchObject({
      code: 'usage',
      message: `"${address}" is not a valid address to listen on`,
      hint: 'Use a host and a port, such as 127.0.0.1:8788, or a port alone.',
    });
  });

  test.each([
    [['--pools='], '"" is not a valid list for --pools', 'Separate the names with commas.'],
    [['--pools=a,,b'], '"a,,b" is not a valid list for --pools', 'Separate the names with commas.'],
    [['--keys= '], '" " is not a valid list for --keys', 'Separate the names with commas.'],
    [['--keys', 'a,'], '"a," is not a valid list for --keys', 'Separate the names with commas.'],
    [['--outside', 'never'], '"never" is not a valid value for --outside', 'Choose fail, wait or credit.'],
    [['--queue-limit', '0'], '"0" is not a valid value for --queue-limit', 'Use a whole number above 0.'],
    [['--queue-limit', 'many'], '"many" is not a valid value for --queue-limit', 'Use a whole number above 0.'],
    [
      ['--queue-timeout', '0s'],
      '"0s" is not a valid duration for --queue-timeout',
      'Use a number and a unit, such as 500ms, 30s, 5m, 6h or 30d.',
    ],
    [
      ['--drain', 'soon'],
      '"soon" is not a valid duration for --drain',
      'Use a number and a unit, such as 500ms, 30s, 5m, 6h or 30d.',
    ],
    [['--credit-key'], 'Missing value: --credit-key <key>', undefined],
    [['--bogus'], 'Unknown option "--bogus"', undefined],
  ])('refuses `ci gateway` with %j', async (words, message, hint) => {
    await expect(parsed(gateway, words)).rejects.toMatchObject({
      code: 'usage',
      message,
      ...(hint !== undefined && { hint }),
    });
  });

  test.each([
    ['--background --quiet', "--background and --quiet can't be combined", 'Leave out --quiet.'],
    [
      '--credit-key overflow',
      '--credit-key needs --outside credit',
      'Add --outside credit, or leave out --credit-key.',
    ],
    [
      '--credit-key overflow --outside wait',
      '--credit-key needs --outside credit',
      'Add --outside credit, or leave out --credit-key.',
    ],
    ['--token-file=', '--token-file is empty', 'Pass the path of a file.'],
  ])('refuses options that contradict each other: %s', async (words, message, hint) => {
    const context = createContext(worldWith({ stdout: new PassThrough(), ...world }), () => ({
      input: false,
      color: false,
    }));
    const options = await parsed(gateway, words);
    await expect(runGateway(options, context)).rejects.toMatchObject({ code: 'usage', message, hint });
  });
});

describe('serveOptionsOf', () => {
  test('has the defaults', async () => {
    expect(serveOptionsOf(await parsed(gateway, ''), world)).toMatchObject({
      listen: local,
      tokenFile: `${config}/gateway-token`,
      cert: undefined,
      key: undefined,
      pools: [],
      keys: [],
      outside: 'fail',
      creditKey: undefined,
      queueLimit: 1000,
      queueTimeout: 600_000,
      drain: 30_000,
    });
  });

  test('resolves files against the working directory', async () => {
    const flags = await parsed(gateway, '--token-file token --cert tls/cert.pem --key /etc/key.pem');
    expect(serveOptionsOf(flags, world)).toMatchObject({
      tokenFile: '/srv/token',
      cert: '/srv/tls/cert.pem',
      key: '/etc/key.pem',
    });
  });
});

describe('serveArguments', () => {
  test.each([
    ['', ''],
    ['--outside fail --queue-limit 1000 --queue-timeout 10m --drain 30s --listen 8788', ''],
    ['--listen 9000', '--listen 127.0.0.1:9000'],
    ['--listen [::1]:9000 --pools a,b --keys c', '--listen [::1]:9000 --pools a,b --keys c'],
    ['--token-file token', '--token-file /srv/token'],
    ['--cert c --key k', '--cert /srv/c --key /srv/k'],
    [
      '--listen 0.0.0.0:1 --insecure --outside credit --credit-key x',
      '--listen 0.0.0.0:1 --outside credit --credit-key x --insecure',
    ],
    ['--queue-limit 5 --queue-timeout 1m --drain 1s', '--queue-limit 5 --queue-timeout 60000ms --drain 1000ms'],
  ])('writes %j as %j', async (typed, written) => {
    expect(serveArguments(serveOptionsOf(await parsed(gateway, typed), world), world).join(' ')).toBe(written);
  });

  test('are read as the same options', async () => {
    const words =
      '--listen [::1]:9000 --token-file token --cert c --key k --pools a,b --keys c --outside credit --credit-key x --queue-limit 5 --queue-timeout 90s --drain 1500ms';
    const options = serveOptionsOf(await parsed(gateway, words), world);
    const again = await parsed(gateway, serveArguments(options, world));
    expect(serveOptionsOf(again, { ...world, cwd: '/elsewhere' })).toEqual(options);
  });
});

describe('certificateFor', () => {
  const files = { cert: '/nowhere/cert.pem', key: '/nowhere/key.pem' };

  test.each([
    ['127.0.0.1', {}],
    ['127.1.2.3', {}],
    ['localhost', {}],
    ['::1', {}],
    ['0.0.0.0', { insecure: true }],
    ['::', { insecure: true }],
  ] as const)('needs no certificate for %s with %j', (host, options) => {
    expect(certificateFor({ host, port: 1 }, options)).toBeUndefined();
  });

  test.each([
    ['127.0.0.1', { cert: files.cert }, '--cert needs --key', 'Pass both files.'],
    [
      '127.0.0.1',
      { key: files.key },
      '--key needs --cert',
      'Pass both files. To choose the keys of seats, use --keys.',
    ],
    ['0.0.0.0', { ...files, insecure: true }, "--insecure and --cert can't be combined", 'Pass one of them.'],
    ...['0.0.0.0', '::', '192.168.1.5', 'box.example', '127.0.0.1.example'].map(
      (host) =>
        [
          host,
          {},
          `Others on the network could read what is sent to ${host}`,
          'Pass a certificate with --cert and --key, or pass --insecure if the network is trusted.',
        ] as const,
    ),
  ] as const)('refuses %s with %j', (host, options, message, hint) => {
    expect(() => certificateFor({ host, port: 1 }, options)).toThrow(
      expect.objectContaining({ code: 'usage', message, hint }),
    );
  });
});

describe('the other commands', () => {
  test.each([
    ['', {}],
    ['--now', { now: true }],
  ])('reads `ci gateway stop %s`', async (words, options) => {
    expect(await parsed(stop, words)).toEqual(options);
  });

  test.each([
    ['', {}],
    ['--token-file token', { tokenFile: 'token' }],
  ])('reads `ci gateway token %s`', async (words, options) => {
    expect(await parsed(token, words)).toEqual(options);
  });

  test.each([
    ['', {}],
    ['--dry-run', { dryRun: true }],
    ['--undo', { undo: true }],
    ['--pools kimi26 --outside wait', { pools: ['kimi26'], outside: 'wait' }],
  ])('reads `ci gateway install %s`', async (words, options) => {
    expect(await parsed(install, words)).toEqual({ ...defaults, ...options });
  });
});
