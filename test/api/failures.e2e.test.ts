import { describe, expect, test } from 'vitest';
import {
  cells,
  type Ended,
  json,
  lines,
  managementKey,
  oneLine,
  secret,
  settlesIn,
  user,
  userOf,
} from '../support/cli.ts';
import { errorOf, heldResponse, outcomesOf } from '../support/lost.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import {
  answer,
  appliedThen,
  type Behavior,
  data,
  deadUrl,
  downFromChangeOn,
  forward,
  half,
  type Instead,
  type Received,
  recordedSandbox,
  reset,
  server,
  silence,
  webPage,
} from '../support/servers.ts';
import { ctrlC, onTerminal } from '../support/terminal.ts';

type Api = Awaited<ReturnType<typeof recordedSandbox>>;

const subscribe = 'pools subscribe kimi26 --blocks europe --yes';
const post = 'POST /api/pools/kimi26/subscribe';

function redirect(to: string): Behavior {
  return (_request, response) => void response.writeHead(307, { Location: to }).end();
}

/** Starts a sandbox that answers one request in its own way. */
function spoiled(isMeant: (request: Received) => boolean, behavior: Behavior) {
  return recordedSandbox({ instead: (request) => (isMeant(request) ? behavior : undefined) });
}

/** Matches the note before an error if the account is checked more than once, which may not happen on a slow machine. */
const checkingNote =
  /^The response was lost \(.+\)\. Checking for up to [\w ]+ whether the change went through\. If you press Ctrl-C, the outcome stays unknown\.$/;

