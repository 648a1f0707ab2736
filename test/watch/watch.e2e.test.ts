import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { cells, type Ended, jsonLines, lines, namesIn, oneLine, user, userOf } from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { dropping } from '../support/drops.ts';
import { customerOf, generations } from '../support/generations.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import { answer, data, deadUrl, half, recordedSandbox, reset, server, webPage } from '../support/servers.ts';
import { realTime } from '../support/world.ts';

const list = 'GET /api/pools';
const rfc3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** Returns the events of NDJSON output. */
function names(ended: Pick<Ended, 'stdout'>): string[] {
  return jsonLines(ended).map((event) => textAt(event, 'event'));
}

/** The fields of an event that are unknown. */
const nothing = {
  pool: null,
  blocks: [],
  pricePerMonth: null,
  previousPricePerMonth: null,
  freeSeats: null,
  status: null,
  previousStatus: null,
  charge: null,
  subscriptions: null,
  code: null,
  message: null,
};

/** Returns a list of one pool in the format of the live API. */
function pools(...blocks: readonly { block: string; status: string; price?: string }[]) {
  return [
    {
      id: 'p1',
      slug: 'minimax-m3',
      status: 'active',
      blocks: blocks.map(({ price = '45.00', ...each }) => ({ ...each, pricePerMonth: price })),
    },
  ];
}

const soldOut = { block: 'americas', status: 'sold-out' };
const limited = { block: 'americas', status: 'limited' };

/** Starts an API that answers each request for the list in a different way, and the rest in the last one. */
function changing(...lists: readonly unknown[]) {
  let asked = 0;
  return server((request, response) => {
    const now = lists[Math.min(asked, lists.length - 1)];
    asked += 1;
    return data(now)(request, response);
  });
}

describe('a block that opens', () => {
  test('ends the watch with one line if it is already open', async () => {
    const api = await recordedSandbox();
    const ended = await userOf(api).ci('pools watch kimi26 --blocks europe');
    expect([ended.code, ended.stderr, api.requests]).toEqual([0, '', [list]]);
    expect(cells(ended.stdout)).toEqual([
      ['opened', rfc3339, 'kimi26', 'europe', '49.00', '', '', 'active', '', '', '', '', '', ''],
    ]);
  });

  test('is found with cheap conditional requests', async () => {
    const api = await dropping({ at: [4] });
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 50ms --json');
    expect([ended.code, ended.stderr, api.requests]).toEqual([0, '', [list, list, list, list]]);
    expect(jsonLines(ended)).toEqual([
      {
        ...nothing,
        event: 'opened',
        at: rfc3339,
        pool: 'minimax-m3',
        blocks: ['americas'],
        pricePerMonth: 45,
        status: 'active',
      },
    ]);
    const [first, ...later] = api.received.map(({ headers }) => headers['if-none-match']);
    expect([first, later]).toEqual([undefined, [expect.any(String), expect.any(String), expect.any(String)]]);
    expect(new Set(later).size).toBe(1);
  });

  test('can be watched without a key', async () => {
    const api = await recordedSandbox();
    const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
    expect((await me.ci('pools watch kimi26 --blocks europe')).code).toBe(0);
    expect(api.received[0]?.headers).not.toHaveProperty('authorization');
  });

  test('can be the first of several pools and blocks', async () => {
    const api = await dropping({ at: [3] });
    const me = userOf(api);
    const ended = await me.ci('pools watch qwen35 minimax-m3 --blocks americas --interval 50ms --fields pool,blocks');
    expect([ended.code, ended.stdout]).toEqual([0, 'minimax-m3\tamericas\n']);
    const any = await me.ci('pools watch minimax-m3 kimi26 --blocks any --fields pool,blocks');
    expect([any.code, any.stdout]).toEqual([0, 'minimax-m3\tasia\n']);
  });

  test('can be named by the UUID of its pool, and repeated', async () => {
    const api = await recordedSandbox();
    const line = 'pools watch 6b1d3c8e-4f0a-4c57-9d26-0a1f5e7c2601 kimi26 --blocks europe --count 1 --json';
    expect(names(await userOf(api).ci(line))).toEqual(['opened']);
  });

  test.each(['--blocks asia,americas --all-blocks', '--blocks all', '--blocks ALL'])(
    'is all of them together with %s',
    async (flags) => {
      const api = await dropping({ at: [3] });
      const ended = await userOf(api).ci(`pools watch minimax-m3 ${flags} --interval 50ms --json`);
      const blocks = flags.includes('asia') ? ['asia', 'americas'] : ['asia', 'europe', 'americas'];
      expect(ended.code).toBe(0);
      expect(jsonLines(ended)).toMatchObject([
        { event: 'opened', blocks, pricePerMonth: blocks.length === 2 ? 84 : 133 },
      ]);
      expect(api.requests).toHaveLength(3);
    },
  );

  test('has the requested number of seats', async () => {
    const api = await dropping({ at: [2, 3, 4], seats: 2 });
    const me = userOf(api);
    const three = await me.ci('pools watch minimax-m3 --blocks americas --quantity 3 --interval 50ms --for 400ms');
    expect([three.code, three.stdout]).toEqual([6, '']);
    const two = await me.ci('pools watch minimax-m3 --blocks asia --quantity 2 --json');
    expect(jsonLines(two)).toMatchObject([{ event: 'opened', blocks: ['asia'], freeSeats: 2 }]);
  });

  test.each(generations)('is reported from an API of the %s generation', async (generation) => {
    const { me } = await customerOf(generation);
    const open = await me.ci('pools watch kimi26 --blocks americas --json');
    expect(jsonLines(open)).toMatchObject([{ event: 'opened', pool: 'kimi26', blocks: ['americas'] }]);
    // A price that is the sum of its hours is off by a few cents.
    expect(Math.abs(Number(at(jsonLines(open)[0], 'pricePerMonth')) - 45)).toBeLessThanOrEqual(0.04);
    const closed = await me.ci('pools watch minimax-m3 --blocks americas --interval 50ms --for 200ms');
    expect([closed.code, closed.stdout]).toEqual([6, '']);
  });
});

