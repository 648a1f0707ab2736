import { expect, test } from 'vitest';
import usage from '../../../src/commands/usage/index.ts';
import { parsed } from '../../support/parsing.ts';

test.each([
  ['', { key: undefined, period: '24h', hasPeriod: false }],
  ['prod-api --period 7d', { key: 'prod-api', period: '7d', hasPeriod: true }],
  ['--refresh --period=30d', { key: undefined, period: '30d', refresh: true, hasPeriod: true }],
  ['--self', { key: undefined, period: '24h', self: true, hasPeriod: false }],
  ['--all --format csv', { key: undefined, period: '24h', all: true, format: 'csv', hasPeriod: false }],
])('reads `ci usage %s`', async (words, options) => {
  expect(await parsed(usage, words)).toEqual(options);
});

test.each(['2h', '7D', ''])('refuses --period %j', async (period) => {
  const error = {
    code: 'usage',
    message: `"${period}" is not a valid value for --period`,
    hint: 'Choose 1h, 24h, 7d or 30d.',
  };
  await expect(parsed(usage, ['--period', period])).rejects.toMatchObject(error);
});
