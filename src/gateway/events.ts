import { redacted } from '../domain/secrets.ts';
import type { Column } from '../output/output.ts';

/** A request of a client that has ended. It has nothing of the prompt or the answer. */
export interface RequestRecord {
  readonly client: string;
  /** Undefined if the request names none. */
  readonly model: string | undefined;
  readonly path: string;
  /** The status that the client got; undefined if it went away before. */
  readonly status: number | undefined;
  /** The name of the key that answered; undefined if none did. */
  readonly key: string | undefined;
  readonly pool: string | undefined;
  /** Whether it was paid for with prepaid credit. */
  readonly credit: boolean;
  /** How often it was sent to a seat. */
  readonly attempts: number;
  /** Whether the client got the whole answer. */
  readonly complete: boolean;
  /** Milliseconds in the queue. */
  readonly queueTime: number;
  /** Milliseconds from its arrival to the first byte of the answer. */
  readonly timeToFirstByte: number | undefined;
  /** Milliseconds from its arrival to its end. */
  readonly duration: number;
  /** Undefined if the answer doesn't say. */
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
}

/** An event of a gateway. Unknown values are null, and times are in milliseconds. */
export interface GatewayEvent {
  readonly event: 'started' | 'seat_joined' | 'seat_left' | 'request' | 'note' | 'stopping' | 'stopped';
  /** RFC 3339, by this machine's clock. */
  readonly at: string;
  readonly url: string | null;
  readonly tokenFile: string | null;
  readonly key: string | null;
  readonly pool: string | null;
  readonly client: string | null;
  readonly model: string | null;
  readonly path: string | null;
  readonly status: number | null;
  readonly credit: boolean | null;
  readonly attempts: number | null;
  readonly complete: boolean | null;
  readonly queueTime: number | null;
  readonly timeToFirstByte: number | null;
  readonly duration: number | null;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly message: string | null;
}

/** The fields of every event, in this order. */
export const eventFields = [
  'event',
  'at',
  'url',
  'tokenFile',
  'key',
  'pool',
  'client',
  'model',
  'path',
  'status',
  'credit',
  'attempts',
  'complete',
  'queueTime',
  'timeToFirstByte',
  'duration',
  'promptTokens',
  'completionTokens',
  'message',
] as const satisfies readonly (keyof GatewayEvent)[];

export const eventColumns: readonly Column<GatewayEvent>[] = eventFields.map((field) => ({
  field,
  header: field.toUpperCase(),
  value: (row) => row[field],
}));

/** Returns an event. @param at - epoch milliseconds */
export function gatewayEvent(
  event: GatewayEvent['event'],
  at: number,
  facts: Partial<GatewayEvent> = {},
): GatewayEvent {
  const { message } = facts;
  return {
    event,
    at: new Date(at).toISOString(),
    url: null,
    tokenFile: null,
    key: null,
    pool: null,
    client: null,
    model: null,
    path: null,
    status: null,
    credit: null,
    attempts: null,
    complete: null,
    queueTime: null,
    timeToFirstByte: null,
    duration: null,
    promptTokens: null,
    completionTokens: null,
    ...facts,
    message: message === undefined || message === null ? null : redacted(message),
  };
}

/** Returns the event of a request that has ended. @param at - epoch milliseconds */
export function requestEvent(record: RequestRecord, at: number): GatewayEvent {
  const { key = null, pool = null, model = null, status = null, timeToFirstByte = null } = record;
  const { promptTokens = null, completionTokens = null } = record;
  return gatewayEvent('request', at, {
    ...record,
    key,
    pool,
    model,
    status,
    timeToFirstByte,
    promptTokens,
    completionTokens,
  });
}

/** Returns an event as a line for people. */
export function eventLine({ event, ...facts }: GatewayEvent): string {
  const { client, model, status, duration, queueTime, credit, key, pool, url, message } = facts;
  switch (event) {
    case 'started':
      return `Listening on ${url}`;
    case 'seat_joined':
      return `Using key "${key}"${pool === null ? '' : ` of pool ${pool}`}`;
    case 'seat_left':
      return `No longer using key "${key}"${pool === null ? '' : ` of pool ${pool}`}`;
    case 'request': {
      const waited = queueTime !== null && queueTime >= 1000 ? `, ${seconds(queueTime)} in the queue` : '';
      const paid = credit ? ', paid with credit' : '';
      return `${client}: ${model ?? facts.path} ${status ?? 'canceled'} in ${seconds(duration ?? 0)}${waited}${paid}`;
    }
    case 'note':
      return message ?? '';
    case 'stopping':
      return message ?? 'Stopping';
    case 'stopped':
      return 'Stopped';
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