describe('a watch of several openings', () => {
  test('reports the requested number of openings, and the changes in between', async () => {
    const api = await changing(
      pools(soldOut),
      pools(limited),
      pools(soldOut),
      pools({ ...soldOut, price: '47.00' }),
      pools({ ...limited, price: '47.00' }),
      pools({ ...limited, price: '47.00' }),
      pools(soldOut),
    );
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --count 2 --interval 20ms --json');
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    const about = { ...nothing, at: rfc3339, pool: 'minimax-m3', blocks: ['americas'], status: 'active' };
    expect(jsonLines(ended)).toEqual([
      { ...about, event: 'opened', pricePerMonth: 45 },
      { ...about, event: 'sold_out', pricePerMonth: 45 },
      { ...about, event: 'price_changed', pricePerMonth: 47, previousPricePerMonth: 45 },
      // It closed a moment ago, so it is reported after two checks find it open.
      { ...about, event: 'opened', pricePerMonth: 47 },
    ]);
    expect(api.requests).toHaveLength(6);
  });

  test('reports that a pool is paused, unlisted, and listed again', async () => {
    const paused = pools(limited).map((pool) => ({ ...pool, status: 'paused' }));
    const api = await changing(pools(soldOut), paused, [], pools(limited));
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 20ms --json');
    expect(ended.code).toBe(0);
    const changed = { ...nothing, event: 'pool_status_changed', at: rfc3339, pool: 'minimax-m3' };
    expect(jsonLines(ended)).toEqual([
      { ...changed, status: 'paused', previousStatus: 'active' },
      { ...changed, previousStatus: 'paused' },
      { ...changed, status: 'active' },
      expect.objectContaining({ event: 'opened' }),
    ]);
  });

  test('runs forever, or until the time is up', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const ended = await me.ci(
      'pools watch kimi26 --blocks any --forever --interval 50ms --for 2s --fields event,blocks',
    );
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      0,
      'opened\tasia\nopened\teurope\nopened\tamericas\n',
      '',
    ]);
    expect(api.requests.length).toBeGreaterThan(2);
  });

  test('ends when its output has no reader', async () => {
    let price = 40;
    const api = await server((request, response) => {
      price += 1;
      return data(pools({ ...soldOut, price: `${price}.00` }))(request, response);
    });
    const line = 'ci pools watch minimax-m3 --blocks americas --forever --interval 20ms --fields pricePerMonth';
    const ended = await userOf(api).sh(`{ ${line}; echo $? >&2; } | head -n 1`);
    expect([ended.stdout, ended.stderr]).toEqual(['42.00\n', '0\n']);
  });

  test('prints every event in the requested format', async () => {
    const lists = [pools(soldOut), pools({ ...soldOut, price: '47.00' }), pools({ ...limited, price: '47.00' })];
    const line = 'pools watch minimax-m3 --blocks americas --interval 20ms';
    const printed = async (flags: string) => (await userOf(await changing(...lists)).ci(`${line} ${flags}`)).stdout;
    const [header, ...rows] = csvRows(await printed('-o csv'));
    expect(header?.slice(0, 5)).toEqual(['event', 'at', 'pool', 'blocks', 'pricePerMonth']);
    expect(rows.map(([event, , pool]) => [event, pool])).toEqual([
      ['price_changed', 'minimax-m3'],
      ['opened', 'minimax-m3'],
    ]);
    const documents = (await printed('-o yaml')).split('---\n').slice(1);
    expect(documents.map((text) => at(parseYaml(text), 'event'))).toEqual(['price_changed', 'opened']);
    expect(await printed('--jq .event')).toBe('price_changed\nopened\n');
    expect(await printed('--json --fields event,pricePerMonth')).toBe(
      '{"event":"price_changed","pricePerMonth":47}\n{"event":"opened","pricePerMonth":47}\n',
    );
    expect(await printed('-o table')).toMatch(
      /^\S{10} \S{8} {2}minimax-m3 americas now costs \$47\.00 per month \(was \$45\.00\)\n\S{10} \S{8} {2}minimax-m3 americas is open: \$47\.00 per month\n$/,
    );
  });

  test('has the same fields in each event, in the same order', async () => {
    const api = await dropping({ at: [2] });
    const line = 'pools watch minimax-m3 --blocks americas --interval 50ms --subscribe --max-price 45 --yes --json';
    const told = jsonLines(await userOf(api).ci(line));
    expect(told.map((event) => at(event, 'event'))).toEqual(['opened', 'subscribed']);
    for (const event of told) expect(namesIn(event)).toEqual(['event', 'at', ...namesIn(nothing)]);
  });
});

