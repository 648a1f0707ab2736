import * as z from 'zod/mini';
import { blockNames } from '../domain/blocks.ts';
import { chainNames } from '../domain/chains.ts';
import { billingCycles } from '../domain/quote.ts';
import type { Before, Intent } from '../domain/reconcile.ts';

const hexSchema = z.templateLiteral(['0x', z.string()]);

/** What was requested. */
export const intentSchema = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('subscribe'),
    pool: z.string(),
    blocks: z.array(z.enum(blockNames)),
    quantity: z.int(),
    billingCycle: z.enum(billingCycles),
    charge: z.optional(z.number()),
    monthly: z.optional(z.number()),
  }),
  z.object({
    action: z.literal('create-key'),
    type: z.enum(['subscription', 'credit']),
    name: z.optional(z.string()),
    subscriptionId: z.optional(z.string()),
    maxBudget: z.optional(z.number()),
    rpm: z.optional(z.number()),
    tpm: z.optional(z.number()),
    temporary: z.optional(z.literal(true)),
    replaces: z.optional(z.string()),
  }),
  z.object({ action: z.literal('delete-key'), id: z.string(), name: z.optional(z.string()) }),
  z.object({ action: z.literal('cancel'), pool: z.string(), subscription: z.string() }),
  z.object({ action: z.literal('topup'), amount: z.number(), method: z.enum(['stripe', 'usdc']) }),
  z.object({
    action: z.literal('pay'),
    purchase: z.discriminatedUnion('type', [
      z.object({ type: z.literal('subscription'), pool: z.string(), blocks: z.array(z.enum(blockNames)) }),
      z.object({ type: z.literal('credit') }),
      z.object({ type: z.literal('topup') }),
    ]),
    amount: z.number(),
    chain: z.enum(chainNames),
    isLocal: z.boolean(),
    host: z.string(),
    from: hexSchema,
    to: hexSchema,
    nonce: z.int(),
    block: z.int(),
    hash: hexSchema,
    raw: hexSchema,
  }),
  z.object({ action: z.literal('verify'), txHash: z.string(), amount: z.number() }),
  z.object({ action: z.literal('card') }),
  z.object({ action: z.literal('checkout-plan'), plan: z.string() }),
  z.object({ action: z.literal('subscribe-plan'), plan: z.string() }),
  z.object({ action: z.literal('cancel-plan'), subscription: z.string() }),
  z.object({ action: z.literal('api'), method: z.string(), path: z.string() }),
]) satisfies z.ZodMiniType<Intent>;

/** The earlier state of the account. */
export const beforeSchema = z.object({
  ids: z.optional(z.array(z.string())),
  ending: z.optional(z.array(z.string())),
  toppedUp: z.optional(z.number()),
  plans: z.optional(z.string()),
}) satisfies z.ZodMiniType<Before>;

/** The account on which a change was made. */
export const accountSchema = z.object({
  /** A hash that identifies the account. */
  id: z.string(),
  /** The account for people, with the key masked. */
  label: z.string(),
});

/** The process that made it. */
export const processSchema = z.object({ machine: z.string(), pid: z.int(), started: z.string() });

/** The outcome. */
export const settledSchema = z.object({
  at: z.iso.datetime(),
  outcome: z.enum(['applied', 'not_applied', 'unknown']),
  by: z.enum(['answer', 'look', 'later']),
  ids: z.array(z.string()),
  code: z.optional(z.string()),
  charge: z.optional(z.number()),
});
