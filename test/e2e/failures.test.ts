import { describe, expect, test } from 'vitest';
import { at, listAt, textAt } from '../sandbox/harness.ts';
import { cells, type Ended, json, lines, managementKey, oneLine, secret, user, userOf } from './cli.ts';
import {
  answer,
  type Behaviour,
  carriedOut,
  data,
  deadUrl,
  downFromChangeOn,
  half,
  type Instead,
  type Received,
  recordedSandbox,
  reset,
  server,
  silence,
  webPage,
} from './servers.ts';
import { ctrlC, onTerminal } from './terminal.ts';

type Api = Awaited<ReturnType<typeof recordedSandbox>>;

const subscribe = 'pools subscribe kimi26 --blocks europe --yes';
const post = 'POST /api/pools/kimi26/subscribe';

function redirect(to: string): Behaviour {
  return (_request, response) => void response.writeHead(307, { Location: to }).end();
}

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

  test('10: the API is gone after the subscription was asked for', async () => {
    const lost = async (line: string) => {
      const api = await recordedSandbox({ instead: downFromChangeOn(reset, reset) });
      return { api, ended: await userOf(api).ci(line) };
    };
    const [{ api, ended }, { ended: asJson }] = await Promise.all([lost(subscribe), lost(`${subscribe} --json`)]);
    expect([ended.code, api.changes]).toEqual([10, [post]]);
    expectClear(ended);
    expect(ended.stderr).toMatch(/may have been carried out; it cannot be looked at: .* did not answer: /);
    expect(ended.stderr).toMatch(/\. Find out with `ci pools subscriptions kimi26` before you run this again\.\n$/);
    expect([asJson.code, asJson.stdout]).toEqual([10, '']);
    expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({
      code: 'outcome_unknown',
      outcome: 'unknown',
      retryable: false,
      hint: 'Find out with `ci pools subscriptions kimi26` before you run this again.',
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

  test('130: SIGINT while a subscription hangs, and what became of it', async () => {
    const interrupted = async (instead: Instead, line = subscribe) => {
      const api = await recordedSandbox({ instead });
      const running = userOf(api).start(line);
      await api.got('POST');
      running.kill('SIGINT');
      const { code, signal, stdout, stderr } = await running.ended;
      expect([code, signal, api.changes]).toEqual([130, null, [post]]);
      const [looking, ...told] = lines(stderr);
      expect(looking).toBe('Interrupted: finding out whether it was carried out…');
      return { api, stdout, told };
    };
    const hanging: Instead = ({ method }) => (method === 'POST' ? silence : undefined);
    const made: Instead = ({ method }, box) => (method === 'POST' ? carriedOut(box, silence) : undefined);
    const [lost, lostAsJson, bought, unknown] = await Promise.all([
      interrupted(hanging),
      interrupted(hanging, `${subscribe} --json`),
      interrupted(made),
      interrupted(downFromChangeOn(silence)),
    ]);
    expect([lost.stdout, lost.told]).toEqual(['', ['ci: interrupted; it was not carried out']]);
    expect(lostAsJson.stdout).toBe('');
    expect(lostAsJson.told.map((each) => at(JSON.parse(each), 'error'))).toEqual([
      {
        code: 'interrupted',
        message: 'interrupted; it was not carried out',
        hint: null,
        status: null,
        retryable: false,
        outcome: 'not_applied',
      },
    ]);
    const id = textAt(await bought.api.box.seen(), 'subscriptions', 0, 'id');
    expect(cells(bought.stdout).map((row) => row.slice(0, 5))).toEqual([[id, 'kimi26', 'europe', 'active', '49.00']]);
    expect(bought.told).toEqual(['ci: interrupted; what was asked for had been carried out']);
    expect([unknown.stdout, unknown.told]).toEqual([
      '',
      [
        'ci: interrupted. The request may have been carried out; it cannot be looked at: Closed for today. Find out with `ci pools subscriptions kimi26` before you run this again.',
      ],
    ]);
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

/** What a server may do with a change instead of answering it as documented, and how that ends when nothing was changed. */
const losses: readonly (readonly [what: string, Behaviour, exitCode: number])[] = [
  ['a reset', reset, 9],
  ['half an answer', half, 9],
  ['a web page with 200', webPage(200), 1],
  ['a web page with 502', webPage(502), 1],
  ['500', answer(500, { success: false, error: 'out of order' }), 1],
  ['503', answer(503, '', { 'Retry-After': '0' }), 1],
  ['an empty body', answer(200, ''), 1],
  ['JSON that ends too early', answer(200, '{"success":true,"data":{'), 1],
  ['data of another shape', data({ ok: true }), 1],
  ['an empty list', data([]), 1],
  ['null', data(null), 1],
  ['a redirect', redirect('http://127.0.0.1:1/api/elsewhere'), 1],
];

const looks = 'GET /api/pools/kimi26/my-subscriptions';

describe.each([
  ['a subscription', subscribe, post, looks, 'ci pools subscriptions kimi26'],
  ['a key', 'keys create prod', 'POST /api/keys/subscription', 'GET /api/keys', 'ci keys list'],
  ['a credit key', 'keys create prod --credit', 'POST /api/keys/credit', 'GET /api/keys', 'ci keys list'],
])('%s asked of a server that misbehaves', (_what, line, request, look, findOut) => {
  const isChange = ({ method }: Received) => method !== 'GET';

  /** Runs it against each misbehaviour at once, as most of the time passes in waiting between looks. */
  async function each(
    instead: (behaviour: Behaviour) => Instead,
    check: (loss: { what: string; code: number; ended: Ended; api: Api; after: readonly string[] }) => unknown,
  ): Promise<void> {
    const all = losses.map(async ([what, behaviour, code]) => {
      const api = await recordedSandbox({ instead: instead(behaviour) });
      if (request === 'POST /api/keys/subscription') {
        await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
      }
      const ended = await userOf(api).ci(line);
      expect([what, api.changes]).toEqual([what, [request]]);
      const { requests } = api;
      await check({ what, code, ended, api, after: requests.slice(requests.indexOf(request) + 1) });
    });
    await Promise.all(all);
  }

  test('and not carried out: sent once, looked for four times, and said to be not there', () =>
    each(
      (behaviour) => (it) => (isChange(it) ? behaviour : undefined),
      ({ what, code, ended, after }) => {
        expect([what, ended.code, after]).toEqual([what, code, Array(4).fill(look)]);
        expectClear(ended);
        expect(ended.stderr).toMatch(/; it was not carried out(?:\. .*)?\n$/);
      },
    ));

  test('and carried out all the same: sent once, found, and told as if the answer had come', () =>
    each(
      (behaviour) => (it, box) => (isChange(it) ? carriedOut(box, behaviour) : undefined),
      async ({ what, ended: { code, stdout, stderr }, api, after }) => {
        expect([what, code, after[0]]).toEqual([what, 0, look]);
        expect([what, stderr]).toEqual([
          what,
          expect.stringMatching(/^The answer was lost \(.+\), and it was carried out\.\n$/),
        ]);
        const made = await api.box.seen();
        const [row = [], ...others] = cells(stdout);
        expect(others).toEqual([]);
        if (line === subscribe) {
          const id = textAt(made, 'subscriptions', 0, 'id');
          expect(row).toEqual([id, 'kimi26', 'europe', 'active', '49.00', expect.any(String), 'false', '']);
          return;
        }
        const [id = '', name, apiKey = ''] = row;
        expect([id, name, apiKey]).toEqual([textAt(made, 'keys', 0, 'id'), 'prod', expect.stringMatching(secret)]);
        const models = await fetch(`${api.box.url}/v1/models`, { headers: { Authorization: `Bearer ${apiKey}` } });
        expect(models.status).toBe(200);
      },
    ));

  test('and the account cannot be looked at: sent once, exit 10, and how to find out', () =>
    each(
      (behaviour) => downFromChangeOn(behaviour),
      ({ what, ended }) => {
        expect([what, ended.code]).toEqual([what, 10]);
        expectClear(ended);
        expect(ended.stderr).toContain(
          '. The request may have been carried out; it cannot be looked at: Closed for today',
        );
        expect(ended.stderr).toContain(`. Find out with \`${findOut}\` before you run this again.`);
      },
    ));

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
});

test('a change that is not answered in time is looked for', async () => {
  const late = async (instead: Instead) => {
    const api = await recordedSandbox({ instead });
    const ended = await userOf(api).ci(`${subscribe} --timeout 4s --json`);
    expect(api.changes).toEqual([post]);
    return { ended, charges: listAt(await api.box.seen(), 'charges').length };
  };
  const [lost, bought, unknown] = await Promise.all([
    late(({ method }) => (method === 'POST' ? silence : undefined)),
    late(({ method }, box) => (method === 'POST' ? carriedOut(box, silence) : undefined)),
    late(downFromChangeOn(silence)),
  ]);
  const host = '127\\.0\\.0\\.1:\\d+';
  expect([lost.ended.code, lost.ended.stdout, lost.charges]).toEqual([9, '', 0]);
  expect(at(JSON.parse(lost.ended.stderr), 'error')).toEqual({
    code: 'timeout',
    message: expect.stringMatching(
      new RegExp(`^${host} did not answer: no answer within 4 s; it was not carried out$`),
    ),
    hint: 'Try again, or give it longer with --timeout 2m.',
    status: null,
    retryable: true,
    outcome: 'not_applied',
  });
  expect([bought.ended.code, bought.charges]).toEqual([0, 1]);
  expect(json(bought.ended)).toMatchObject({ poolSlug: 'kimi26', status: 'active', monthlyPrice: 49 });
  expect(bought.ended.stderr).toMatch(
    new RegExp(`^The answer was lost \\(${host} did not answer: no answer within 4 s\\), and it was carried out\\.\n$`),
  );
  expect([unknown.ended.code, unknown.ended.stdout]).toEqual([10, '']);
  expect(at(JSON.parse(unknown.ended.stderr), 'error')).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
});

test('a change is not sent on to where a redirect leads', async () => {
  const other = await server(data({ id: 'x' }));
  const api = await recordedSandbox({ instead: downFromChangeOn(redirect(`${other.url}/api/elsewhere`)) });
  const ended = await userOf(api).ci(subscribe);
  expect([ended.code, api.changes, other.requests]).toEqual([10, [post], []]);
  expectClear(ended);
  expect(ended.stderr).toContain(
    `the API answered 307 Temporary Redirect to ${other.url}/api/elsewhere. The request may`,
  );
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
  let down = false;
  const api = await recordedSandbox({
    instead: ({ method }, box) => {
      if (method === 'GET') return down ? answer(403, 'Closed for today') : undefined;
      down = true;
      return carriedOut(box, reset);
    },
  });
  const { code, stderr } = await userOf(api).ci(subscribe);
  expect(code).toBe(10);
  const [, named = ''] = /`ci (pools subscriptions kimi26)`/.exec(stderr) ?? [];
  down = false;
  expect(listAt(json(await userOf(api).ci(`${named} --json`)))).toHaveLength(1);
  expect(api.changes).toEqual([post]);
});