describe('the end of a watch', () => {
  test('exits with 6 when the time is up', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const ended = await me.ci('pools watch minimax-m3 kimi26 --blocks americas --all-blocks --quantity 9 --for 300ms');
    expect([ended.code, ended.stdout]).toEqual([6, '']);
    expect(ended.stderr).toBe(
      'ci: No seat opened on minimax-m3 americas or kimi26 americas within 300ms. Pass a longer --for, or run `ci pools list --available` to see what is available.\n',
    );
    const none = await me.ci('pools watch minimax-m3 --blocks americas --forever --for 100ms');
    expect([none.code, none.stdout]).toEqual([6, '']);
    const some = await me.ci('pools watch kimi26 --blocks any --count 4 --for 300ms --interval 50ms --json');
    expect([some.code, names(some)]).toEqual([6, ['opened', 'opened', 'opened']]);
    expect(JSON.parse(some.stderr)).toMatchObject({
      error: { code: 'unavailable', message: 'Saw only 3 of 4 openings within 300ms', outcome: 'not_applied' },
    });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('exits with 130 after %s, and keeps its output', async (signal) => {
    const api = await recordedSandbox();
    const watching = userOf(api).start('pools watch kimi26 --blocks europe --forever --interval 20ms --json');
    await api.times(list, 3);
    watching.kill(signal);
    const ended = await watching.ended;
    expect([ended.code, names(ended)]).toEqual([130, ['opened']]);
    expect(JSON.parse(ended.stderr)).toMatchObject({ error: { code: 'interrupted' } });
  });

  test('exits with 5 for an unknown pool, with a suggestion', async () => {
    const api = await recordedSandbox();
    const ended = await userOf(api).ci('pools watch kimi26 kimi27 --blocks europe');
    expect([ended.code, ended.stdout]).toEqual([5, '']);
    expect(ended.stderr).toMatch(/^ci: Pool "kimi27" doesn't exist\. Did you mean kimi26\?/);
  });

  test('comes at once if the first check fails', async () => {
    const refused = await userOf({ url: deadUrl }).ci('pools watch kimi26 --blocks europe');
    expect([refused.code, refused.stdout]).toEqual([9, '']);
    const broken = await server(answer(503, { error: 'down for maintenance' }));
    const ended = await userOf(broken).ci('pools watch kimi26 --blocks europe');
    expect([ended.code, broken.requests.length]).toEqual([1, 3]);
  });
});

describe('a failed check', () => {
  test.each([
    ['5xx', answer(503, { error: 'down' }), 'server_error'],
    ['a reset', reset, 'unreachable'],
    ['a truncated response', half, 'unreachable'],
    ['a web page', webPage(200), 'unexpected_response'],
    ['another format', data({ pools: [] }), 'unexpected_response'],
    ['404', answer(404, { error: 'no such route' }), 'not_found'],
    ['429', answer(429, { error: 'slow down' }), 'rate_limited'],
  ])("doesn't end the watch: %s", async (_what, behavior, code) => {
    let asked = 0;
    const api = await dropping({
      at: [6],
      instead: ({ path: each }) => (each === '/api/pools' && [2, 3, 4].includes(++asked) ? behavior : undefined),
    });
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 30ms --json');
    // An outage is reported once.
    expect([ended.code, names(ended), ended.stderr]).toEqual([0, ['error', 'opened'], '']);
    expect(jsonLines(ended)[0]).toEqual({ ...nothing, event: 'error', at: rfc3339, code, message: expect.any(String) });
    expect(api.requests).toHaveLength(6);
  });

  test('is reported again after a successful check, or if the error differs', async () => {
    const failures: Readonly<Record<number, number>> = { 2: 503, 3: 429, 5: 503 };
    let asked = 0;
    const api = await dropping({
      at: [7],
      instead: ({ path: each }) => {
        if (each !== '/api/pools') return undefined;
        const status = failures[++asked];
        return status === undefined ? undefined : answer(status, { error: 'no' });
      },
    });
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 30ms --json');
    expect(jsonLines(ended).map((event) => at(event, 'code'))).toEqual([
      'server_error',
      'rate_limited',
      'server_error',
      null,
    ]);
  });

  test('delays the next check as long as the server asks', async () => {
    const asked: number[] = [];
    const api = await dropping({
      at: [3],
      instead: ({ path: each }) => {
        if (each !== '/api/pools') return undefined;
        asked.push(performance.now());
        return asked.length === 2 ? answer(429, { error: 'slow down' }, { 'Retry-After': '1' }) : undefined;
      },
    });
    expect((await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 30ms', realTime)).code).toBe(0);
    expect((asked[2] ?? 0) - (asked[1] ?? 0)).toBeGreaterThanOrEqual(995);
  });

  test.each([401, 403])('exits with 4 if the key is refused with %s', async (status) => {
    let asked = 0;
    const api = await recordedSandbox({
      instead: ({ path: each }) =>
        each === '/api/pools' && ++asked > 2 ? answer(status, { error: 'key revoked' }) : undefined,
    });
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 30ms --json');
    expect([ended.code, ended.stdout, api.requests.length]).toEqual([4, '', 3]);
    expect(JSON.parse(ended.stderr)).toMatchObject({ error: { message: 'key revoked', status } });
  });

  test("masks keys in the server's message", async () => {
    let asked = 0;
    const leaked = 'mk_of_the_tests_0123456789abcdef';
    const api = await dropping({
      at: [3],
      instead: ({ path: each }) =>
        each === '/api/pools' && ++asked === 2 ? answer(503, { error: `no ${leaked}` }) : undefined,
    });
    const ended = await userOf(api).ci('pools watch minimax-m3 --blocks americas --interval 30ms --json');
    expect(textAt(jsonLines(ended)[0], 'message')).toBe('no mk_…cdef');
    expect(ended.stdout + ended.stderr).not.toContain(leaked);
  });
});

describe('--exec', () => {
  test('gets the facts as variables, and stdout keeps one event per line', async () => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci([
      ...'pools watch kimi26 --blocks all --json --exec'.split(' '),
      'env | grep ^CHEAPESTINFERENCE_ | grep -v KEY= | sort; echo "to stderr" >&2; printf "no line break"',
    ]);
    expect([code, lines(stdout).length]).toEqual([0, 1]);
    const told = at(JSON.parse(stdout), 'at');
    const said = lines(stderr);
    expect(said.filter((line) => line.startsWith('CHEAPESTINFERENCE_'))).toEqual([
      `CHEAPESTINFERENCE_API_URL=${api.url}`,
      `CHEAPESTINFERENCE_AT=${told}`,
      'CHEAPESTINFERENCE_BLOCKS=asia,europe,americas',
      'CHEAPESTINFERENCE_CHARGE=',
      'CHEAPESTINFERENCE_EVENT=opened',
      'CHEAPESTINFERENCE_FREE_SEATS=',
      'CHEAPESTINFERENCE_POOL=kimi26',
      'CHEAPESTINFERENCE_PRICE_PER_MONTH=133.00',
      'CHEAPESTINFERENCE_SUBSCRIPTIONS=',
    ]);
    expect(said).toEqual(expect.arrayContaining(['to stderr', 'no line break']));
  });

  test.each([
    ['exit 3', 'it exited with code 3'],
    ['kill -TERM $$', 'it was terminated by SIGTERM'],
    ['no-such-program-anywhere', 'it exited with code 127'],
  ])("doesn't fail the watch if it fails: %s", async (command, reason) => {
    const api = await recordedSandbox();
    const ended = await userOf(api).ci(['pools', 'watch', 'kimi26', '--blocks', 'europe', '--exec', command]);
    expect([ended.code, lines(ended.stdout).length]).toEqual([0, 1]);
    expect(ended.stderr).toContain(`--exec failed: ${reason}.\n`);
  });

  test("runs in the user's shell", async () => {
    const api = await recordedSandbox();
    const me = userOf(api, { SHELL: '/nowhere/shell' });
    const ended = await me.ci(['pools', 'watch', 'kimi26', '--blocks', 'europe', '--exec', 'true']);
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('/nowhere/shell')]);
  });

  test('runs once for each opening, one at a time, without delaying the watch', async () => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const log = path.join(me.home, 'log');
    const command = `echo "begin $CHEAPESTINFERENCE_BLOCKS" >> ${log}; sleep 0.2; echo end >> ${log}`;
    const line = 'pools watch kimi26 --blocks any --count 3 --json --exec'.split(' ');
    const { code, stdout } = await me.ci([...line, command]);
    expect([code, lines(stdout).length]).toEqual([0, 3]);
    expect(readFileSync(log, 'utf8')).toBe('begin asia\nend\nbegin europe\nend\nbegin americas\nend\n');
  });

  test.each(['exec sleep 20', '(sleep 5; echo > late); true'])('ends with the watch at Ctrl-C: %s', async (command) => {
    const api = await recordedSandbox();
    const me = userOf(api);
    const watching = me.start([
      ...'pools watch kimi26 --blocks europe --forever --interval 20ms --exec'.split(' '),
      `echo started; ${command}`,
    ]);
    await watching.stderr(/started/);
    watching.kill('SIGINT');
    const ended = await watching.ended;
    expect([ended.code, ended.stderr]).toEqual([
      130,
      'started\n--exec failed: it was terminated by SIGTERM.\nci: Interrupted.\n',
    ]);
    // The watch doesn't wait for processes that the shell started.
    expect(existsSync(path.join(me.home, 'late'))).toBe(false);
  });
});

