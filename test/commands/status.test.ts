import { expect, test } from 'vitest';
import status from '../../src/commands/status.ts';
import { parsed } from '../support/parsing.ts';

test.each([
  ['', {}],
  ['--check', { check: true }],
])('reads `ci status %s`', async (words, options) => {
  expect(await parsed(status, words)).toEqual(options);
});
