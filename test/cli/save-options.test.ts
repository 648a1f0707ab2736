import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { destinationOf, keyOptionsOf } from '../../src/cli/save-options.ts';
import { createContext } from '../../src/context/create.ts';
import { worldWith } from '../support/world.ts';

const cwd = path.resolve('/work');
const context = createContext(worldWith({ stdout: new PassThrough(), cwd }), () => ({ input: false, color: false }));

test.each([
  [{ save: '.env' }, '.env', ['CHEAPESTINFERENCE_API_KEY']],
  [{ save: 'app/.env', var: 'KEY' }, 'app/.env', ['KEY']],
  [{ save: '/other/.env' }, '/other/.env', ['CHEAPESTINFERENCE_API_KEY']],
])('%j chooses a dotenv file', async (options, file, variables) => {
  const destination = await destinationOf(context, options);
  expect(destination?.describe(1)).toMatchObject({ savedTo: path.resolve(cwd, file), variables });
});

test('no --save chooses the printed result', async () => {
  expect(await destinationOf(context, {})).toBeUndefined();
});

test.each([
  [{ var: 'KEY' }, '--var needs --save'],
  [{ force: true } as const, '--force needs --save'],
  [{ save: ' ' }, '--save is empty'],
  [{ save: '.env', var: '1A' }, '"1A" is not a valid variable name'],
])('refuses %j', async (options, message) => {
  await expect(destinationOf(context, options)).rejects.toMatchObject({ code: 'usage', message });
});

test('uses the destination of --save for --create-key', async () => {
  const keys = await keyOptionsOf(context, { createKey: 'prod', save: '.env' });
  expect([keys.createKey, keys.destination?.describe(2).variables]).toEqual([
    'prod',
    ['CHEAPESTINFERENCE_API_KEY', 'CHEAPESTINFERENCE_API_KEY_2'],
  ]);
  expect(await keyOptionsOf(context, {})).toEqual({});
});

test.each([
  [{ createKey: ' ' }, 'The key name is empty'],
  [{ save: '.env' }, '--save needs --create-key'],
])('a purchase with %j is refused', async (options, message) => {
  await expect(keyOptionsOf(context, options)).rejects.toMatchObject({ code: 'usage', message });
});