describe('--webhook', () => {
  const secret = 'T0K3N-in-the-path';

  test('gets the printed event, also after a failure, and its URL is never printed', async () => {
    let posts = 0;
    const hook = await server((request, response) => answer(++posts === 1 ? 500 : 200, {})(request, response));
    const api = await recordedSandbox();
    const line = `pools watch kimi26 --blocks europe --json --debug --webhook ${hook.url}/${secret}`;
    const ended = await userOf(api).ci(line);
    expect(ended.code).toBe(0);
    expect(hook.requests).toEqual([`POST /${secret}`, `POST /${secret}`]);
    for (const { body, headers } of hook.received) {
      expect(JSON.parse(body)).toEqual(JSON.parse(ended.stdout));
      expect([headers['content-type'], headers.authorization]).toEqual(['application/json', undefined]);
    }
    expect(ended.stdout + ended.stderr).not.toContain(secret);
  });

  test("doesn't fail the watch if it refuses, and is reported by its host", async () => {
    const hook = await server(answer(410, {}));
    const api = await recordedSandbox();
    const ended = await userOf(api).ci(`pools watch kimi26 --blocks europe --webhook ${hook.url}/${secret}`);
    expect(ended).toMatchObject({
      code: 0,
      stderr: `The webhook at ${new URL(hook.url).host} couldn't be notified: it returned 410 Gone.\n`,
    });
    expect(hook.requests).toHaveLength(1);
  });
});

