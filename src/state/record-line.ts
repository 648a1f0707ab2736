import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { blockNames } from '../domain/blocks.ts';
import { chainNames } from '../domain/chains.ts';
import type { Outcome } from '../domain/errors.ts';
import { billingCycles } from '../domain/quote.ts';
import type { Before, Intent } from '../domain/reconcile.ts';
import { redacted } from '../domain/secrets.ts';
import type { ProcessId } from './process.ts';

/** Longest line of the record, in bytes. */
const longestLine = 15 * 1024;

/** Longest member of `before` that a line holds, in bytes: about a hundred ids. */
const longestBefore = 4096;

/** Longest text in a line that is too long, in bytes; halved until the line fits. */
const longestText = 2048;

const hexSchema = z.templateLiteral(['0x', z.string()]);

const intentSchema = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('subscribe'),
    pool: z.string(),
    blocks: z.array(z.enum(blockNames)),
    quantity: z.int(),
    billingCycle: z.enum(billingCycles),
    charge: z.optional(z.number()),
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

const beforeSchema = z.object({
  ids: z.optional(z.array(z.string())),
  ending: z.optional(z.array(z.string())),
  toppedUp: z.optional(z.number()),
  plans: z.optional(z.string()),
}) satisfies z.ZodMiniType<Before>;

const accountSchema = z.object({
  /** A hash that identifies the account. */
  id: z.string(),
  /** The account for people, with the key masked. */
  label: z.string(),
});

const begunMembers = {
  at: z.iso.datetime(),
  intent: intentSchema,
  before: beforeSchema,
  account: accountSchema,
  process: z.object({ machine: z.string(), pid: z.int(), started: z.string() }),
  /** Whether something was cut. The file of the open change has all of it. */
  cut: z.optional(z.literal(true)),
};

/** Also the name of the file of an open change. */
const idSchema = z.string().check(z.regex(/^[\w-]{1,64}$/));

const beginSchema = z.object({ id: idSchema, ...begunMembers });

/** The change, repeated in a line that is written so much later that readers may not reach its first line. */
const begunSchema = z.optional(z.object(begunMembers));

const sentSchema = z.object({ id: idSchema, at: z.iso.datetime(), sent: z.literal(true), begun: begunSchema });

const endSchema = z.object({
  id: idSchema,
  at: z.iso.datetime(),
  outcome: z.enum(['applied', 'not_applied', 'unknown']),
  /** How the outcome was found: from the response, from the account, or from the account by a later command, before the user saw it. */
  by: z.enum(['answer', 'look', 'later']),
  /** The ids of what was created or changed. */
  ids: z.array(z.string()),
  /** The error code, if there was an error. */
  code: z.optional(z.string()),
  /** The charge in USD. */
  charge: z.optional(z.number()),
  begun: begunSchema,
});

/** The account on which a change was made. */
export type RecordedAccount = z.infer<typeof accountSchema>;

/** The outcome of a change. */
export interface Settled {
  readonly outcome: Outcome;
  readonly by: 'answer' | 'look' | 'later';
  readonly ids: readonly string[];
  readonly code?: string | undefined;
  /** The charge in USD, if the response named another amount than was agreed. */
  readonly charge?: number | undefined;
}

/** A change as recorded: what was requested, on which account, and the outcome. */
export interface RecordedChange {
  readonly id: string;
  /** RFC 3339, by this machine's clock. */
  readonly at: string;
  /** RFC 3339; when the request left, if that was noticeably later than {@link at}. The settling time starts here. */
  readonly sentAt?: string;
  readonly intent: Intent;
  readonly before: Before;
  readonly account: RecordedAccount;
  readonly process: ProcessId;
  /** Whether `before` is incomplete: it was too large for the record, and the file of the open change no longer exists. */
  readonly lacksBefore?: boolean;
  /** Absent while its process is working, and if that was killed. */
  readonly settled?: Settled & { readonly at: string };
}

/** A change as its first line records it. */
export type Begun = Pick<RecordedChange, 'id' | 'at' | 'intent' | 'before' | 'account' | 'process'>;

/** What some lines of the record say about a change. */
export interface ChangeState {
  /** Absent if the first line of the change isn't among them. */
  readonly begun?: Begun;
  /** Whether {@link begun} was cut to fit the line. */
  readonly isCut?: boolean;
  readonly sentAt?: string;
  readonly settled?: Settled & { readonly at: string };
}

/** One line of the record. */
export interface Entry {
  readonly id: string;
  /** Whether it is the first line of the change. */
  readonly isFirst: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly state: ChangeState;
}

