import { expect, test } from 'vitest';
import api from '../../src/commands/api.ts';
import { parsed } from '../support/parsing.ts';

const none = { fields: [], input: undefined };

test.each([
  ['GET /api/keys', { ...none, method: 'GET', path: '/api/keys' }],
  ['delete /api/keys/1', { ...none, method: 'DELETE', path: '/api/keys/1' }],
  ['POST /api/x --input -', { ...none, method: 'POST', path: '/api/x', input: '-' }],
  [
    'POST /api/x -f name=a=b --raw-field count=1 -f empty=',
    {
      ...none,
      method: 'POST',
      path: '/api/x',
      fields: [
        ['name', 'a=b'],
        ['count', '1'],
        ['empty', ''],
      ],
    },
  ],
  [
    'POST /api/x -F count=1 -F on=true -F name=acme -F list=[1] -f text=2',
    {
      ...none,
      method: 'POST',
      path: '/api/x',
      fields: [
        ['text', '2'],
        ['count', 1],
        ['on', true],
        ['name', 'acme'],
        ['list', [1]],
      ],
    },
  ],
])('reads `ci api %s`', async (words, options) => {
  expect(await parsed(api, words)).toEqual(options);
});

test.each([
  ['', 'Missing argument: method'],
  ['GET', 'Missing argument: path'],
  ['/api/keys /api/keys', '"/api/keys" is not an HTTP method'],
  ['GET /api/x extra', 'Too many arguments: expected 2, got 3'],
  ['POST /api/x -f name', '"name" is not a valid field'],
  ['POST /api/x -F =1', '"=1" is not a valid field'],
  ['POST /api/x --input', 'Missing value: --input <file>'],
])('refuses `ci api %s`', async (words, message) => {
  await expect(parsed(api, words)).rejects.toMatchObject({ code: 'usage', message });
});