describe('invalid arguments', () => {
  test.each([
    ['no pool', '--blocks europe', 'the pools'],
    ['no block', 'kimi26', 'the blocks'],
    ['an unknown block', 'kimi26 --blocks mars', '"mars"'],
    ['any block and a named one', 'kimi26 --blocks any,asia', '--blocks any or --blocks all'],
    ['any block, all together', 'kimi26 --blocks any --all-blocks', '--all-blocks'],
    ['an invalid interval', 'kimi26 --blocks asia --interval often', '"often" is not a valid duration for --interval'],
    ['an interval of zero', 'kimi26 --blocks asia --interval 0s', '0s'],
    ['a time limit of zero', 'kimi26 --blocks asia --for 0', '"0" is not a valid duration for --for'],
    ['a count of zero', 'kimi26 --blocks asia --count 0', '--count'],
    ['a count with --forever', 'kimi26 --blocks asia --count 2 --forever', '--forever'],
    ['--ensure with --again', 'kimi26 --blocks asia --subscribe --ensure --again --max-price 9 --yes', '--again'],
    ['several purchases', 'kimi26 --blocks asia --subscribe --count 2 --max-price 9 --yes', '--count'],
    ['a purchase with --forever', 'kimi26 --blocks asia --subscribe --forever --max-price 9 --yes', '--forever'],
    ['a price without --subscribe', 'kimi26 --blocks asia --max-price 9', '--subscribe'],
    ['a price that is not a number', 'kimi26 --blocks asia --subscribe --max-price much --yes', '--max-price'],
    ['a billing cycle without --subscribe', 'kimi26 --blocks asia --billing-cycle year', '--subscribe'],
    [
      'an unknown billing cycle',
      'kimi26 --blocks asia --subscribe --billing-cycle week --max-price 9 --yes',
      'month or year',
    ],
    ['a key without --subscribe', 'kimi26 --blocks asia --create-key x', '--subscribe'],
    ['a key without a name', 'kimi26 --blocks asia --subscribe --max-price 9 --yes --create-key=', 'empty'],
    ['a file without a key', 'kimi26 --blocks asia --subscribe --max-price 9 --yes --save .env', '--create-key'],
    [
      'a variable without a file',
      'kimi26 --blocks asia --subscribe --max-price 9 --yes --create-key x --var A',
      '--save',
    ],
    [
      'an invalid variable name',
      'kimi26 --blocks asia --subscribe --max-price 9 --yes --create-key x --save .env --var 1A',
      '1A',
    ],
    ['--ensure without --subscribe', 'kimi26 --blocks asia --ensure', '--subscribe'],
    ['--again without --subscribe', 'kimi26 --blocks asia --again', '--subscribe'],
    ['too many seats', 'kimi26 --blocks asia --quantity 21', '1 to 20'],
    ['an empty command', 'kimi26 --blocks asia --exec=', '--exec'],
    ['a webhook without encryption', 'kimi26 --blocks asia --webhook http://hooks.example/x', 'hooks.example'],
    ['an invalid webhook', 'kimi26 --blocks asia --webhook hooks', '--webhook'],
    ['an unknown field', 'kimi26 --blocks asia --fields nope', 'pricePerMonth'],
    ['no consent', 'kimi26 --blocks asia --subscribe --max-price 9', '--yes'],
    ['no limit', 'kimi26 --blocks asia --subscribe --yes', '--max-price'],
  ])('refuses %s before the first request', async (_what, args, named) => {
    const api = await recordedSandbox();
    const { code, stdout, stderr } = await userOf(api).ci(`pools watch ${args}`);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(named);
  });

  test('refuse an empty pool name', async () => {
    const { code, stderr } = await user().ci(['pools', 'watch', '', '--blocks', 'asia']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('pool slug is empty')]);
  });

  test('refuse an interval under 5 s, except for an API on this machine', async () => {
    const me = user({ CHEAPESTINFERENCE_API_URL: 'https://api.example.invalid' });
    const { code, stdout, stderr } = await me.ci('pools watch kimi26 --blocks asia --interval 4999ms');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      'ci: --interval 4999ms is too short. Pass at least --interval 5s. Only an API on this machine, such as the sandbox, can be checked more often.\n',
    );
    expect((await me.ci('pools watch kimi26 --blocks asia --interval 5s')).code).toBe(9);
    expect((await me.ci('pools watch kimi26 --blocks asia --interval 10ms --sandbox')).code).toBe(0);
  });
});

