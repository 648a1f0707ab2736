import * as z from 'zod/mini';
import { lazy } from '../domain/lazy.ts';

/**
 * How far a rotation has come:
 * - `planned`: the new key may have been requested, but isn't known
 * - `created`: the new key exists, and nobody has its secret
 * - `delivering`: the secret may have been delivered
 * - `delivered`: the secret was delivered
 * - `proven`: the new key was delivered and works, and the old one can be revoked
 */
const steps = ['planned', 'created', 'delivering', 'delivered', 'proven'] as const;

const requestMembers = { name: z.string() };

export const rotationSchema = lazy(() =>
  z.object({
    /** Identifies the account, as in the record of changes. */
    account: z.string(),
    /** The key to replace. */
    old: z.object({ id: z.string(), name: z.optional(z.string()) }),
    /** The new key, as it is requested. */
    request: z.union([
      z.object({
        ...requestMembers,
        credit: z.literal(true),
        maxBudget: z.optional(z.number()),
        rpm: z.optional(z.number()),
        tpm: z.optional(z.number()),
      }),
      z.object({ ...requestMembers, subscriptionId: z.string() }),
    ]),
    /** Where the secret goes. */
    place: z.object({
      store: z.optional(z.literal(true)),
      save: z.optional(z.string()),
      /** The file for the secrets of many keys. */
      saveTo: z.optional(z.string()),
      to: z.optional(z.array(z.string())),
      var: z.optional(z.string()),
      force: z.optional(z.literal(true)),
      /** The directory in which relative paths start. */
      cwd: z.string(),
    }),
    /** The program that proves that the new key works; by default, a request to the API does. */
    proof: z.optional(z.string()),
    /** How long both keys stay valid, in milliseconds, or the program that ends this time. */
    overlap: z.union([z.number(), z.string()]),
    /** Whether the old key may be revoked first if the API refuses a second one. */
    allowsGap: z.boolean(),
    /** Epoch milliseconds. */
    startedAt: z.number(),
    /** Names the lock of the process that works on it. */
    claim: z.string(),
    step: z.enum(steps),
    /** The id of the new key. */
    newId: z.optional(z.string()),
    /** The ids of earlier new keys whose secrets may have been delivered. They are revoked with the old key. */
    stale: z.array(z.string()),
    /** Whether the old key was revoked first. */
    hasGap: z.boolean(),
    /** When the new key was both delivered and proven, epoch milliseconds. */
    provenAt: z.optional(z.number()),
  }),
);

/** The replacement of one key by another, as it is stored until it is finished. It has no secrets. */
export type Rotation = Readonly<z.infer<ReturnType<typeof rotationSchema>>>;

/** Where the secret of a new key goes. */
export type RotationPlace = Rotation['place'];

/** Returns what rotations have in common whose new keys couldn't be told apart: the name and the seat. */
export function seriesOf({ request }: Pick<Rotation, 'request'>): string {
  return JSON.stringify([request.name.trim(), 'credit' in request ? null : request.subscriptionId]);
}
