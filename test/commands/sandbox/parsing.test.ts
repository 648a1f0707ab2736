import { expect, test } from 'vitest';
import advance from '../../../src/commands/sandbox/advance.ts';
import reset from '../../../src/commands/sandbox/reset.ts';
import schedule from '../../../src/commands/sandbox/schedule.ts';
import serve from '../../../src/commands/sandbox/serve.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['90m', { milliseconds: 5_400_000 }],
  ['30d', { milliseconds: 2_592_000_000 }],
])('reads `ci sandbox advance %s`', async (words, options) => {
  expect(await parsed(advance, words)).toEqual(options);
});

test.each([
  ['', { card: true }],
  ['--no-card', { card: false }],
])('reads `ci sandbox reset %s`', async (words, options) => {
  expect(await parsed(reset, words)).toEqual(options);
});

test.each([
  ['', {}],
  ['--clear', { clear: true }],
  ['kimi26 europe', { pool: 'kimi26', block: 'europe' }],
  [
    'kimi26 asia --open-in 1m --for 5m --seats 3 --rivals 5',
    { pool: 'kimi26', block: 'asia', openIn: 60_000, for: 300_000, seats: 3, rivals: 5 },
  ],
])('reads `ci sandbox schedule %s`', async (words, options) => {
  expect(await parsed(schedule, words)).toEqual(options);
});

test.each([
  ['kimi26 mars', '"mars" is not a block'],
  ['kimi26 all', '"all" is not a block'],
  ['kimi26 asia --seats 0', '"0" is not a valid value for --seats'],
  ['kimi26 asia --rivals many', '"many" is not a valid value for --rivals'],
])('refuses `ci sandbox schedule %s`', async (words, message) => {
  await expect(parsed(schedule, words)).rejects.toMatchObject({ code: 'usage', message });
});

test.each([
  ['', { port: 8787 }],
  ['--port 0', { port: 0 }],
  ['--port 65535', { port: 65_535 }],
  ['--chain', { port: 8787, chain: true }],
  ['--rpc-url http://127.0.0.1:8545', { port: 8787, rpcUrl: 'http://127.0.0.1:8545' }],
])('reads `ci sandbox serve %s`', async (words, options) => {
  expect(await parsed(serve, words)).toEqual(options);
});

test.each(['65536', '-1', 'http', ''])('refuses --port %j', async (port) => {
  const error = { code: 'usage', message: `"${port}" is not a valid port` };
  await expect(parsed(serve, [`--port=${port}`])).rejects.toMatchObject(error);
});
