import { describe, expect, test } from 'vitest';
import {
  describeUnreadable,
  errorOf,
  isTransient,
  reportsFailure,
  retryAfter,
  serverTime,
  statusMessage,
  unwrapped,
} from '../../src/api/answers.ts';

const html = '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>';
const page = { 'content-type': 'text/html; charset=utf-8' };
const json = { 'content-type': 'application/json' };

function failed(status: number, body: unknown, headers: Record<string, string> = json) {
  return errorOf({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

describe('unwrapped', () => {
  test.each([
    ['the envelope', { success: true, data: [1] }, [1]],
    ['an envelope with null', { success: true, data: null }, null],
    ['a bare object', { id: 1 }, { id: 1 }],
    ['a bare array', [{ success: true, data: 1 }], [{ success: true, data: 1 }]],
    ['an object with data of its own', { object: 'list', data: [1] }, { object: 'list', data: [1] }],
    ['success without data', { success: true }, { success: true }],
    ['null', null, null],
  ])('unwraps %s', (_what, body, value) => {
    expect(unwrapped(JSON.stringify(body))).toEqual(value);
  });

  test("refuses text that isn't JSON", () => {
    expect(() => unwrapped('{"a":')).toThrow(SyntaxError);
  });

  test.each([
    ['arrays', nested(101), 'is nested more than 100 levels deep'],
    ['arrays by the hundred thousand', nested(100_000), 'is nested more than 100 levels deep'],
    [
      'objects among others',
      `[1,{"a":${'{"a":'.repeat(100_000)}null${'}'.repeat(100_000)}}]`,
      'is nested more than 100 levels deep',
    ],
    ['a long text', JSON.stringify({ data: ['x'.repeat(2 ** 20 + 1)] }), 'contains a string of 1048577 characters'],
    ['cut JSON', '{"a":', 'is not valid JSON'],
    ['a web page', html, 'is a web page, not JSON'],
  ])('refuses %s, and describes it', (_what, body, words) => {
    const error = thrownBy(() => unwrapped(body));
    expect([error, describeUnreadable(body, error)]).toEqual([expect.any(Error), words]);
  });

  test('accepts 100 levels of nesting, and texts up to 1 MiB', () => {
    expect(unwrapped(nested(100))).toBeInstanceOf(Array);
    expect(unwrapped(JSON.stringify(['x'.repeat(2 ** 20)]))).toHaveLength(1);
  });
});

function nested(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

test.each([
  ['{"success":false}', true],
  ['{ "success" : false, "error": "no" }', true],
  ['{"success":true,"data":{"success":false}}', false],
  ['[{"success":false}]', false],
  ['{"content":"\\"success\\":false"}', false],
  ['{"success":false', false],
  [`{"success":false,"data":${nested(100_000)}}`, false],
  ['', false],
])('returns whether %s reports a failure: %s', (body, answer) => {
  expect(reportsFailure(body)).toBe(answer);
});

describe('the message of an error', () => {
  test.each([
    ['the envelope', { success: false, error: 'No payment method found' }, 'No payment method found'],
    ['an error object', { error: { message: 'Bad key', type: 'auth', code: 401 } }, 'Bad key'],
    ['error and message', { error: 'Forbidden', message: 'The key is deactivated' }, 'The key is deactivated'],
    ['a long error and a short code', { error: 'The key is deactivated', message: 'E403' }, 'The key is deactivated'],
    ['a message', { message: 'Not today' }, 'Not today'],
    ['an error in an envelope', { success: false, data: null, error: { message: 'Deep' } }, 'Deep'],
    ['a detail', { detail: 'Missing field' }, 'Missing field'],
    ['a list of errors', { errors: [{ message: 'First' }, { message: 'Second' }] }, 'First'],
    ['a list of texts', { message: ['', 'name must be text', 'other'] }, 'name must be text'],
    ['a bare list', [{ error: { error: { message: 'Nested' } } }], 'Nested'],
    ['a bare string', '"Just words"', 'Just words'],
    ['plain text', 'upstream  connect\n error ', 'upstream connect error'],
    ['a text with spaces', { error: '  a\n\tb  ' }, 'a b'],
  ])('is read from %s', (_what, body, message) => {
    expect(failed(400, body).message).toBe(message);
  });

  test('is read from JSON with the content type of a web page', () => {
    expect(failed(400, { error: 'Real words' }, page).message).toBe('Real words');
  });

  test.each([
    ['nothing', '', json],
    ['only spaces', ' \n', json],
    ['a web page', html, page],
    ['a web page without its type', html, {}],
    ['a web page after a byte order mark', `\ufeff${html}`, {}],
    ['a text with the type of a web page', 'Cannot GET /', page],
    ['XML', '<?xml version="1.0"?><Error/>', {}],
    ['a web page in JSON', { error: html }, json],
    ['a web page after a text in JSON', { message: `Upstream: ${html}` }, json],
    ['a web page after a text', `Upstream said: ${html}`, {}],
    ['an object formatted by JavaScript', { error: '[object Object]' }, json],
    ['only that', '[object Object]', {}],
    ['an empty object', {}, json],
    ['an empty error', { error: '' }, json],
    ['an error that is an object without a text', { error: { code: 17, at: { x: 1 } } }, json],
    ['an error that is a number', { error: 17, message: true }, json],
    ['an empty list', [], json],
    ['null', 'null', json],
    ['a number', '17', json],
    ['cut JSON', '{"error": "No pay', json],
    ['{"success":false}', { success: false }, json],
    ['an error nested in 100,000 others', `${'{"error":'.repeat(100_000)}"deep"${'}'.repeat(100_000)}`, json],
  ])('names the status if the body is %s', (_what, body, headers) => {
    expect(failed(502, body, { ...headers }).message).toBe('The API returned 502 Bad Gateway');
  });

  test('is the one of two texts that is a message', () => {
    expect(failed(400, { error: '[object Object]', message: 'short' }).message).toBe('short');
    expect(failed(400, { error: html, message: 'short' }).message).toBe('short');
  });

  test('is cut at 300 characters', () => {
    expect(failed(400, { error: 'x'.repeat(301) }).message).toBe(`${'x'.repeat(300)}…`);
    expect(failed(400, { error: 'x'.repeat(300) }).message).toBe('x'.repeat(300));
  });
});

describe('the code of an error', () => {
  test.each([
    [400, 'invalid_request', 1],
    [401, 'unauthorized', 4],
    [402, 'payment_required', 8],
    [403, 'forbidden', 4],
    [404, 'not_found', 5],
    [405, 'invalid_request', 1],
    [409, 'unavailable', 6],
    [410, 'unavailable', 6],
    [418, 'invalid_request', 1],
    [422, 'invalid_request', 1],
    [429, 'rate_limited', 7],
    [500, 'server_error', 1],
    [502, 'server_error', 1],
    [503, 'server_error', 1],
    [599, 'server_error', 1],
    [200, 'server_error', 1],
  ])('for status %i is %s with exit code %i, whatever the body', (status, code, exitCode) => {
    for (const body of [
      { error: 'words' },
      { error: { message: 'words' } },
      { message: 'words' },
      'words',
      html,
      '',
      [],
    ]) {
      const error = failed(status, body);
      expect([error.code, error.exitCode, error.status]).toEqual([code, exitCode, status]);
      expect(error.message).toMatch(/^(?:words|The API returned \d{3}\b[\w' -]*)$/);
    }
  });

  test.each([200, 400, 422])(
    'for status %i without a card is no_payment_method, with a hint how to add one',
    (status) => {
      const error = failed(status, { success: false, error: 'No payment method found — add a card first' });
      expect([error.code, error.exitCode, error.message]).toEqual([
        'no_payment_method',
        8,
        'No payment method found — add a card first',
      ]);
      expect(error.hint).toMatch(/^Add a card with `ci billing card`/);
    },
  );

  test('is server_error for "add a card" if the server failed', () => {
    expect(failed(500, { error: 'add a card' }).code).toBe('server_error');
  });

  test.each([
    [401, 'Run `ci auth status` to see which key is in use, or sign in with `ci auth login`.'],
    [403, 'Run `ci auth status` to see which key is in use.'],
    [404, undefined],
  ])('for status %i has the hint %j', (status, hint) => {
    expect(failed(status, '').hint).toBe(hint);
  });
});

test.each([
  [408, true],
  [425, true],
  [429, true],
  [500, true],
  [502, true],
  [503, true],
  [504, true],
  [400, false],
  [401, false],
  [404, false],
  [501, false],
])('returns whether a request with status %i may succeed later: %s', (status, answer) => {
  expect(isTransient(status)).toBe(answer);
  expect(failed(status, '').retryable).toBe(answer);
});

test.each([
  [404, 'The API returned 404 Not Found'],
  [599, 'The API returned 599'],
])('describes the status %i as %j', (status, words) => {
  expect(statusMessage(status)).toBe(words);
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 3, 14, 9, 0, 0);
  const waitFor = (value: string | string[] | undefined) =>
    retryAfter({ status: 429, headers: { 'retry-after': value }, body: '' }, now);

  test.each([
    ['0', 0],
    ['120', 120_000],
    ['2592000', 30 * 86_400_000],
    [' 5 ', 5000],
    ['Tue, 14 Apr 2026 09:00:30 GMT', 30_000],
    ['Tue, 14 Apr 2026 08:00:00 GMT', 0],
    ['Tuesday, 14-Apr-26 09:01:00 GMT', 60_000],
  ])('reads %j as %i milliseconds', (value, milliseconds) => {
    expect(waitFor(value)).toBe(milliseconds);
  });

  test.each([
    '',
    'soon',
    '-5',
    '+5',
    '1.5',
    '5s',
    'abc',
    'Tue, 99 Foo',
    '2592001',
    '9'.repeat(400),
    'Sat, 13 Sep 275760 00:00:00 GMT',
  ])('ignores %j', (value) => {
    expect(waitFor(value)).toBeUndefined();
  });

  test('takes the first of several, and is undefined if absent', () => {
    expect(waitFor(['1', '9'])).toBe(1000);
    expect(waitFor(undefined)).toBeUndefined();
  });
});

describe("the server's clock", () => {
  const timeIn = (date: string | undefined) => serverTime({ status: 200, headers: { date }, body: '' });

  test('is read from the Date header', () => {
    expect(timeIn('Tue, 14 Apr 2026 09:00:00 GMT')).toBe(Date.UTC(2026, 3, 14, 9));
    expect(timeIn('Fri, 31 Dec 9999 23:59:59 GMT')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
  });

  test.each([
    undefined,
    '',
    'today',
    'Sat, 01 Jan 10000 00:00:00 GMT',
    'Sat, 13 Sep 275760 00:00:00 GMT',
    'Sat, 13 Sep 275761 00:00:00 GMT',
    'Wed, 31 Dec 1969 23:59:59 GMT',
  ])('ignores %j', (date) => {
    expect(timeIn(date)).toBeUndefined();
  });
});