test('buys a scheduled opening in the sandbox', async () => {
  const me = user({ CHEAPESTINFERENCE_SANDBOX: '1' });
  const scheduled = await me.ci('sandbox schedule minimax-m3 americas --open-in 500ms --for 1m --seats 2 --json');
  expect(scheduled.code).toBe(0);
  const [drop] = listAt(JSON.parse(scheduled.stdout));
  expect(drop).toEqual({
    pool: 'minimax-m3',
    block: 'americas',
    opensAt: rfc3339,
    closesAt: rfc3339,
    seats: 2,
    rivals: 0,
    left: null,
  });
  expect(Date.parse(textAt(drop, 'closesAt')) - Date.parse(textAt(drop, 'opensAt'))).toBe(60_000);
  expect(names(await me.ci('pools watch minimax-m3 --blocks americas --interval 50ms --json'))).toEqual(['opened']);
  expect(cells((await me.ci('sandbox schedule')).stdout)[0]?.at(-1)).toBe('2');
  expect((await me.ci('sandbox schedule --clear')).stdout).toBe('');
  expect((await me.ci('pools list --block americas --fields slug')).stdout).toBe('kimi26\nglm5\n');
});

test.each([
  ['sandbox schedule kimi27 asia', 'kimi27'],
  ['sandbox schedule --seats 3', 'Missing arguments: pool and block'],
  ['sandbox schedule kimi26', 'Missing argument: block. Choose asia, europe or americas.'],
  ['sandbox schedule kimi26 mars', 'mars'],
  ['sandbox schedule kimi26 asia --seats 11', '10 seats'],
  ['sandbox schedule kimi26 asia --seats 0', '--seats'],
  ['sandbox schedule kimi26 asia --rivals -1', '--rivals'],
  ['sandbox schedule kimi26 asia --for 0', '"0" is not a valid duration for --for'],
  ['sandbox schedule kimi26 asia --open-in later', '"later" is not a valid duration for --open-in'],
  ['sandbox schedule kimi26 asia --clear', '--clear'],
])('exits with 2 for ci %s', async (line, named) => {
  const { code, stdout, stderr } = await user().ci(line);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(oneLine);
  expect(stderr).toContain(named);
});
