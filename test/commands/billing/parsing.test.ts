import { expect, test } from 'vitest';
import cancel from '../../../src/commands/billing/cancel.ts';
import checkout from '../../../src/commands/billing/checkout.ts';
import subscribe from '../../../src/commands/billing/subscribe.ts';
import topup from '../../../src/commands/billing/topup.ts';
import verify from '../../../src/commands/billing/verify.ts';
import { parsed } from '../../support/parsing.ts';

const hash = `0x${'ab'.repeat(32)}`;

test.each([
  ['', { cents: undefined, method: 'stripe' }],
  ['50', { cents: 5000, method: 'stripe' }],
  ['10.50 --method usdc --wait', { cents: 1050, method: 'usdc', wait: true }],
])('reads `ci billing topup %s`', async (words, options) => {
  expect(await parsed(topup, words)).toEqual(options);
});

test.each([
  ['9.99', '$9.99 is too small for a top-up'],
  ['ten', '"ten" is not a valid amount'],
  ['50 --method paypal', '"paypal" is not a valid value for --method'],
])('refuses `ci billing topup %s`', async (words, message) => {
  await expect(parsed(topup, words)).rejects.toMatchObject({ code: 'usage', message });
});

test.each([
  ['', { txHash: undefined }],
  [`${hash} --amount 50`, { txHash: hash, amount: 5000 }],
  [`${hash} --amount 50.01 --wait --settle 1m`, { txHash: hash, amount: 5001, wait: true, settle: 60_000 }],
])('reads `ci billing verify %s`', async (words, options) => {
  expect(await parsed(verify, words)).toEqual(options);
});

test.each([
  ['0x12', '"0x12" is not a valid transaction hash'],
  [`${hash} --amount 0`, '"0" is not a valid amount for --amount'],
  [`${hash} --amount 1.001`, '"1.001" is not a valid amount for --amount'],
])('refuses `ci billing verify %s`', async (words, message) => {
  await expect(parsed(verify, words)).rejects.toMatchObject({ code: 'usage', message });
});

test.each([
  ['', { plan: undefined, wait: true }],
  ['pro --create-key prod', { plan: 'pro', createKey: 'prod', wait: true }],
  ['pro --no-wait --again --settle 5s', { plan: 'pro', wait: false, again: true, settle: 5000 }],
])('reads `ci billing subscribe %s`', async (words, options) => {
  expect(await parsed(subscribe, words)).toEqual(options);
});

test.each([
  ['', { plan: undefined }],
  ['pro', { plan: 'pro' }],
])('reads `ci billing checkout %s`', async (words, options) => {
  expect(await parsed(checkout, words)).toEqual(options);
});

test.each([
  ['', { subscriptionId: undefined, wait: true }],
  ['sub_1 --again', { subscriptionId: 'sub_1', wait: true, again: true }],
  ['sub_1 --no-wait --settle 2m', { subscriptionId: 'sub_1', wait: false, settle: 120_000 }],
])('reads `ci billing cancel %s`', async (words, options) => {
  expect(await parsed(cancel, words)).toEqual(options);
});
