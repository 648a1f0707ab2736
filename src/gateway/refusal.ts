import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorBody, type PromptFormat } from '../domain/api-errors.ts';
import { inWords } from '../output/text.ts';
import type { RawHeaders } from './headers.ts';
import type { Turn } from './scheduler.ts';
import type { GatewaySeat } from './seat.ts';

/** An answer of the gateway itself, when no seat answers. */
export interface Refusal {
  readonly status: number;
  /** The `error.code` in OpenAI's format. */
  readonly code: string;
  /** A sentence with its period. */
  readonly message: string;
  /** For the `Retry-After` header, in milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** Returns the format of a path. */
function formatOf(path: string): PromptFormat {
  return path.startsWith('/anthropic/') ? 'anthropic' : 'openai';
}

/** Returns a refusal as the API would answer it. */
function refusalAnswer({ status, code, message, retryAfter }: Refusal, format: PromptFormat) {
  const body = JSON.stringify(errorBody({ status, code, message }, format));
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter / 1000))) }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
  };
  return { status, headers, body };
}

/** A request that can't be answered. */
interface RefusedRequest {
  /** Undefined if it isn't known. */
  readonly model: string | undefined;
  /** How long it was expected to wait, in milliseconds; undefined if that isn't known. */
  readonly expectedWait: number | undefined;
  /** Returns the seats of the gateway. */
  readonly seats: () => readonly GatewaySeat[];
  /** The time of the API, in epoch milliseconds. */
  readonly now: number;
}

/** Returns why a request doesn't get a seat. */
export function refusalFor(
  turn: Exclude<Turn<GatewaySeat>, { kind: 'seat' }>,
  { model, expectedWait, seats: allSeats, now }: RefusedRequest,
): Refusal {
  const withModel = model === undefined ? '' : ` with the model \`${model}\``;
  switch (turn.kind) {
    case 'outside hours': {
      const { opensAt } = turn;
      const when = opensAt === undefined ? '' : ` They start at ${new Date(opensAt).toISOString().slice(0, 16)}Z.`;
      return {
        status: 429,
        code: 'outside_reserved_hours',
        message: `Outside the reserved hours of all seats${withModel}.${when}`,
        retryAfter: opensAt === undefined ? undefined : opensAt - now,
      };
    }
    case 'no model': {
      const seats = allSeats();
      const models = [...new Set(seats.flatMap((seat) => [...(seat.models ?? [])]))];
      if (seats.length > 0) {
        return {
          status: 404,
          code: 'model_not_found',
          message: `No seat offers the model \`${model}\`. The seats offer ${inWords(models)}.`,
        };
      }
      return {
        status: 503,
        code: 'no_seat',
        message: 'The gateway has no seat. Run `ci gateway status`.',
        retryAfter: 60_000,
      };
    }
    case 'refused':
      return {
        status: 503,
        code: 'keys_refused',
        message: `The API refused the key of each seat${withModel}. Run \`ci gateway status\`.`,
        retryAfter: 60_000,
      };
    case 'failed':
      return { status: 502, code: 'seats_failed', message: 'No seat could answer the request.', retryAfter: 1000 };
    case 'queue full':
      return {
        status: 503,
        code: 'queue_full',
        message: 'Too many requests are waiting for a seat.',
        retryAfter: Math.max(1000, expectedWait ?? 0),
      };
    case 'stopping':
      return stopping;
    case 'timeout':
      return { status: 503, code: 'queue_timeout', message: 'No seat became free in time.', retryAfter: 1000 };
  }
}

/** The refusal of a gateway that ends. */
export const stopping: Refusal = { status: 503, code: 'stopping', message: 'The gateway is about to stop.' };

/** The refusal of a body that is too large. */
export const tooLarge: Refusal = {
  status: 413,
  code: 'request_too_large',
  message: 'The body is larger than 64 MiB.',
};

/** Answers a request with a refusal in the format of its path. Closes the connection if the body of the request isn't read. */
export function sendRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  headers: RawHeaders = [],
): void {
  const { status, headers: own, body } = refusalAnswer(refusal, formatOf(request.url ?? ''));
  response.sendDate = true;
  const isOver = request.complete ? [] : ['Connection', 'close'];
  response.writeHead(status, [...Object.entries(own).flat(), ...headers, ...isOver]);
  response.end(request.method === 'HEAD' ? undefined : body);
}
