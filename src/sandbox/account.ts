import * as z from 'zod/mini';
import { blockNames } from '../domain/blocks.ts';
import { day, hour } from './calendar.ts';
import { microsPerCent } from './money.ts';

/** The credit a fresh account has, as in the Management API document's example: 25.00 USD. */
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
  /** Periods are counted from here, so that a subscription of the 31st does not drift to the 28th. */
  anchor: z.int(),
  /** How many periods since the anchor are paid. */
  paidPeriods: z.int(),
  /** The key that a manually provisioned pool hands over, and when; drawn at once so that settling is a pure function. */
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
  /** null: a credit key. */
  subscriptionId: z.nullable(z.string()),
  createdAt: z.int(),
  lastUsedAt: z.nullable(z.int()),
  /** In millionths of a dollar per 30 days; null: the account's whole balance. */
  budgetMicros: z.nullable(z.int()),
  rpm: z.nullable(z.number()),
  tpm: z.nullable(z.number()),
  /** In millionths of a dollar, in the budget period `spentPeriod`. */
  spentMicros: z.int(),
  spentPeriod: z.int(),
  /** What was used, oldest minute first; nothing older than 30 days when last written. */
  minutes: z.array(minuteSchema),
});

const dropSchema = z.object({
  poolId: z.string(),
  block: z.enum(blockNames),
  opensAt: z.int(),
  closesAt: z.int(),
  /** How many seats are on offer when it opens. */
  seats: z.int(),
  /** How many others come for one while it is open. */
  rivals: z.int(),
  rivalsSeen: z.int(),
  phase: z.enum(['due', 'open', 'over']),
  /** The slot indexes on offer, without those that rivals took. */
  slots: z.array(z.int()),
});

/** The whole account: everything that a request can read or change, times in epoch milliseconds of the sandbox's clock. */
export const accountSchema = z.object({
  /** Sandbox time minus the machine's time. */
  offsetMilliseconds: z.number(),
  /** `declining`: a card is on file, and every charge to it fails. */
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
  /** Oldest first, as all lists here. */
  subscriptions: z.array(subscriptionSchema),
  keys: z.array(keySchema),
  topUps: z.array(z.object({ id: z.string(), method: z.enum(['stripe', 'usdc']), cents: z.int(), paid: z.boolean() })),
  transactions: z.array(z.object({ hash: z.string(), cents: z.int(), credited: z.boolean() })),
  setupIntents: z.array(z.string()),
  /** When `GET /api/usage` was answered, for its limit. */
  usageCalls: z.array(z.int()),
  /** Absent in the state of versions that knew none. */
  drops: z.optional(z.array(dropSchema)),
});

/** See {@link accountSchema}. Never changed in place: a request that loses a race is carried out again on a newer one. */
export type Account = z.infer<typeof accountSchema>;
/** One seat of a pool held through a whole block. */
export type Seat = z.infer<typeof seatSchema>;
/** A paid seat. */
export type Subscription = z.infer<typeof subscriptionSchema>;
/** A consumption key. */
export type Key = z.infer<typeof keySchema>;
/** Seats of a block that are on offer for a time: the block is sold out before and after. */
export type Drop = z.infer<typeof dropSchema>;
/** What one key used in one minute. */
export type UsedMinute = z.infer<typeof minuteSchema>;

/**
 * A fresh account, at 09:00 UTC of the machine's current UTC day: the block `europe` is live whatever the time of day.
 *
 * @param now - the machine's clock, epoch milliseconds
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
