import { expect, test } from 'vitest';
import { billingStatusSchema } from '../../src/api/billing.ts';
import { keySchema } from '../../src/api/keys.ts';
import { poolDetailSchema, poolSchema, subscriptionSchema } from '../../src/api/pools.ts';
import { fields as billingStatusFields } from '../../src/commands/billing/status.ts';
import { fields as keyFields } from '../../src/commands/keys/list.ts';
import { fields as poolFields } from '../../src/commands/pools/list.ts';
import { subscriptionFields } from '../../src/commands/pools/subscription.ts';
import { fields as poolDetailFields } from '../../src/commands/pools/view.ts';

// The commands' lists are literals, so that a help page need not load the schemas.
test.each([
  ['ci pools list', poolFields, Object.keys(poolSchema.shape)],
  ['ci pools view', poolDetailFields, Object.keys(poolDetailSchema.shape)],
  ['ci pools subscriptions', subscriptionFields, [...Object.keys(subscriptionSchema.shape), 'poolSlug']],
  ['ci keys list', keyFields, Object.keys(keySchema.shape)],
  ['ci billing status', billingStatusFields, Object.keys(billingStatusSchema.shape)],
])('%s offers the fields that its schema reads', (_command, offered, read) => {
  expect(offered).toEqual(read);
});
