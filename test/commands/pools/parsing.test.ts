import { expect, test } from 'vitest';
import cancel from '../../../src/commands/pools/cancel.ts';
import keys from '../../../src/commands/pools/keys.ts';
import list from '../../../src/commands/pools/list.ts';
import quote from '../../../src/commands/pools/quote.ts';
import subscribe from '../../../src/commands/pools/subscribe.ts';
import subscriptions from '../../../src/commands/pools/subscriptions.ts';
import view from '../../../src/commands/pools/view.ts';
import { blockNames } from '../../../src/domain/blocks.ts';
import { parsed } from '../../support/parsing.ts';

const purchase = { pool: undefined, quantity: 1, billingCycle: 'month' } as const;

test.each([
  ['', { ...purchase, wait: true }],
  ['kimi26 --blocks europe,asia', { ...purchase, pool: 'kimi26', blocks: ['asia', 'europe'], wait: true }],
  ['--blocks all --quantity 20', { ...purchase, blocks: blockNames, quantity: 20, wait: true }],
  ['--billing-cycle year --max-price 49.50', { ...purchase, billingCycle: 'year', maxPrice: 4950, wait: true }],
  ['--ensure --dry-run', { ...purchase, ensure: true, dryRun: true, wait: true }],
  ['--again --no-wait --settle 2m', { ...purchase, again: true, wait: false, settle: 120_000 }],
  ['--create-key prod --save .env --var KEY', { ...purchase, createKey: 'prod', save: '.env', var: 'KEY', wait: true }],
])('reads `ci pools subscribe %s`', async (words, options) => {
  expect(await parsed(subscribe, words)).toEqual(options);
});

test.each([
  ['--blocks mars', '"mars" is not a block'],
  ['--blocks asia,', '"asia," is not a valid list of blocks'],
  ['--quantity 21', '"21" is not a valid number of seats'],
  ['--quantity 1.5', '"1.5" is not a valid number of seats'],
  ['--billing-cycle week', '"week" is not a valid value for --billing-cycle'],
  ['--max-price 0', '"0" is not a valid amount for --max-price'],
  ['--max-price 49.001', '"49.001" is not a valid amount for --max-price'],
  ['--save --dry-run', 'Missing value: --save <file>'],
])('refuses `ci pools subscribe %s`', async (words, message) => {
  await expect(parsed(subscribe, words)).rejects.toMatchObject({ code: 'usage', message });
});

test.each([
  ['', purchase],
  ['kimi26 --blocks americas --quantity 3', { ...purchase, pool: 'kimi26', blocks: ['americas'], quantity: 3 }],
  ['--billing-cycle year', { ...purchase, billingCycle: 'year' }],
])('reads `ci pools quote %s`', async (words, options) => {
  expect(await parsed(quote, words)).toEqual(options);
});

test.each([
  ['', {}],
  ['--available --model kimi --status paused', { available: true, model: 'kimi', status: 'paused' }],
  ['--blocks asia,europe', { blocks: ['asia', 'europe'] }],
  ['--block asia,europe', { blocks: ['asia', 'europe'] }],
])('reads `ci pools list %s`', async (words, options) => {
  expect(await parsed(list, words)).toEqual(options);
});

test.each(['open', 'Active', ''])('refuses `ci pools list --status "%s"` and lists the statuses', async (status) => {
  const refused = { code: 'usage', hint: expect.stringContaining('active, funding, activating or paused') };
  await expect(parsed(list, ['--status', status])).rejects.toMatchObject(refused);
});

test.each([
  ['', { pool: undefined, wait: true }],
  ['kimi26 --again --no-wait --settle 1m', { pool: 'kimi26', again: true, wait: false, settle: 60_000 }],
])('reads `ci pools cancel %s`', async (words, options) => {
  expect(await parsed(cancel, words)).toEqual(options);
});

test.each([
  ['', { pool: undefined }],
  ['kimi26 --reveal', { pool: 'kimi26', reveal: true }],
])('reads `ci pools keys %s`', async (words, options) => {
  expect(await parsed(keys, words)).toEqual(options);
});

test.each([
  ['', { pool: undefined }],
  ['kimi26', { pool: 'kimi26' }],
])('reads `ci pools view %s` and `ci pools subscriptions %s`', async (words, options) => {
  expect(await parsed(view, words)).toEqual(options);
  expect(await parsed(subscriptions, words)).toEqual(options);
});