/** The start of a line that follows one that was cut off without a newline. */
const start = /\{"id":"[0-9a-f]{12}","at":"/g;

/** Parses a line of the record; undefined if it is incomplete or not ours. */
export function entryOf(line: string): Entry | undefined {
  if (line === '') return undefined;
  const value = parsed(line);
  if (value !== undefined) return entryIn(value);
  const second = [...line.matchAll(start)].at(-1)?.index ?? 0;
  return second > 0 ? entryIn(parsed(line.slice(second))) : undefined;
}

function entryIn(value: unknown): Entry | undefined {
  const begin = beginSchema.safeParse(value);
  if (begin.success) {
    const { cut, ...begun } = begin.data;
    return { id: begun.id, isFirst: true, at: Date.parse(begun.at), state: { begun, isCut: cut ?? false } };
  }
  const end = endSchema.safeParse(value);
  if (end.success) {
    const { id, begun, ...settled } = end.data;
    return { id, isFirst: false, at: Date.parse(settled.at), state: { ...repeated(id, begun), settled } };
  }
  const sent = sentSchema.safeParse(value);
  if (!sent.success) return undefined;
  const { id, at, begun } = sent.data;
  return { id, isFirst: false, at: Date.parse(at), state: { ...repeated(id, begun), sentAt: at } };
}

function repeated(id: string, begun: z.infer<typeof begunSchema>): ChangeState {
  if (!begun) return {};
  const { cut, ...rest } = begun;
  return { begun: { id, ...rest }, isCut: cut ?? false };
}

/**
 * Merges what earlier and later lines say about a change. The last outcome counts, except that an unknown one doesn't replace a
 * final one, and nothing replaces `applied`: of two processes that look for the same change, one may find it and the other not.
 */
export function merged(earlier: ChangeState = {}, later: ChangeState = {}): ChangeState {
  const { begun, isCut = false } = earlier.begun ? earlier : later;
  const sentAt = later.sentAt ?? earlier.sentAt;
  const isApplied = earlier.settled?.outcome === 'applied' && later.settled?.outcome !== 'applied';
  const takesBack = isApplied || (later.settled?.outcome === 'unknown' && isFinal(earlier));
  const settled = takesBack ? earlier.settled : (later.settled ?? earlier.settled);
  return {
    ...(begun && { begun, isCut }),
    ...(sentAt !== undefined && { sentAt }),
    ...(settled && { settled }),
  };
}

/** Returns whether the outcome of a change is known. */
export function isFinal({ settled }: ChangeState): boolean {
  return settled !== undefined && settled.outcome !== 'unknown';
}

/** Returns a change as callers see it. @param begun - the state's own, or the one that the file of the open change holds in full */
export function changeOf(begun: Begun, state: ChangeState): RecordedChange {
  const { sentAt, settled, isCut } = state;
  const lacksBefore = isCut === true && begun === state.begun;
  return {
    ...begun,
    ...(lacksBefore && { lacksBefore }),
    ...(sentAt !== undefined && { sentAt }),
    ...(settled && { settled }),
  };
}

/** Serializes an entry, redacted text by text: what looks like the start of a secret must not take the rest of the line with it. */
export function wholeText(entry: object): string {
  return JSON.stringify(entry, (_, value: unknown) => (typeof value === 'string' ? redacted(value) : value));
}

/** Serializes all that is known about a change, as lines. */
export function textOf(begun: Begun, { isCut, sentAt, settled }: ChangeState): string {
  const lines = [
    { ...begun, ...(isCut && { cut: true }) },
    ...(sentAt === undefined ? [] : [{ id: begun.id, at: sentAt, sent: true }]),
    ...(settled ? [{ id: begun.id, ...settled }] : []),
  ];
  return lines.map(wholeText).join('\n');
}

/**
 * Returns the first line of a change. If the change is too long, the line leaves out large members of `before`, and replaces the end
 * of long texts by a hash of the whole text, so that texts with the same prefix stay different. The file of the open change has it all,
 * for matching against the account.
 *
 * @param whole - the change, from {@link wholeText}
 */
export function beginLine(whole: string): { readonly text: string; readonly isCut: boolean } {
  const entry: object = JSON.parse(whole);
  const text = JSON.stringify(entry, (name, value: unknown) => (name === 'before' ? smallMembersOf(value) : value));
  if (text === whole && Buffer.byteLength(whole) <= longestLine) return { text, isCut: false };
  return { text: fitted({ ...entry, cut: true }), isCut: true };
}

/** A later line of a change. */
type Event =
  | { readonly id: string; readonly at: string; readonly sent: true }
  | ({ readonly id: string; readonly at: string } & Settled);

/**
 * Returns a later line of a change.
 *
 * @param begun - the change, to be repeated in a line that is written long after the first one
 */
export function laterLine(event: Event, begun?: Begun): string {
  const { id: _, ...rest } = begun ?? {};
  const entry = { ...event, ...(begun && { begun: { ...rest, before: {}, cut: true } }) };
  return fitted(JSON.parse(wholeText(entry)));
}

/** Returns the small members of `before`. A large one is left out as a whole: a part of it would mean that the rest wasn't there. */
function smallMembersOf(before: unknown): object {
  return Object.fromEntries(
    Object.entries(before ?? {}).filter(([, value]) => Buffer.byteLength(JSON.stringify(value)) <= longestBefore),
  );
}

/** Serializes a redacted entry so that it fits a line. */
function fitted(entry: object): string {
  for (let most = longestText; ; most /= 2) {
    const text = JSON.stringify(entry, (name, value: unknown) => {
      if (typeof value === 'string') return cut(value, most);
      if (name === 'before') return most < longestText ? {} : smallMembersOf(value);
      return name === 'ids' && Array.isArray(value) && most < longestText ? value.slice(0, most) : value;
    });
    if (Buffer.byteLength(text) <= longestLine) return text;
  }
}

function cut(text: string, most: number): string {
  if (Buffer.byteLength(JSON.stringify(text)) <= most) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // A character takes up to 6 bytes, as \u0000 does.
  return `${text.slice(0, Math.floor(most / 6))}…#${hash}`;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Incomplete, or not ours.
    return undefined;
  }
}
