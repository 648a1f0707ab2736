import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { redacted } from '../../domain/secrets.ts';
import { type RecordedChange, replacesOutcome, type Settled } from '../change-log.ts';
import { accountSchema, beforeSchema, intentSchema, processSchema, settledSchema } from '../change-schema.ts';

/** Longest line of the record, in bytes. */
const longestLine = 15 * 1024;

/** Longest member of `before` that a line holds, in bytes: about a hundred ids. */
const longestBefore = 4096;

/** Longest text in a line that is too long, in bytes; halved until the line fits. */
const longestText = 2048;

const begunMembers = {
  at: z.iso.datetime(),
  intent: intentSchema,
  before: beforeSchema,
  account: accountSchema,
  process: processSchema,
  /** Whether something was cut. The file of the open change has all of it. */
  cut: z.optional(z.literal(true)),
};

/** Also the name of the file of an open change. */
const idSchema = z.string().check(z.regex(/^[\w-]{1,64}$/));

const beginSchema = z.object({ id: idSchema, ...begunMembers });

/** The change, repeated in a line that is written so much later that readers may not reach its first line. */
const begunSchema = z.optional(z.object(begunMembers));

const sentSchema = z.object({ id: idSchema, at: z.iso.datetime(), sent: z.literal(true), begun: begunSchema });

const endSchema = z.extend(settledSchema, { id: idSchema, begun: begunSchema });

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

/** Merges what earlier and later lines say about a change. The last outcome counts, as far as it replaces the earlier one. */
export function merged(earlier: ChangeState = {}, later: ChangeState = {}): ChangeState {
  const { begun, isCut = false } = earlier.begun ? earlier : later;
  const sentAt = later.sentAt ?? earlier.sentAt;
  const isStale = earlier.settled && later.settled && !replacesOutcome(later.settled, earlier.settled);
  const settled = isStale ? earlier.settled : (later.settled ?? earlier.settled);
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
