import * as z from 'zod/mini';
import { blockNames } from '../domain/blocks.ts';
import { day, hour } from './calendar.ts';
import { microsPerCent } from './money.ts';

/** The credit of a new account, as in the example of the Management API document: 25.00 USD. */
const startingCredit = 2500 * microsPerCent;

const seatSchema = z.object({ block: z.enum(blockNames), slotIndex: z.int() });

const subscriptionSchema = z.object({
  id: z.string(),
  poolId: z.string(),
  status: z.enum(['active', 'pending_key', 'past_due', 'canceled']),
  seats: z.array(seatSchema),
  /** Per seat, in cents. */
  monthlyCents: z.int(),
  billingCycle: z.enum(['month', 'year']),
  cancelAtPeriodEnd: z.boolean(),
  createdAt: z.int(),
  /** Start of the first period. Counting from here keeps a subscription of the 31st from moving to the 28th. */
  anchor: z.int(),
  /** Number of paid periods since the anchor. */
  paidPeriods: z.int(),
  /** When a subscription that was paid in USDC ends. It doesn't renew. */
  expiresAt: z.optional(z.int()),
  /** The key that a manually provisioned pool delivers, and when. It is generated in advance so that settling is a pure function. */
  provisioning: z.nullable(z.object({ at: z.int(), keyId: z.string(), apiKey: z.string() })),
});

const minuteSchema = z.object({
  /** Whole minutes since the epoch. */
  minute: z.int(),
  requests: z.int(),
  promptTokens: z.int(),
  completionTokens: z.int(),
});

const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  apiKey: z.string(),
  /** Null for a credit key. */
  subscriptionId: z.nullable(z.string()),
  createdAt: z.int(),
  lastUsedAt: z.nullable(z.int()),
  /** In millionths of a dollar per 30 days. Null: the whole balance of the account. */
  budgetMicros: z.nullable(z.int()),
  rpm: z.nullable(z.number()),
  tpm: z.nullable(z.number()),
  /** In millionths of a dollar, in the budget period `spentPeriod`. */
  spentMicros: z.int(),
  spentPeriod: z.int(),
  /** Usage per minute, oldest first, of the 30 days before it was last written. */
  minutes: z.array(minuteSchema),
});

const dropSchema = z.object({
  poolId: z.string(),
  block: z.enum(blockNames),
  opensAt: z.int(),
  closesAt: z.int(),
  /** Number of seats when it opens. */
  seats: z.int(),
  /** Number of other buyers who take a seat while it is open. */
  rivals: z.int(),
  rivalsSeen: z.int(),
  phase: z.enum(['due', 'open', 'over']),
  /** The slot indexes that are still available, or taken by this account. */
  slots: z.array(z.int()),
});

/** The account: everything that a request can read or change. Times are epoch milliseconds of the sandbox's clock. */
export const accountSchema = z.object({
  /** The sandbox's time minus this machine's time. */
  offsetMilliseconds: z.number(),
  /** `declining`: a card is saved, but every charge to it fails. */
  card: z.enum(['none', 'good', 'declining']),
  creditMicros: z.int(),
  toppedUpMicros: z.int(),
  charges: z.array(
    z.object({
      id: z.string(),
      subscriptionId: z.string(),
      cents: z.int(),
      at: z.int(),
      reason: z.enum(['subscribe', 'renewal']),
    }),
  ),
  /** Oldest first, like all lists here. */
  subscriptions: z.array(subscriptionSchema),
  keys: z.array(keySchema),
  topUps: z.array(z.object({ id: z.string(), method: z.enum(['stripe', 'usdc']), cents: z.int(), paid: z.boolean() })),
  transactions: z.array(z.object({ hash: z.string(), cents: z.int(), credited: z.boolean() })),
  setupIntents: z.array(z.string()),
  /** Times of `GET /api/usage` requests, for its rate limit. */
  usageCalls: z.array(z.int()),
  /** Absent in the state of older versions. */
  drops: z.optional(z.array(dropSchema)),
});

/** An account. It is never changed in place, because a request that loses a race runs again on a newer one. */
export type Account = z.infer<typeof accountSchema>;
/** A seat in a block of a pool. */
export type Seat = z.infer<typeof seatSchema>;
/** A subscription: a seat in one or more blocks. */
export type Subscription = z.infer<typeof subscriptionSchema>;
/** An API key. */
export type Key = z.infer<typeof keySchema>;
/** Seats of a block that are available for a limited time. Before and after it, the block is sold out. */
export type Drop = z.infer<typeof dropSchema>;
/** What a key used in a minute. */
export type UsedMinute = z.infer<typeof minuteSchema>;

/**
 * Returns a new account, at 09:00 UTC of the current UTC day, so that the block `europe` is live.
 *
 * @param now - this machine's time, epoch milliseconds
 */
export function freshAccount(options: { card: boolean }, now: number): Account {
  return {
    offsetMilliseconds: Math.floor(now / day) * day + 9 * hour - now,
    card: options.card ? 'good' : 'none',
    creditMicros: startingCredit,
    toppedUpMicros: startingCredit,
    charges: [],
    subscriptions: [],
    keys: [],
    topUps: [],
    transactions: [],
    setupIntents: [],
    usageCalls: [],
  };
}
