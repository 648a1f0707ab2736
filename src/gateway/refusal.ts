import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawHeaders } from './headers.ts';

/** A format of the API, by the path of a request. */
type PathFormat = 'openai' | 'anthropic';

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

/** The types of errors by status, as the API has them. */
const types: Readonly<Record<number, Readonly<Record<PathFormat, string>>>> = {
  400: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  401: { openai: 'authentication_error', anthropic: 'authentication_error' },
  404: { openai: 'invalid_request_error', anthropic: 'not_found_error' },
  405: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  413: { openai: 'invalid_request_error', anthropic: 'request_too_large' },
  429: { openai: 'rate_limit_error', anthropic: 'rate_limit_error' },
  503: { openai: 'server_error', anthropic: 'overloaded_error' },
};
const otherType = { openai: 'server_error', anthropic: 'api_error' };

/** Returns the format of a path. */
function formatOf(path: string): PathFormat {
  return path.startsWith('/anthropic/') ? 'anthropic' : 'openai';
}

/** Returns a refusal as the API would answer it. */
function refusalAnswer({ status, code, message, retryAfter }: Refusal, format: PathFormat) {
  const type = (types[status] ?? otherType)[format];
  const body = JSON.stringify(
    format === 'anthropic'
      ? { type: 'error', error: { type, message } }
      : { error: { message, type, param: null, code } },
  );
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter / 1000))) }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
  };
  return { status, headers, body };
}

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
