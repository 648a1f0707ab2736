import { describe, expect, test } from 'vitest';
import { at, listAt } from '../sandbox/harness.ts';
import { type Ended, json, managementKey, oneLine, user, userOf } from './cli.ts';
import {
  answer,
  type Behaviour,
  data,
  deadUrl,
  half,
  type Received,
  recordedSandbox,
  reset,
  server,
  silence,
  webPage,
} from './servers.ts';
import { ctrlC, onTerminal } from './terminal.ts';

const subscribe = 'pools subscribe kimi26 --blocks europe --yes';
const post = 'POST /api/pools/kimi26/subscribe';

/** A sandbox whose answer to one request is another's. */
function spoiled(isMeant: (request: Received) => boolean, behaviour: Behaviour) {
  return recordedSandbox({ instead: (request) => (isMeant(request) ? behaviour : undefined) });
}

/** What every failure has: nothing on stdout, one line on stderr, no trace of the program's insides, no key. */
function expectClear({ stdout, stderr }: Ended): void {
  expect(stdout).toBe('');
  expect(stderr).toMatch(oneLine);
  expect(stderr).not.toMatch(/\[object|<html|<!doctype|undefined|TypeError|\bat \S+ \(|error in ci itself/i);
  expect(stderr).not.toContain(managementKey);
  expect(stderr.length).toBeLessThan(600);
}

describe('exit codes', () => {
  test('1: the API fails', async () => {
    const api = await server(answer(500, { success: false, error: 'database is down' }));
    const ended = await userOf(api).ci('pools list');
    expect(ended.code).toBe(1);
    expectClear(ended);
    expect(ended.stderr).toContain('database is down');
  });

  test('2: a mistake in what was typed', async () => {
    const ended = await user().ci('pools lsit');
    expect(ended.code).toBe(2);
    expectClear(ended);
    expect(ended.stderr).toContain('list');
  });

  test.each([[401], [403]])('4: the API answers %d', async (status) => {
    const api = await server(answer(status, { success: false, error: 'No entry' }));
    const ended = await userOf(api).ci('billing status');
    expect([ended.code, api.requests.length]).toEqual([4, 1]);
    expectClear(ended);
    expect(ended.stderr).toContain('No entry');
  });

  test('4: not signed in, and nothing is sent', async () => {
    const api = await server(silence);
    const ended = await user().ci(`billing status --api-url ${api.url}`);
    expect([ended.code, api.requests]).toEqual([4, []]);
    expectClear(ended);
    expect(ended.stderr).toContain('ci auth login');
  });

  test('5: not found', async () => {
    const api = await recordedSandbox();
    const ended = await userOf(api).ci('pools view minimax');
    expect(ended.code).toBe(5);
    expectClear(ended);
    expect(ended.stderr).toMatch(/"minimax".*minimax-m3/);
  });

  test('6: the API answers 409', async () => {
    const api = await spoiled(
      ({ method }) => method === 'POST',
      answer(409, { success: false, error: 'Just sold out' }),
    );
    const ended = await userOf(api).ci(subscribe);
    expect([ended.code, api.changes]).toEqual([6, [post]]);
    expectClear(ended);
    expect(ended.stderr).toContain('Just sold out');
  });

  test('7: rate limited, and when to try again', async () => {
    const api = await server(answer(429, { success: false, error: 'Slow down' }, { 'Retry-After': '3600' }));
    const ended = await userOf(api).ci('billing status');
    expect([ended.code, api.requests.length]).toEqual([7, 1]);
    expectClear(ended);
    expect(ended.stderr).toMatch(/Slow down.*(?:60 min|1 h)/);
    const asJson = await userOf(api).ci('billing status --json');
    expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({
      code: 'rate_limited',
      status: 429,
      retryable: true,
    });
  });

  test('8: the API answers 402', async () => {
    const api = await spoiled(
      ({ method }) => method === 'POST',
      answer(402, { success: false, error: 'Card declined' }),
    );
    const ended = await userOf(api).ci(subscribe);
    expect([ended.code, api.changes]).toEqual([8, [post]]);
    expectClear(ended);
    expect(ended.stderr).toContain('Card declined');
  });

  test.each([['billing status'], [subscribe], ['keys create prod']])('9: nothing listens, for %s', async (line) => {
    const ended = await userOf({ url: deadUrl }).ci(line);
    expect(ended.code).toBe(9);
    expectClear(ended);
    const asJson = await userOf({ url: deadUrl }).ci(`${line} --json`);
    expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({
      code: 'unreachable',
      retryable: true,
      outcome: line === 'billing status' ? null : 'not_applied',
    });
  });

  test('10: the connection is reset after the subscription was asked for', async () => {
    const api = await spoiled(({ method }) => method === 'POST', reset);
    const ended = await userOf(api).ci(subscribe);
    expect([ended.code, api.changes]).toEqual([10, [post]]);
    expectClear(ended);
    expect(ended.stderr).toContain('ci pools subscriptions kimi26');
    const asJson = await userOf(api).ci(`${subscribe} --json`);
    expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({
      code: 'outcome_unknown',
      outcome: 'unknown',
      retryable: false,
    });
  });

  test('130: SIGINT while a read hangs', async () => {
    const api = await server(silence);
    const running = userOf(api).start('pools list');
    await api.got('GET');
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.signal]).toEqual([130, null]);
    expectClear(ended);
  });

  test('130: Ctrl-C on a terminal while a read hangs', async () => {
    const api = await server(silence);
    const session = onTerminal(userOf(api), 'pools list');
    await api.got('GET');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });

  test('10 or 130: SIGINT while a subscription hangs says that it may have been made', async () => {
    const api = await spoiled(({ method }) => method === 'POST', silence);
    const running = userOf(api).start(subscribe);
    await api.got('POST');
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([10, 130]).toContain(ended.code);
    expectClear(ended);
    expect(ended.stderr).toContain('ci pools subscriptions kimi26');
    expect(api.changes).toEqual([post]);
  });
});

