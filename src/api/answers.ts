import { CommandError, type ErrorCode, errorCodeOf } from '../domain/errors.ts';

/** One answer of the server, read to its end. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The longest server message that is shown. */
const longestMessage = 300;

/**
 * The value that an answer carries: `data` of the envelope `{"success": true, "data": …}`, or the bare value of older answers.
 *
 * @throws SyntaxError when the body is no JSON
 */
export function unwrapped(body: string): unknown {
  const value: unknown = JSON.parse(body);
  return isObject(value) && 'success' in value && 'data' in value ? value.data : value;
}

/** Whether an answer says of itself, whatever its status, that the request failed. */
export function saysFailed(body: string): boolean {
  // A long list is not parsed twice for the sake of a word that is not in it.
  if (!/"success"\s*:\s*false/.test(body)) return false;
  try {
    const value: unknown = JSON.parse(body);
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

/**
 * How long the server asks to wait, from `Retry-After` in seconds or as a date.
 *
 * @param now - epoch milliseconds
 * @returns milliseconds; undefined when the header is absent or senseless
 */
export function retryAfter({ headers }: HttpAnswer, now: number): number | undefined {
  const value = [headers['retry-after']].flat()[0]?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse takes "-5" and "1.5" for dates too.
  if (!/^[A-Z][a-z]{2}/.test(value)) return undefined;
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, until - now);
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
    value = JSON.parse(text);
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
