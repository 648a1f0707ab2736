import { type DeliveredPurchase, secretsOf } from '../account/purchase/buy-with-keys.ts';
import { withMaskedKey } from '../account/subscription-table.ts';
import type { PoolSubscription } from '../account/subscriptions.ts';
import type { Block } from '../domain/blocks.ts';
import { counted } from '../domain/counted.ts';
import type { CommandError, ErrorCode } from '../domain/errors.ts';
import { type Cents, decimalUsd, formatUsd, toUsd } from '../domain/money.ts';
import { redacted } from '../domain/secrets.ts';
import type { Column } from '../output/output.ts';
import { inWords } from '../output/text.ts';
import { dateAndTime } from '../output/time.ts';
import type { AvailabilityChange, Candidate } from './availability.ts';

/** An event of a watch. Unknown values are null. Prices are in USD, for one seat in all the blocks per month. */
export interface WatchEvent {
  readonly event: AvailabilityChange['event'] | 'error' | 'subscribed';
  /** RFC 3339, by this machine's clock. */
  readonly at: string;
  readonly pool: string | null;
  /** Empty if the event is about a whole pool, or about no pool. */
  readonly blocks: readonly Block[];
  readonly pricePerMonth: number | null;
  readonly previousPricePerMonth: number | null;
  readonly freeSeats: number | null;
  readonly status: string | null;
  readonly previousStatus: string | null;
  /** The most that was charged. */
  readonly charge: number | null;
  readonly subscriptions: readonly PoolSubscription[] | null;
  readonly code: ErrorCode | null;
  readonly message: string | null;
}

/** The fields of every event, in this order. */
export const eventFields = [
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
] as const satisfies readonly (keyof WatchEvent)[];

/** @param at - epoch milliseconds */
function event(name: WatchEvent['event'], at: number, facts: Partial<WatchEvent>): WatchEvent {
  return {
    event: name,
    at: new Date(at).toISOString(),
    pool: null,
    blocks: [],
    pricePerMonth: null,
    previousPricePerMonth: null,
    freeSeats: null,
    status: null,
    previousStatus: null,
    charge: null,
    subscriptions: null,
    code: null,
    message: null,
    ...facts,
  };
}

/** Returns the event for a change of availability. */
export function changeEvent(change: AvailabilityChange): WatchEvent {
  const { pool, blocks, price, previousPrice, freeSeats, status, previousStatus } = change;
  return event(change.event, change.at, {
    pool,
    blocks,
    pricePerMonth: usd(price),
    previousPricePerMonth: usd(previousPrice),
    freeSeats: freeSeats ?? null,
    status: status ?? null,
    previousStatus: previousStatus ?? null,
  });
}

/** Returns the event for an error that doesn't end the watch. @param candidate - what couldn't be bought; undefined: a check failed */
export function errorEvent({ code, message }: CommandError, at: number, candidate?: Candidate): WatchEvent {
  const about = candidate && { pool: candidate.pool, blocks: candidate.blocks };
  return event('error', at, { ...about, code, message: redacted(message) });
}

/** Returns the event for a purchase, or for subscriptions that already cover it. @param charge - the most that was charged */
export function subscribedEvent(
  delivered: DeliveredPurchase,
  { pool, blocks }: Candidate,
  charge: Cents,
  at: number,
): WatchEvent {
  const facts = { pool, blocks, charge: toUsd(charge), subscriptions: delivered.subscriptions };
  if (delivered.kind === 'bought') return event('subscribed', at, facts);
  return event('subscribed', at, { ...facts, charge: 0, subscriptions: delivered.subscriptions.map(withMaskedKey) });
}

/** Returns an event with its keys masked. */
export function withoutSecrets(event: WatchEvent): WatchEvent {
  return { ...event, subscriptions: event.subscriptions?.map(withMaskedKey) ?? null };
}

export const eventColumns: readonly Column<WatchEvent>[] = [
  { field: 'event', header: 'EVENT', value: ({ event }) => event },
  { field: 'at', header: 'AT', value: ({ at }) => at },
  { field: 'pool', header: 'POOL', value: ({ pool }) => pool },
  { field: 'blocks', header: 'BLOCKS', value: ({ blocks }) => blocks.join(',') },
  { field: 'pricePerMonth', header: 'PRICE', value: ({ pricePerMonth }) => decimalUsd(pricePerMonth) },
  {
    field: 'previousPricePerMonth',
    header: 'BEFORE',
    value: ({ previousPricePerMonth }) => decimalUsd(previousPricePerMonth),
  },
  { field: 'freeSeats', header: 'SEATS', value: ({ freeSeats }) => freeSeats },
  { field: 'status', header: 'STATUS', value: ({ status }) => status },
  { field: 'previousStatus', header: 'BEFORE', value: ({ previousStatus }) => previousStatus },
  { field: 'charge', header: 'CHARGE', value: ({ charge }) => decimalUsd(charge) },
  {
    field: 'subscriptions',
    header: 'SUBSCRIPTIONS',
    value: ({ subscriptions }) => subscriptions?.map(({ id }) => id).join(','),
  },
  { field: 'code', header: 'CODE', value: ({ code }) => code },
  { field: 'message', header: 'MESSAGE', value: ({ message }) => message },
  // The secrets of new keys, unless they were saved to a file.
  {
    field: 'keys',
    header: 'KEYS',
    value: ({ subscriptions }) => secretsOf({ kind: 'bought', subscriptions: [...(subscriptions ?? [])] }).join(','),
  },
];

/** Returns an event as a line of text with the local time. */
export function eventLine(event: WatchEvent, timeZone: string): string {
  return `${dateAndTime(new Date(event.at), timeZone)}  ${sentenceOf(event)}`;
}

function sentenceOf(event: WatchEvent): string {
  const { pool, blocks, pricePerMonth, previousPricePerMonth, freeSeats, status, previousStatus } = event;
  const what = `${pool ?? ''} ${inWords(blocks)}`.trim();
  const is = blocks.length > 1 ? 'are' : 'is';
  if (event.event === 'opened') {
    const facts = [
      ...(pricePerMonth === null ? [] : [`${formatUsd(cents(pricePerMonth))} per month`]),
      ...(freeSeats === null ? [] : [`${counted(freeSeats, 'seat')} left`]),
    ];
    return `${what} ${is} open${facts.length > 0 ? `: ${facts.join(', ')}` : ''}`;
  }
  if (event.event === 'sold_out') return `${what} ${is} sold out again`;
  if (event.event === 'price_changed') {
    const [now, before] = [pricePerMonth, previousPricePerMonth].map((usd) => formatUsd(cents(usd ?? 0)));
    return `${what} now ${blocks.length > 1 ? 'cost' : 'costs'} ${now} per month (was ${before})`;
  }
  if (event.event === 'pool_status_changed') {
    return status === null
      ? `${what} is no longer listed`
      : `${what} is ${statusWord(status)} (was ${previousStatus === null ? 'not listed' : statusWord(previousStatus)})`;
  }
  if (event.event === 'error') return `${what ? `${what}: ` : ''}${event.message ?? ''}`;
  const ids = inWords(event.subscriptions?.map(({ id }) => id) ?? []);
  return `Subscribed to ${what}: ${ids}`;
}

function statusWord(status: string): string {
  return status === 'active' ? 'open' : status;
}

function usd(amount: Cents | undefined): number | null {
  return amount === undefined ? null : toUsd(amount);
}

function cents(amount: number): Cents {
  return Math.round(amount * 100);
}