/** Checks what all failures have in common: an empty stdout, one line on stderr besides that note, no stack trace, no key. */
function expectClear({ stdout, stderr }: Ended): void {
  expect(stdout).toBe('');
  const errors = lines(stderr).filter((line) => !checkingNote.test(line));
  expect(errors).toHaveLength(1);
  expect(`${errors[0]}\n`).toMatch(oneLine);
  expect(stderr).not.toMatch(/\[object|<html|<!doctype|undefined|TypeError|\bat \S+ \(|internal error/i);
  expect(stderr).not.toContain(managementKey);
  for (const line of errors) expect(line.length).toBeLessThan(600);
}

describe('exit codes', () => {
  test('exits with 1 if the API fails', async () => {
    const api = await server(answer(500, { success: false, error: 'database is down' }));
    const ended = await userOf(api).ci('pools list');
    expect(ended.code).toBe(1);
    expectClear(ended);
    expect(ended.stderr).toContain('database is down');
  });

  test('exits with 2 for a usage error', async () => {
    const ended = await user().ci('pools lsit');
    expect(ended.code).toBe(2);
    expectClear(ended);
    expect(ended.stderr).toContain('list');
  });

  test.each([[401], [403]])('exits with 4 if the API responds with %d', async (status) => {
    const api = await server(answer(status, { success: false, error: 'No entry' }));
    const ended = await userOf(api).ci('billing status');
    expect([ended.code, api.requests.length]).toEqual([4, 1]);
    expectClear(ended);
    expect(ended.stderr).toContain('No entry');
  });

  test('exits with 4 if not signed in, and sends nothing', async () => {
    const api = await server(silence);
    const ended = await user().ci(`billing status --api-url ${api.url}`);
    expect([ended.code, api.requests]).toEqual([4, []]);
    expectClear(ended);
    expect(ended.stderr).toContain('ci auth login');
  });

  test("exits with 5 if something isn't found", async () => {
    const api = await recordedSandbox();
    const ended = await userOf(api).ci('pools view minimax');
    expect(ended.code).toBe(5);
    expectClear(ended);
    expect(ended.stderr).toMatch(/"minimax".*minimax-m3/);
  });

  test('exits with 6 if the API responds with 409', async () => {
    const api = await spoiled(
      ({ method }) => method === 'POST',
      answer(409, { success: false, error: 'Just sold out' }),
    );
    const ended = await userOf(api).ci(subscribe);
    expect([ended.code, api.changes]).toEqual([6, [post]]);
    expectClear(ended);
    expect(ended.stderr).toContain('Just sold out');
  });

  test('exits with 7 if rate limited, and says when to try again', async () => {
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

  test('exits with 8 if the API responds with 402', async () => {
    const api = await spoiled(
      ({ method }) => method === 'POST',
      answer(402, { success: false, error: 'Card declined' }),
    );
    const ended = await userOf(api).ci(subscribe);
    expect([ended.code, api.changes]).toEqual([8, [post]]);
    expectClear(ended);
    expect(ended.stderr).toContain('Card declined');
  });

  test.each([['billing status'], [subscribe], ['keys create prod']])(
    'exits with 9 if nothing listens, for %s',
    async (line) => {
      const ended = await userOf({ url: deadUrl }).ci(line);
      expect(ended.code).toBe(9);
      expectClear(ended);
      const asJson = await userOf({ url: deadUrl }).ci(`${line} --json`);
      expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({
        code: 'unreachable',
        retryable: true,
        outcome: line === 'billing status' ? null : 'not_applied',
      });
    },
  );

  test('exits with 10 if the API is gone after a subscription was requested', async () => {
    const lost = async (line: string) => {
      const api = await recordedSandbox({ instead: downFromChangeOn(reset, reset) });
      return { api, ended: await userOf(api).ci(line) };
    };
    const [{ api, ended }, { ended: asJson }] = await Promise.all([
      lost(`${subscribe} --settle 1s`),
      lost(`${subscribe} --settle 1s --json`),
    ]);
    expect([ended.code, api.changes]).toEqual([10, [post]]);
    expectClear(ended);
    expect(lines(ended.stderr).at(-1)).toMatch(
      /^ci: The response was lost \(no response from .+: .+\)\. The change may or may not have gone through: the account can't be checked: no response from /,
    );
    expect(ended.stderr).toMatch(
      /\. Run `ci history reconcile --wait` to find out before you try again, or check with `ci pools subscriptions kimi26`\.\n$/,
    );
    expect([asJson.code, asJson.stdout]).toEqual([10, '']);
    expect(errorOf(asJson)).toMatchObject({
      code: 'outcome_unknown',
      outcome: 'unknown',
      retryable: false,
      hint: 'Run `ci history reconcile --wait` to find out before you try again, or check with `ci pools subscriptions kimi26`.',
    });
  });

  test('exits with 130 on SIGINT during a read', async () => {
    const api = await server(silence);
    const running = userOf(api).start('pools list');
    await api.got('GET');
    running.kill('SIGINT');
    const ended = await running.ended;
    expect([ended.code, ended.signal]).toEqual([130, null]);
    expectClear(ended);
  });

  test('exits with 130 on Ctrl-C on a terminal during a read', async () => {
    const api = await server(silence);
    const session = onTerminal(userOf(api), 'pools list', { pty: true });
    await api.got('GET');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });

  test('exits with 130 on SIGINT during a subscription, and reports its outcome', async () => {
    const interrupted = async (lost: (response: Behavior) => Instead, line = subscribe) => {
      const held = heldResponse();
      const api = await recordedSandbox({ instead: lost(held.respond) });
      const running = userOf(api).start(line);
      await api.got('POST');
      running.kill('SIGINT');
      await running.stderr(/Interrupt again to quit now\./);
      await held.release(reset);
      const { code, signal, stdout, stderr } = await running.ended;
      expect([code, signal, api.changes]).toEqual([130, null, [post]]);
      const [waiting, checking, ...errors] = lines(stderr);
      expect([waiting, checking]).toEqual([
        'Interrupted. Waiting up to 10 seconds for the response to a change that was already sent. Interrupt again to quit now.',
        'Interrupted. Checking whether the change went through…',
      ]);
      return { api, stdout, errors };
    };
    const hanging =
      (response: Behavior): Instead =>
      ({ method }) =>
        method === 'POST' ? response : undefined;
    const made =
      (response: Behavior): Instead =>
      ({ method }, box) =>
        method === 'POST' ? appliedThen(box, response) : undefined;
    const [lost, lostAsJson, bought, unknown] = await Promise.all([
      interrupted(hanging),
      interrupted(hanging, `${subscribe} --json`),
      interrupted(made),
      interrupted(downFromChangeOn),
    ]);
    const hint =
      'Run `ci history reconcile --wait` to find out before you try again, or check with `ci pools subscriptions kimi26`.';
    const doubt = 'Interrupted. The change may or may not have gone through';
    expect([lost.stdout, lost.errors]).toEqual(['', [`ci: ${doubt}. ${hint}`]]);
    expect(lostAsJson.stdout).toBe('');
    expect(lostAsJson.errors.map((each) => at(JSON.parse(each), 'error'))).toEqual([
      {
        code: 'interrupted',
        message: `${doubt}`,
        hint,
        status: null,
        retryable: false,
        outcome: 'unknown',
      },
    ]);
    const id = textAt(await bought.api.box.seen(), 'subscriptions', 0, 'id');
    expect(cells(bought.stdout).map((row) => row.slice(0, 5))).toEqual([[id, 'kimi26', 'europe', 'active', '49.00']]);
    expect(bought.errors).toEqual(['ci: Interrupted, but the change went through.']);
    expect([unknown.stdout, unknown.errors]).toEqual([
      '',
      [`ci: ${doubt}: the account can't be checked: Closed for today. ${hint}`],
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
  ])('is sent up to three times after %s', async (_what, behavior, code) => {
    const api = await spoiled(isPoolList, behavior);
    const ended = await userOf(api).ci('pools list');
    expect([ended.code, api.requests]).toEqual([code, Array(3).fill('GET /api/pools')]);
    expectClear(ended);
  });

  test.each([
    ['a web page with 200', webPage(200)],
    ['an empty body', answer(200, '')],
    ['truncated JSON', answer(200, '{"success":true,"data":[')],
    ['an object instead of the list', data({ pools: [] })],
    ['pools without ids', data([{ slug: 'kimi26' }])],
    ['a price that is not a number', data([{ id: 'a', slug: 'kimi26', minPricePerDay: 'cheap' }])],
    ['null', data(null)],
    ['a number', answer(200, '7')],
    ['success: false with 200', answer(200, { success: false, error: 'not today' })],
  ])('is sent once and exits with 1 after %s', async (_what, behavior) => {
    const api = await spoiled(isPoolList, behavior);
    const ended = await userOf(api).ci('pools list');
    expect([ended.code, api.requests]).toEqual([1, ['GET /api/pools']]);
    expectClear(ended);
  });

  test('succeeds without a note after a transient failure', async () => {
    let failures = 0;
    const api = await recordedSandbox({
      instead: () => (++failures <= 2 ? [reset, webPage(502)][failures - 1] : undefined),
    });
    const { code, stdout, stderr } = await userOf(api).ci('pools list --fields slug');
    expect([code, stdout.split('\n')[0], stderr, api.requests.length]).toEqual([0, 'kimi26', '', 3]);
  });

  test('exits with 9 if it takes longer than --timeout, and says how to allow more time', async () => {
    const api = await server(silence);
    const ended = await userOf(api).ci('pools list --timeout 200ms');
    expect(ended.code).toBe(9);
    expectClear(ended);
    expect(ended.stderr).toContain('--timeout');
    const asJson = await userOf(api).ci('pools list --timeout 200ms --json');
    expect(at(JSON.parse(asJson.stderr), 'error')).toMatchObject({ code: 'timeout', retryable: true, outcome: null });
  });

  test('cuts an endless response after --timeout', async () => {
    const api = await server((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write('{"success":true,"data":[');
    });
    const ended = await userOf(api).ci('pools list --timeout 300ms');
    expect(ended.code).toBe(9);
    expectClear(ended);
  });

  test("doesn't let the server's message control the terminal, and masks keys in it", async () => {
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
  ])("shows the server's message: %s", async (body, message) => {
    const api = await server(answer(400, body));
    const ended = await userOf(api).ci('billing status');
    expect(ended.code).toBe(1);
    expectClear(ended);
    expect(ended.stderr).toContain(message);
  });

  test('shows every attempt with --debug, and no key', async () => {
    const api = await server(answer(503, ''));
    const { stderr } = await userOf(api).ci('billing status --debug');
    expect(stderr.match(/^> GET /gm)).toHaveLength(3);
    expect(stderr).not.toContain(managementKey);
  });
});

/** Lists what a server may do with a change instead of a documented response, and the result if nothing was changed. */
const losses: readonly (readonly [what: string, Behavior, exitCode: number])[] = [
  ['a reset', reset, 9],
  ['half an answer', half, 9],
  ['a web page with 200', webPage(200), 1],
  ['a web page with 502', webPage(502), 1],
  ['500', answer(500, { success: false, error: 'out of order' }), 1],
  ['503', answer(503, '', { 'Retry-After': '0' }), 1],
  ['408', answer(408, { success: false, error: 'Request timed out' }), 1],
  ['499', answer(499, ''), 1],
  ['an empty body', answer(200, ''), 1],
  ['truncated JSON', answer(200, '{"success":true,"data":{'), 1],
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
])('%s requested from a server that misbehaves', (_what, line, request, look, findOut) => {
  const isChange = ({ method }: Received) => method !== 'GET';

  /** Runs it against all kinds of misbehavior at once, because most of the time is spent waiting between checks. */
  async function each(
    instead: (behavior: Behavior) => Instead,
    check: (loss: { what: string; code: number; ended: Ended; api: Api; after: readonly string[] }) => unknown,
    { flags = '', settlingTime }: { readonly flags?: string; readonly settlingTime?: string } = {},
  ): Promise<void> {
    const all = losses.map(async ([what, behavior, code]) => {
      const api = await recordedSandbox({ instead: instead(behavior) });
      if (request === 'POST /api/keys/subscription') {
        await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
      }
      const me = userOf(api);
      if (settlingTime !== undefined) settlesIn(me, settlingTime);
      const ended = await me.ci(`${line} ${flags}`);
      expect([what, api.changes]).toEqual([what, [request]]);
      const { requests } = api;
      await check({ what, code, ended, api, after: requests.slice(requests.indexOf(request) + 1) });
    });
    await Promise.all(all);
  }

  test('is sent once, checked until it settles, and reported as not applied if it never appears', () =>
    each(
      (behavior) => (it) => (isChange(it) ? behavior : undefined),
      ({ what, code, ended, after }) => {
        expect([what, ended.code, new Set(after)]).toEqual([what, code, new Set([look])]);
        expectClear(ended);
        expect(ended.stderr).toMatch(/^ci: .+\. The change didn't go through\.(?: .*)?\n$/m);
      },
      { settlingTime: '1s' },
    ));

  test('is sent once and exits with 10, not retryable, if it is not found in time', () =>
    each(
      (behavior) => (it) => (isChange(it) ? behavior : undefined),
      ({ what, ended, after }) => {
        expect([what, ended.code, ended.stdout, new Set(after)]).toEqual([what, 10, '', new Set([look])]);
        expect([what, errorOf(ended)]).toMatchObject([
          what,
          {
            code: 'outcome_unknown',
            message: expect.stringMatching(/\. The change may or may not have gone through$/),
            hint: `Run \`ci history reconcile --wait\` to find out before you try again, or check with \`${findOut}\`.`,
            retryable: false,
            outcome: 'unknown',
          },
        ]);
      },
      { flags: '--settle 1s --json' },
    ));

  test('is sent once, and found by the next check if it is applied after the first', async () => {
    let asked: Received | undefined;
    let hasChecked = false;
    const api = await recordedSandbox({
      instead: (each, box) => {
        if (isChange(each)) {
          asked = each;
          return reset;
        }
        if (!asked || hasChecked) return undefined;
        const { method, path, body } = asked;
        hasChecked = true;
        return async (received, response) => {
          await forward(box.url, received, response);
          await box.call(method, path, { text: body });
        };
      },
    });
    if (request === 'POST /api/keys/subscription') {
      await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    }
    const ended = await userOf(api).ci(`${line} --json`);
    expect([ended.code, api.changes]).toEqual([0, [request]]);
    const [checking = '', found, ...others] = lines(ended.stderr);
    expect(checking).toMatch(checkingNote);
    expect([found, others]).toEqual([
      expect.stringMatching(/^The response was lost \(.+\), but the change went through\.$/),
      [],
    ]);
    const made = listAt(await api.box.seen(), line === subscribe ? 'subscriptions' : 'keys').at(-1);
    expect(textAt(json(ended), 'id')).toBe(textAt(made, 'id'));
  });

  test('is sent once, found, and printed as if the response had arrived if it is applied', () =>
    each(
      (behavior) => (it, box) => (isChange(it) ? appliedThen(box, behavior) : undefined),
      async ({ what, ended: { code, stdout, stderr }, api, after }) => {
        expect([what, code, after[0]]).toEqual([what, 0, look]);
        expect([what, stderr]).toEqual([
          what,
          expect.stringMatching(/^The response was lost \(.+\), but the change went through\.\n$/),
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

  test("is sent once, exits with 10, and says how to find out if the account can't be checked", () =>
    each(
      (behavior) => downFromChangeOn(behavior),
      ({ what, ended }) => {
        expect([what, ended.code]).toEqual([what, 10]);
        expectClear(ended);
        expect(ended.stderr).toContain(
          `. The change may or may not have gone through: the account can't be checked: Closed for today. Run \`ci history reconcile --wait\` to find out before you try again, or check with \`${findOut}\`.`,
        );
      },
    ));

  const refusals = [
    [400, 1],
    [402, 8],
    [409, 6],
    [410, 6],
    [422, 1],
    [425, 1],
    [200, 1],
  ] as const;

  /** Creates a user whose change is refused, whether or not it was applied. */
  async function refused(isMeant: (each: Received) => boolean, refusal: Behavior, after: boolean) {
    const api = await recordedSandbox({
      instead: (each, box) => (isMeant(each) ? (after ? appliedThen(box, refusal) : refusal) : undefined),
    });
    if (request === 'POST /api/keys/subscription') {
      await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
    }
    const me = userOf(api);
    const ended = await me.ci(`${line} --json`);
    return { api, me, ended, after: api.requests.slice(api.requests.indexOf(request) + 1) };
  }
  const no = { success: false, error: 'No' };

  test.each(refusals)('is sent once, checked once, and not applied if it is refused with %d', async (status, code) => {
    const { api, me, ended, after } = await refused(isChange, answer(status, no), false);
    expect([ended.code, ended.stdout, api.changes, after]).toEqual([code, '', [request], [look]]);
    const retryable = status === 425;
    expect(at(JSON.parse(ended.stderr), 'error')).toMatchObject({ status, outcome: 'not_applied', retryable });
    expect(outcomesOf(me)).toEqual([expect.stringMatching(/ not_applied$/)]);
  });

  test.each([
    [401, 4, 'No'],
    [403, 4, 'No'],
    [404, 5, 'No'],
    [400, 8, 'No payment method found — add a card first'],
  ])('is sent once and not checked if it is refused with %d before any work', async (status, code, error) => {
    const { api, ended, after } = await refused(isChange, answer(status, { success: false, error }), false);
    expect([ended.code, ended.stdout, api.changes]).toEqual([code, '', [request]]);
    expect(after.filter((each) => each === look)).toEqual([]);
    expect(errorOf(ended)).toMatchObject({ status, outcome: 'not_applied', retryable: false });
  });

  test.each([...refusals, [429, 7] as const])(
    'is sent once, and found if it is applied although it is refused with %d',
    async (status) => {
      const { api, me, ended } = await refused(isChange, answer(status, no), true);
      expect([ended.code, api.changes]).toEqual([0, [request]]);
      expect(ended.stderr).toBe('The API returned an error (No), but the change went through.\n');
      const kind = line === subscribe ? 'subscriptions' : 'keys';
      const made = textAt(listAt(await api.box.seen(), kind).at(-1), 'id');
      expect(textAt(json(ended), 'id')).toBe(made);
      expect(outcomesOf(me)).toEqual([expect.stringMatching(/ applied$/)]);
    },
  );

  test('is checked and sent again if it is refused with 429', async () => {
    let refusals = 0;
    const { api, ended, after } = await refused(
      (each) => isChange(each) && ++refusals === 1,
      answer(429, { success: false, error: 'Wait' }, { 'Retry-After': '0' }),
      false,
    );
    expect([ended.code, api.changes, ended.stderr]).toEqual([
      0,
      [request, request],
      'The API is busy. Retrying in 1 second.\n',
    ]);
    expect(after.slice(0, 3)).toEqual([look, look, request]);
  });

  test('is sent once, checked once, and says when to try again if it is refused with 429 for more than a minute', async () => {
    const { api, ended, after } = await refused(isChange, answer(429, no, { 'Retry-After': '61' }), false);
    expect([ended.code, ended.stdout, api.changes, after]).toEqual([7, '', [request], [look]]);
    expect(errorOf(ended)).toMatchObject({
      code: 'rate_limited',
      hint: expect.stringMatching(/^Try again in /),
      outcome: 'not_applied',
      retryable: true,
    });
  });

  test('is sent three times, and checked after each, if it is refused with 429 each time', async () => {
    const { api, ended, after } = await refused(isChange, answer(429, no), false);
    expect([ended.code, ended.stdout, api.changes]).toEqual([7, '', [request, request, request]]);
    expect(after).toEqual([look, look, request, look, look, request, look]);
    expect(errorOf(ended)).toMatchObject({ code: 'rate_limited', outcome: 'not_applied', retryable: true });
  });
});

test('checks the account if a change times out', async () => {
  const late = async (instead: Instead, { settlingTime = '10m', flags = '' } = {}) => {
    const api = await recordedSandbox({ instead });
    const me = userOf(api);
    settlesIn(me, settlingTime);
    const ended = await me.ci(`${subscribe} --timeout 2s --json ${flags}`);
    expect(api.changes).toEqual([post]);
    return { ended, charges: listAt(await api.box.seen(), 'charges').length };
  };
  const hanging: Instead = ({ method }) => (method === 'POST' ? silence : undefined);
  const [settled, open, bought, unknown] = await Promise.all([
    late(hanging, { settlingTime: '1s' }),
    late(hanging, { flags: '--settle 1s' }),
    late(({ method }, box) => (method === 'POST' ? appliedThen(box, silence) : undefined)),
    late(downFromChangeOn(silence)),
  ]);
  const host = '127\\.0\\.0\\.1:\\d+';
  const lost = `no response from ${host}: timed out after 2 seconds`;
  expect([settled.ended.code, settled.ended.stdout, settled.charges]).toEqual([9, '', 0]);
  expect(errorOf(settled.ended)).toEqual({
    code: 'timeout',
    message: expect.stringMatching(new RegExp(`^The response was lost \\(${lost}\\)\\. The change didn't go through$`)),
    hint: 'Try again, or allow more time with --timeout 2m.',
    status: null,
    retryable: true,
    outcome: 'not_applied',
  });
  expect([open.ended.code, open.ended.stdout]).toEqual([10, '']);
  expect(errorOf(open.ended)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown', retryable: false });
  expect([bought.ended.code, bought.charges]).toEqual([0, 1]);
  expect(json(bought.ended)).toMatchObject({ poolSlug: 'kimi26', status: 'active', monthlyPrice: 49 });
  expect(bought.ended.stderr).toMatch(
    new RegExp(`^The response was lost \\(${lost}\\), but the change went through\\.\n$`),
  );
  expect([unknown.ended.code, unknown.ended.stdout]).toEqual([10, '']);
  expect(errorOf(unknown.ended)).toMatchObject({ code: 'outcome_unknown', outcome: 'unknown' });
});

test("doesn't follow a redirect of a change", async () => {
  const other = await server(data({ id: 'x' }));
  const api = await recordedSandbox({ instead: downFromChangeOn(redirect(`${other.url}/api/elsewhere`)) });
  const ended = await userOf(api).ci(subscribe);
  expect([ended.code, api.changes, other.requests]).toEqual([10, [post], []]);
  expectClear(ended);
  expect(ended.stderr).toContain(
    `(the API returned 307 Temporary Redirect, a redirect to ${other.url}/api/elsewhere). The change may`,
  );
});

test('exits with 8 if a subscription has to be paid in the browser, and shows the page', async () => {
  const page = 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3';
  const api = await spoiled(({ method }) => method === 'POST', data({ sessionUrl: page }));
  const ended = await userOf(api).ci(subscribe);
  expect([ended.code, api.changes]).toEqual([8, [post]]);
  expectClear(ended);
  expect(ended.stderr).toContain(page);
});

test('finds a subscription whose response was lost with the command that the error names', async () => {
  let down = false;
  const api = await recordedSandbox({
    instead: ({ method }, box) => {
      if (method === 'GET') return down ? answer(403, 'Closed for today') : undefined;
      down = true;
      return appliedThen(box, reset);
    },
  });
  const { code, stderr } = await userOf(api).ci(subscribe);
  expect(code).toBe(10);
  const [, named = ''] = /`ci (pools subscriptions kimi26)`/.exec(stderr) ?? [];
  down = false;
  expect(listAt(json(await userOf(api).ci(`${named} --json`)))).toHaveLength(1);
  expect(api.changes).toEqual([post]);
});