describe('a read from a server that misbehaves', () => {
  const isPoolList = ({ path }: Received) => path === '/api/pools';

  test.each([
    ['a reset', reset, 9],
    ['half an answer', half, 9],
    ['a web page with 502', webPage(502), 1],
    ['503', answer(503, ''), 1],
    ['500 without a body', answer(500, ''), 1],
  ])('%s: is asked again, three times at the most', async (_what, behaviour, code) => {
    const api = await spoiled(isPoolList, behaviour);
    const ended = await userOf(api).ci('pools list');
    expect([ended.code, api.requests]).toEqual([code, Array(3).fill('GET /api/pools')]);
    expectClear(ended);
  });

  test.each([
    ['a web page with 200', webPage(200)],
    ['an empty body', answer(200, '')],
    ['JSON that ends too early', answer(200, '{"success":true,"data":[')],
    ['an object in the place of the list', data({ pools: [] })],
    ['pools without ids', data([{ slug: 'kimi26' }])],
    ['a price that is none', data([{ id: 'a', slug: 'kimi26', minPricePerDay: 'cheap' }])],
    ['null', data(null)],
    ['a number', answer(200, '7')],
    ['success: false with 200', answer(200, { success: false, error: 'not today' })],
  ])('%s: is asked once, and is exit 1', async (_what, behaviour) => {
    const api = await spoiled(isPoolList, behaviour);
    const ended = await userOf(api).ci('pools list');
    expect([ended.code, api.requests]).toEqual([1, ['GET /api/pools']]);
    expectClear(ended);
  });

  test('a moment of weakness is not noticed', async () => {
    let failures = 0;
    const api = await recordedSandbox({
      instead: () => (++failures <= 2 ? [reset, webPage(502)][failures - 1] : undefined),
    });
    const { code, stdout, stderr } = await userOf(api).ci('pools list --fields slug');
    expect([code, stdout.split('\n')[0], stderr, api.requests.length]).toEqual([0, 'kimi26', '', 3]);
  });

  test('slower than --timeout: exit 9, and how to give it longer', async () => {
    const api = await server(silence);
    const ended = await userOf(api).ci('pools list --timeout 200ms');
    expect(ended.code).toBe(9);
    expectClear(ended);
    expect(ended.stderr).toContain('--timeout');
    const asJson = await userOf(api).ci('pools list --timeout 200ms --json');
    expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({ code: 'timeout', retryable: true, outcome: null });
  });

  test('an answer that never ends is cut by --timeout', async () => {
    const api = await server((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write('{"success":true,"data":[');
    });
    const ended = await userOf(api).ci('pools list --timeout 300ms');
    expect(ended.code).toBe(9);
    expectClear(ended);
  });

  test('words of the server cannot steer the terminal, and keys in them are masked', async () => {
    const error = `\u001b[2JBad key ${managementKey}\nsecond line\u0007`;
    const api = await server(answer(400, { success: false, error }));
    const ended = await userOf(api).ci('billing status');
    expect(ended.code).toBe(1);
    expectClear(ended);
    expect(ended.stderr).not.toMatch(/\x1b|\x07/);
    expect(ended.stderr).toContain('Bad key mk_…cdef');
  });

  test.each([
    ['{"error":{"message":"as OpenAI says it"}}', 'as OpenAI says it'],
    ['{"error":"code_only","message":"in a sentence of its own"}', 'in a sentence of its own'],
    ['{"message":"as a message"}', 'as a message'],
    ['plain words', 'plain words'],
    ['{"error":{"nested":{"deep":true}}}', '400'],
    ['', '400'],
  ])('its own words are shown: %s', async (body, told) => {
    const api = await server(answer(400, body));
    const ended = await userOf(api).ci('billing status');
    expect(ended.code).toBe(1);
    expectClear(ended);
    expect(ended.stderr).toContain(told);
  });

  test('--debug shows every attempt, and no key', async () => {
    const api = await server(answer(503, ''));
    const { stderr } = await userOf(api).ci('billing status --debug');
    expect(stderr.match(/^> GET /gm)).toHaveLength(3);
    expect(stderr).not.toContain(managementKey);
  });
});

