import { expect, test } from 'vitest';
import { subscriptionFields } from '../../src/account/subscription-table.ts';
import { productSchema } from '../../src/api/agent.ts';
import {
  billingStatusSchema,
  creditsSchema,
  planSchema,
  planSubscriptionSchema,
  setupIntentSchema,
  stripeTopupSchema,
  usdcTopupSchema,
  verifiedTopupSchema,
} from '../../src/api/billing.ts';
import { createdKeySchema, keySchema } from '../../src/api/keys.ts';
import { poolDetailSchema, poolKeySchema, poolSchema, subscriptionSchema } from '../../src/api/pools.ts';
import { keyUsageSchema, selfUsageSchema } from '../../src/api/usage.ts';
import { fields as productFields } from '../../src/commands/agent/plans.ts';
import { fields as cardFields } from '../../src/commands/billing/card.ts';
import { fields as checkoutFields } from '../../src/commands/billing/checkout.ts';
import { fields as creditsFields } from '../../src/commands/billing/credits.ts';
import { fields as billingStatusFields } from '../../src/commands/billing/status.ts';
import { fields as planSubscriptionFields } from '../../src/commands/billing/subscribe.ts';
import { fields as topupFields } from '../../src/commands/billing/topup.ts';
import { fields as verifyFields } from '../../src/commands/billing/verify.ts';
import { fields as createdKeyFields } from '../../src/commands/keys/create.ts';
import { fields as keyFields } from '../../src/commands/keys/list.ts';
import { fields as planFields } from '../../src/commands/plans/list.ts';
import { fields as poolKeyFields } from '../../src/commands/pools/keys.ts';
import { fields as poolFields } from '../../src/commands/pools/list.ts';
import { fields as poolDetailFields } from '../../src/commands/pools/view.ts';
import { fields as usageFields } from '../../src/commands/usage/keys.ts';
import { selfFields } from '../../src/commands/usage/self.ts';
import { eventFields } from '../../src/watch/events.ts';

// The commands' lists are literals, so that a help page need not load the schemas.
test.each([
  ['ci pools list', poolFields, keysOf(poolSchema())],
  ['ci pools view', poolDetailFields, keysOf(poolDetailSchema())],
  ['ci pools subscriptions', subscriptionFields, [...keysOf(subscriptionSchema()), 'poolSlug']],
  ['ci pools keys', poolKeyFields, keysOf(poolKeySchema())],
  ['ci keys list', keyFields, [...keysOf(keySchema()), 'stored']],
  ['ci keys create', createdKeyFields, [...keysOf(createdKeySchema()), 'savedTo', 'variable']],
  ['ci usage', usageFields, keysOf(keyUsageSchema())],
  ['ci usage --self', selfFields, keysOf(selfUsageSchema())],
  ['ci billing status', billingStatusFields, keysOf(billingStatusSchema())],
  ['ci billing credits', creditsFields, keysOf(creditsSchema())],
  [
    'ci billing topup',
    topupFields,
    [...keysOf(stripeTopupSchema()), ...keysOf(usdcTopupSchema()), ...keysOf(verifiedTopupSchema())],
  ],
  ['ci billing verify', verifyFields, keysOf(verifiedTopupSchema())],
  ['ci billing card', cardFields, keysOf(setupIntentSchema())],
  ['ci billing subscribe', planSubscriptionFields, keysOf(planSubscriptionSchema())],
  ['ci billing checkout', checkoutFields, keysOf(stripeTopupSchema())],
  ['ci plans list', planFields, keysOf(planSchema())],
  ['ci agent plans', productFields, keysOf(productSchema())],
])('offers the fields that the schema reads (%s)', (_command, offered, read) => {
  expect(offered).toEqual(read);
});

function keysOf({ shape }: { shape: object }): string[] {
  return Object.keys(shape);
}

test('prints exactly the fields of an event, in order (ci pools watch)', () => {
  expect(eventFields).toEqual([
    'event',
    'at',
    'pool',
    'blocks',
    'pricePerMonth',
    'previousPricePerMonth',
    'freeSeats',
    'status',
    'previousStatus',
    'charge',
    'subscriptions',
    'code',
    'message',
  ]);
});
