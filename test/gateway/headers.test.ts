import { describe, expect, test } from 'vitest';
import { answerHeaders, headerIn, pairsOf, requestHeaders, retryAfterIn } from '../../src/gateway/headers.ts';

const own = { secret: 'sk-1', keyHeader: 'authorization', token: 'gw_1', host: 'api.test', length: undefined } as const;

describe('the headers of a request', () => {
  test('keep the case, the order and duplicates of those of the client', () => {
    const headers = ['X-B', '1', 'x-a', '2', 'X-b', '3', 'ACCEPT', 'text/event-stream', 'X-B', ''];
    expect(requestHeaders(headers, own)).toEqual(['Host', 'api.test', ...headers, 'Authorization', 'Bearer sk-1']);
  });

  test.each([
    'Connection',
    'keep-alive',
    'Proxy-Authenticate',
    'PROXY-AUTHORIZATION',
    'proxy-connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'authorization',
    'X-API-KEY',
    'Host',
    'Expect',
    'Content-Length',
  ])('leave out %s', (name) => {
    const headers = [name, 'x', 'Accept', '*/*'];
    expect(requestHeaders(headers, own)).toEqual(['Host', 'api.test', 'Accept', '*/*', 'Authorization', 'Bearer sk-1']);
  });

  test('leave out those that Connection names, in each of its values', () => {
    const headers = [
      'X-One',
      '1',
      'Connection',
      'close, x-one ,X-TWO',
      'x-two',
      '2',
      'connection',
      'x-three',
      'X-Three',
      '3',
    ];
    expect(requestHeaders([...headers, 'X-Four', '4'], own)).toEqual([
      'Host',
      'api.test',
      'X-Four',
      '4',
      'Authorization',
      'Bearer sk-1',
    ]);
  });

  test('have the key where the client had its token, and only there', () => {
    const headers = ['authorization', 'Bearer gw_1', 'x-api-key', 'gw_1', 'Authorization', 'Bearer gw_2'];
    expect(requestHeaders(headers, { ...own, keyHeader: 'x-api-key' })).toEqual([
      'Host',
      'api.test',
      'X-Api-Key',
      'sk-1',
    ]);
    expect(requestHeaders(headers, own)).toEqual(['Host', 'api.test', 'Authorization', 'Bearer sk-1']);
  });

  test("can't have their key removed by Connection", () => {
    const headers = ['Connection', 'authorization, x-api-key, host, content-length', 'Host', 'evil.test'];
    expect(requestHeaders(headers, { ...own, length: 2 })).toEqual([
      'Host',
      'api.test',
      'Authorization',
      'Bearer sk-1',
      'Content-Length',
      '2',
    ]);
  });

  test.each([0, 5])('have the length of the body: %i', (length) => {
    expect(requestHeaders(['content-length', '999'], { ...own, length }).slice(-2)).toEqual([
      'Content-Length',
      String(length),
    ]);
  });
});

test('the headers of an answer keep all but those of the connection, before those of the gateway', () => {
  const headers = ['Set-Cookie', 'a', 'content-length', '3', 'Set-Cookie', 'b', 'Connection', 'X-Gone', 'x-gone', '1'];
  expect(answerHeaders([...headers, 'transfer-encoding', 'chunked', 'Retry-After', '1'], ['X-Own', '2'])).toEqual([
    'Set-Cookie',
    'a',
    'content-length',
    '3',
    'Set-Cookie',
    'b',
    'Retry-After',
    '1',
    'X-Own',
    '2',
  ]);
});

test('returns the first header of a name, whatever its case', () => {
  const headers = ['A', '1', 'CONTENT-Type', 'x', 'content-type', 'y'];
  expect(headerIn(headers, 'content-type')).toBe('x');
  expect(headerIn(headers, 'x')).toBeUndefined();
  expect([...pairsOf([...headers, 'odd'])]).toEqual([
    ['A', '1'],
    ['CONTENT-Type', 'x'],
    ['content-type', 'y'],
  ]);
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 3, 14, 9);
  test.each([
    ['0', 0],
    ['30', 30_000],
    [' 2 ', 2000],
    ['1.5', 1500],
    ['Tue, 14 Apr 2026 09:01:00 GMT', 60_000],
    ['Tue, 14 Apr 2026 08:00:00 GMT', 0],
    ['', undefined],
    ['  ', undefined],
    ['soon', undefined],
    ['-5', undefined],
    ['5s', undefined],
    ['1e3', undefined],
  ])('of %j is %s ms', (value, time) => {
    expect(retryAfterIn(['retry-AFTER', value], now)).toBe(time);
  });

  test('may be missing', () => {
    expect(retryAfterIn(['X', '1'], now)).toBeUndefined();
  });
});
