import { chainTitle } from '../domain/chains.ts';
import { CommandError, type ErrorCode, errorCodeOf } from '../domain/errors.ts';
import { excessOf, isObject } from '../domain/json.ts';
import { type PaymentOffer, paymentOfferIn } from './x402.ts';

/** A complete response of the server. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The maximum length of a server message that is shown, in characters. */
const longestMessage = 300;
/** The maximum length of a text in a response, in characters. A description has hundreds. */
const longestText = 2 ** 20;
/** Longest `Retry-After` that is honored, in milliseconds: 30 days. The API's longest window is 12 hours. */
const longestRetryAfter = 30 * 24 * 3_600_000;
/** The end of the year 9999, in epoch milliseconds. A server clock past it is ignored. */
const endOfTime = Date.UTC(10_000, 0);

/** Reports JSON that is too deep or too long to process. */
class ExcessiveJson extends Error {}

/**
 * Parses JSON within limits. Deep nesting would overflow the stack of any code that walks it, and formatting or escaping a huge
 * text would run out of memory.
 *
 * @throws SyntaxError if the text is not JSON; ExcessiveJson
 */
function parsedJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const excess = excessOf(value, longestText);
  if (excess !== undefined) throw new ExcessiveJson(excess);
  return value;
}

/**
 * Returns the value in a response: `data` of the envelope `{"success": true, "data": …}`, or the bare value of older APIs.
 *
 * @throws Error if the body is not JSON or exceeds the limits; {@link describeUnreadable} describes it
 */
export function unwrapped(body: string): unknown {
  const value = parsedJson(body);
  return isObject(value) && 'success' in value && 'data' in value ? value.data : value;
}

/** Describes why a response can't be read, as a predicate: `is a web page, not JSON`. @param error - thrown by {@link unwrapped} */
export function describeUnreadable(body: string, error: unknown): string {
  if (error instanceof ExcessiveJson) return error.message;
  return /^\s*</.test(body) ? 'is a web page, not JSON' : 'is not valid JSON';
}

/** Returns whether a body reports that the request failed, whatever the status is. */
export function reportsFailure(body: string): boolean {
  // Avoids parsing a long list twice.
  if (!/"success"\s*:\s*false/.test(body)) return false;
  try {
    const value = parsedJson(body);
    return isObject(value) && value.success === false;
  } catch {
    return false;
  }
}

/** Returns the error for a failed request. Its message is the server's, or else names the status. */
export function errorOf(answer: HttpAnswer): CommandError {
  const message = serverMessage(answer) ?? statusMessage(answer.status);
  const code = errorCodeOf(answer.status, message);
  return new CommandError(code, message, {
    status: answer.status,
    hint: answer.status === 402 ? paymentHint(answer) : hints[code],
    retryable: isTransient(answer.status),
  });
}

/** Returns whether the same request may succeed a moment later. */
export function isTransient(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && ![501, 505, 511].includes(status));
}

/** Describes a status: `The API returned 502 Bad Gateway`. */
export function statusMessage(status: number, sender = 'The API'): string {
  // Loaded only here, because loading node:http takes a large part of the time of a short command.
  const words = process.getBuiltinModule('node:http').STATUS_CODES[status];
  return `${sender} returned ${status}${words ? ` ${words}` : ''}`;
}

/** Returns the server's clock from the `Date` header, in epoch milliseconds; undefined if the header is absent or invalid. */
export function serverTime({ headers }: HttpAnswer): number | undefined {
  const time = Date.parse([headers.date].flat()[0] ?? '');
  return time >= 0 && time < endOfTime ? time : undefined;
}

/**
 * Returns how long the server asks to wait, from `Retry-After` in seconds or as a date.
 *
 * @param now - epoch milliseconds
 * @returns milliseconds; undefined if the header is absent, invalid, or more than 30 days
 */
export function retryAfter({ headers }: HttpAnswer, now: number): number | undefined {
  const value = [headers['retry-after']].flat()[0]?.trim();
  if (value === undefined || value === '') return undefined;
  // Date.parse also accepts "-5" and "1.5".
  const isDate = /^[A-Z][a-z]{2}/.test(value);
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : isDate ? Date.parse(value) - now : Number.NaN;
  return wait <= longestRetryAfter ? Math.max(0, wait) : undefined;
}

const hints: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'Run `ci auth status` to see which key is in use, or sign in with `ci auth login`.',
  forbidden: 'Run `ci auth status` to see which key is in use.',
  no_payment_method: 'Add a card with `ci billing card` or on the Billing page of the dashboard, then try again.',
};

/** Returns what a 402 response offers to sell; undefined for a response that offers nothing. */
export function offerIn({ status, body }: HttpAnswer): PaymentOffer | undefined {
  if (status !== 402) return undefined;
  try {
    return paymentOfferIn(unwrapped(body));
  } catch {
    return undefined;
  }
}

/** Returns how to proceed after a 402 response that offers to sell access; undefined for other responses. */
function paymentHint(answer: HttpAnswer): string | undefined {
  const offer = offerIn(answer);
  return (
    offer &&
    `Set CHEAPESTINFERENCE_API_KEY to an API key, or pay with ${offer.asset} on ${chainTitle(offer.network)}: \`ci agent plans\` shows the prices.`
  );
}

function serverMessage({ headers, body }: HttpAnswer): string | undefined {
  const text = body.trim();
  let value: unknown;
  try {
    value = parsedJson(text);
  } catch {
    const isPage = /^text\/html/i.test([headers['content-type']].flat()[0] ?? '');
    return isPage || /^[[{"]/.test(text) || !isSentence(text) ? undefined : shortened(text);
  }
  const words = messageIn(value);
  return words === undefined ? undefined : shortened(words);
}

/**
 * Finds the message for people in `error`, `error.message`, `message` or `detail`. If both `error` and `message` are texts, the
 * shorter one is a code.
 */
function messageIn(value: unknown): string | undefined {
  if (typeof value === 'string') return isSentence(value) ? value : undefined;
  if (Array.isArray(value)) return value.map(messageIn).find((words) => words !== undefined);
  if (!isObject(value)) return undefined;
  const candidates = [value.error, value.message].map(messageIn).filter((words) => words !== undefined);
  const longest = candidates.toSorted((a, b) => b.length - a.length)[0];
  return longest ?? messageIn(value.detail) ?? messageIn(value.errors);
}

/** Returns whether a text is a message for people, and not a proxy's web page or an object that a server failed to format. */
function isSentence(text: string): boolean {
  return !/^\s*(?:$|<|\[object \w+\]\s*$)|<(?:!doctype|html|head|body)\b/i.test(text);
}

/** Returns a text of a server in one line, cut off if it is long. @param longest - in characters */
export function shortened(text: string, longest = longestMessage): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