describe.each([
  ['a subscription', subscribe, post, 'ci pools subscriptions kimi26'],
  ['a key', 'keys create prod', 'POST /api/keys/subscription', 'ci keys list'],
  ['a credit key', 'keys create prod --credit', 'POST /api/keys/credit', 'ci keys list'],
])('%s asked of a server that misbehaves', (_what, line, request, findOut) => {
  const isChange = ({ method }: Received) => method !== 'GET';

  test.each([
    ['a reset', reset],
    ['half an answer', half],
    ['a web page with 200', webPage(200)],
    ['a web page with 502', webPage(502)],
    ['500', answer(500, { success: false, error: 'out of order' })],
    ['503', answer(503, '', { 'Retry-After': '0' })],
    ['an empty body', answer(200, '')],
    ['JSON that ends too early', answer(200, '{"success":true,"data":{')],
    ['data of another shape', data({ ok: true })],
    ['an empty list', data([])],
    ['null', data(null)],
  ])('%s: sent once, exit 10, and how to find out', async (_behaviour, behaviour) => {
    const api = await spoiled(isChange, behaviour);
    const ended = await userOf(api).ci(line);
    expect([ended.code, api.changes]).toEqual([10, [request]]);
    expectClear(ended);
    expect(ended.stderr).toContain(findOut);
  });

  test('no answer in time: sent once, exit 10', async () => {
    const api = await spoiled(isChange, silence);
    const ended = await userOf(api).ci(`${line} --timeout 1s`);
    expect([ended.code, api.changes]).toEqual([10, [request]]);
    expectClear(ended);
  });

  test.each([
    [400, 1],
    [401, 4],
    [402, 8],
    [403, 4],
    [409, 6],
    [422, 1],
  ])('%d: sent once, and nothing was changed', async (status, code) => {
    const api = await spoiled(isChange, answer(status, { success: false, error: 'No' }));
    const ended = await userOf(api).ci(`${line} --json`);
    expect([ended.code, ended.stdout, api.changes]).toEqual([code, '', [request]]);
    expect(at(JSON.parse(ended.stderr), 'error')).toMatchObject({ status, outcome: 'not_applied', retryable: false });
  });

  test('429: nothing was changed, so it may be sent again', async () => {
    let refusals = 0;
    const api = await recordedSandbox({
      instead: (each) =>
        isChange(each) && ++refusals === 1
          ? answer(429, { success: false, error: 'Wait' }, { 'Retry-After': '0' })
          : undefined,
    });
    if (line.startsWith('keys create prod') && !line.includes('--credit')) {
      await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    }
    const { code } = await userOf(api).ci(line);
    expect([code, api.changes]).toEqual([0, [request, request]]);
  });

  test('a redirect is not followed', async () => {
    const other = await server(data({ id: 'x' }));
    const api = await spoiled(isChange, (_each, response) => {
      response.writeHead(307, { Location: `${other.url}/api/elsewhere` }).end();
    });
    const ended = await userOf(api).ci(line);
    expect(ended.code).not.toBe(0);
    expect([api.changes, other.requests]).toEqual([[request], []]);
    expectClear(ended);
  });
});

test('a subscription that has to be paid in the browser is exit 8, and its page is shown', async () => {
  const page = 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3';
  const api = await spoiled(({ method }) => method === 'POST', data({ sessionUrl: page }));
  const ended = await userOf(api).ci(subscribe);
  expect([ended.code, api.changes]).toEqual([8, [post]]);
  expectClear(ended);
  expect(ended.stderr).toContain(page);
});

test('a subscription that was received although its answer was lost is found by the command that is named', async () => {
  const api = await recordedSandbox();
  const lossy = await recordedSandbox({
    instead: ({ method }) =>
      method === 'POST'
        ? async (request, response) => {
            await api.box.call(request.method, request.path, { text: request.body });
            response.socket?.resetAndDestroy();
          }
        : undefined,
  });
  const { code, stderr } = await userOf(lossy).ci(subscribe);
  expect(code).toBe(10);
  const [, named = ''] = /`ci (pools subscriptions kimi26)`/.exec(stderr) ?? [];
  expect(listAt(json(await userOf(api).ci(`${named} --json`)))).toHaveLength(1);
});
