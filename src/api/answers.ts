import { CommandError, type ErrorCode, errorCodeOf } from '../domain/errors.ts';
import { excessOf } from '../domain/json.ts';

/** One answer of the server, read to its end. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The longest server message that is shown. */
const longestMessage = 300;
/** The longest text in an answer, in characters. A description has hundreds. */
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
 * The value that an answer carries: `data` of the envelope `{"success": true, "data": …}`, or the bare value of older answers.
 *
 * @throws Error if the body is not JSON or exceeds the limits; {@link whatInstead} describes it
 */
export function unwrapped(body: string): unknown {
  const value = parsedJson(body);
  return isObject(value) && 'success' in value && 'data' in value ? value.data : value;
}

/** Describes what arrived instead of an answer. @param error - thrown by {@link unwrapped} */
export function whatInstead(body: string, error: unknown): string {
  if (error instanceof ExcessiveJson) return `JSON that ${error.message}`;
  return `${/^\s*</.test(body) ? 'a web page' : 'something else'} where JSON was due`;
}

/** Whether an answer says of itself, whatever its status, that the request failed. */
export function saysFailed(body: string): boolean {
  // A long list is not parsed twice for the sake of a word that is not in it.
  if (!/"success"\s*:\s*false/.test(body)) return false;
  try {
    const value = parsedJson(body);
    return isObject(value) && value.success === false;
  } catch {
    return false;
  }
}

/** Why a request failed, as a typed error: the server's own words where there are some, else the status in words. */
export function errorOf(answer: HttpAnswer): CommandError {
  const message = serverMessage(answer) ?? statusWords(answer.status);
  const code = errorCodeOf(answer.status, message);
  return new CommandError(code, message, {
    status: answer.status,
    hint: hints[code],
    retryable: isTransient(answer.status),
  });
}

/** Whether the same request may be answered otherwise a moment later. */
export function isTransient(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && ![501, 505, 511].includes(status));
}

/** A status in words: `502 Bad Gateway`. */
export function statusWords(status: number): string {
  // Loaded for this alone, node:http is a good part of a short command's time.
  const words = process.getBuiltinModule('node:http').STATUS_CODES[status];
  return `the API answered ${status}${words ? ` ${words}` : ''}`;
}

/** Returns the server's clock from the `Date` header, in epoch milliseconds; undefined if the header is absent or invalid. */
export function serverTime({ headers }: HttpAnswer): number | undefined {
  const time = Date.parse([headers.date].flat()[0] ?? '');
  return time >= 0 && time < endOfTime ? time : undefined;
}

/**
 * How long the server asks to wait, from `Retry-After` in seconds or as a date.
 *
 * @param now - epoch milliseconds
 * @returns milliseconds; undefined if the header is absent, invalid, or more than 30 days
 */
export function retryAfter({ headers }: HttpAnswer, now: number): number | undefined {
  const value = [headers['retry-after']].flat()[0]?.trim();
  if (value === undefined || value === '') return undefined;
  // Date.parse takes "-5" and "1.5" for dates too.
  const isDate = /^[A-Z][a-z]{2}/.test(value);
  const asked = /^\d+$/.test(value) ? Number(value) * 1000 : isDate ? Date.parse(value) - now : Number.NaN;
  return asked <= longestRetryAfter ? Math.max(0, asked) : undefined;
}

const hints: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'Check which key is in use with `ci auth status`; sign in with `ci auth login`.',
  forbidden: 'Check which key is in use with `ci auth status`.',
  no_payment_method: 'Add a card on the Billing page of the dashboard, or with `ci billing card`, then run this again.',
};

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

/** Finds the sentence for people: `error`, `error.message`, `message`, `detail`; of `error` and `message` the longer, as the other is a code. */
function messageIn(value: unknown): string | undefined {
  if (typeof value === 'string') return isSentence(value) ? value : undefined;
  if (Array.isArray(value)) return value.map(messageIn).find((words) => words !== undefined);
  if (!isObject(value)) return undefined;
  const candidates = [value.error, value.message].map(messageIn).filter((words) => words !== undefined);
  const longest = candidates.toSorted((a, b) => b.length - a.length)[0];
  return longest ?? messageIn(value.detail) ?? messageIn(value.errors);
}

/** Whether a text is fit to be read by people: no page of a proxy, no object that a server forgot to spell out. */
function isSentence(text: string): boolean {
  return !/^\s*(?:$|<|\[object \w+\]\s*$)|<(?:!doctype|html|head|body)\b/i.test(text);
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > longestMessage ? `${line.slice(0, longestMessage)}…` : line;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
