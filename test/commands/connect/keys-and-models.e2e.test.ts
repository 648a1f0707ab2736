import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { json } from '../../support/cli.ts';
import {
  connectionFiles,
  type KeyCustomer,
  keyCustomer,
  offering,
  outsideHours,
  storedKey,
  treeOf,
} from '../../support/connections.ts';
import { storeKeys } from '../../support/key-store.ts';
import { errorOf } from '../../support/lost.ts';
import { nodeOnly } from '../../support/program.ts';
import { at, creditKey, listAt, poolKey, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, deadUrl, half, reset, silence, webPage } from '../../support/servers.ts';
import { down, enter, onTerminal } from '../../support/terminal.ts';

const files = (me: KeyCustomer['me']) => [treeOf(me.home), connectionFiles(me)];

/** Runs a command that must fail without changing a file. @returns the exit code and the error */
async function refused({ me }: KeyCustomer, line: string, env = {}): Promise<readonly [number | null, unknown]> {
  const before = files(me);
  const ended = await me.ci(`${line} --json`, { env });
  expect([ended.stdout, files(me)]).toEqual(['', before]);
  return [ended.code, errorOf(ended)];
}

/** Returns the requests with a key to call models. */
const calls = ({ api }: KeyCustomer) => api.changes.filter((name) => name.startsWith('POST /v1/'));

describe('the key', () => {
  test.each([
    ['its name', () => '--key second'],
    ['its ID', (id: string) => `--key ${id}`],
    ['its pool', () => '--pool glm51'],
  ])('is the one of several that %s says', async (_what, option) => {
    const customer = await keyCustomer();
    const { id, apiKey } = await poolKey(customer.api.box, ['europe']);
    const others = { poolSlug: 'glm51' };
    const first = storedKey('app', customer.keyId, customer.secret);
    storeKeys(customer.me, [first, { ...storedKey('second', id, apiKey), ...others }], customer.api.url);
    const result = await customer.connect(`opencode ${option(id)}`);
    expect(result).toMatchObject({
      key: 'second',
      start: 'ci run --for none --key second -- opencode',
    });
    const used = customer.api.received.find(({ path }) => path === '/v1/models')?.headers.authorization;
    expect(used).toBe(`Bearer ${apiKey}`);
  });

  test('is asked for if there are several, on a terminal', async () => {
    const customer = await keyCustomer();
    const { id, apiKey } = await poolKey(customer.api.box, ['europe']);
    const first = storedKey('app', customer.keyId, customer.secret);
    storeKeys(customer.me, [first, storedKey('second', id, apiKey)], customer.api.url);
    const session = onTerminal(customer.me, 'connect opencode --yes', { columns: 160 });
    await session.shows('Key:');
    session.type(down + enter);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('✓ opencode uses kimi-k2.6 with key "second".');
  });

  test('has to be named without a terminal if there are several', async () => {
    const customer = await keyCustomer();
    const first = storedKey('app', customer.keyId, customer.secret);
    storeKeys(customer.me, [first, { ...first, name: 'second', id: 'other' }], customer.api.url);
    const [code, error] = await refused(customer, 'connect opencode --yes');
    expect([code, textAt(error, 'message')]).toEqual([2, '2 keys are stored on this machine']);
    expect(textAt(error, 'hint')).toMatch(/^Pass the name or ID of one with --key: app .*; second /);
  });

  test.each([
    ['--key other', 5, `The secret of key "other" isn't stored on this machine`],
    ['--pool glm51', 5, 'No key for pool "glm51" is stored on this machine'],
  ])('has to be stored (%s)', async (option, code, message) => {
    const [ended, error] = await refused(await keyCustomer(), `connect opencode --yes ${option}`);
    expect([ended, textAt(error, 'message')]).toEqual([code, message]);
  });

  test('has to be stored: none is', async () => {
    const customer = await keyCustomer();
    storeKeys(customer.me, [], customer.api.url);
    const [code, error] = await refused(customer, 'connect opencode --yes');
    expect([code, textAt(error, 'message'), textAt(error, 'hint')]).toEqual([
      5,
      'No key is stored on this machine',
      'Create one with `ci keys create NAME --store`, or store an existing one with `ci keys secret NAME --add`.',
    ]);
  });

  test.each([
    ['claude-code', 'Claude Code'],
    ['pi', 'pi'],
    ['codex', 'Codex'],
  ])('of %s has to be stored, not only in the environment', async (tool, title) => {
    const customer = await keyCustomer({ instead: offering(['kimi-k2.6']) });
    const { apiKey } = await creditKey(customer.api.box);
    const [code, error] = await refused(customer, `connect ${tool} --yes`, { CHEAPESTINFERENCE_API_KEY: apiKey });
    expect([code, textAt(error, 'message'), textAt(error, 'hint')]).toEqual([
      2,
      `${title} gets its key with \`ci keys secret\`, but sk_sandbox_…${apiKey.slice(-4)} from CHEAPESTINFERENCE_API_KEY isn't stored`,
      'Store it with `ci keys secret NAME --add`, or pass a stored key with --key.',
    ]);
  });

  test('of opencode can come from the environment, which needs no `ci run`', async () => {
    const customer = await keyCustomer();
    const { apiKey } = await poolKey(customer.api.box, ['europe']);
    const ended = await customer.me.ci('connect opencode --yes --json', { env: { CHEAPESTINFERENCE_API_KEY: apiKey } });
    expect([ended.code, json(ended)]).toMatchObject([0, { key: null, start: 'opencode', works: true }]);
    const [doctor] = await doctorOf(customer, { CHEAPESTINFERENCE_API_KEY: apiKey });
    expect(doctor).toMatchObject({ status: 'ok', detail: 'Uses kimi-k2.6 with the key from the environment' });
  });

  test('in the environment that is also stored is known by its name', async () => {
    const customer = await keyCustomer();
    const env = { CHEAPESTINFERENCE_API_KEY: customer.secret };
    const ended = await customer.me.ci('connect claude-code --yes --json', { env });
    expect([ended.code, json(ended)]).toMatchObject([0, { key: 'app', start: 'claude', works: true }]);
  });

  test('is named in the start command if the environment has another one', async () => {
    const customer = await keyCustomer();
    const { apiKey } = await poolKey(customer.api.box, ['europe']);
    const env = { CHEAPESTINFERENCE_API_KEY: apiKey };
    const ended = await customer.me.ci('connect opencode --key app --yes --json', { env });
    expect([ended.code, json(ended)]).toMatchObject([
      0,
      { key: 'app', start: 'ci run --for none --key app -- opencode' },
    ]);
  });

  test('is named in the start command without a stored default key', async () => {
    const { me, connect } = await keyCustomer();
    await me.ci('keys create other --credit --store');
    await me.ci('config set default-key other');
    expect((await me.ci('keys secret other --remove --yes')).code).toBe(0);
    expect(at(await connect('opencode --key app'), 'start')).toBe('ci run --for none --key app -- opencode');
  });

  test('and its URL from an option are in the start command', async () => {
    const customer = await keyCustomer();
    const { url } = customer.api;
    const ended = await customer.me.ci(`connect opencode --yes --json --api-url ${url}`);
    expect([ended.code, json(ended)]).toMatchObject([0, { start: `ci --api-url ${url} run --for none -- opencode` }]);
  });

  test.each(['second', 'app'])('stays the same if the tool is connected again (%s of two)', async (name) => {
    const customer = await keyCustomer();
    const { id, apiKey } = await poolKey(customer.api.box, ['europe']);
    const [first, second] = [storedKey('app', customer.keyId, customer.secret), storedKey('second', id, apiKey)];
    storeKeys(customer.me, [first, second], customer.api.url);
    await customer.connect(`claude-code --key ${name}`);
    const again = await customer.me.ci('connect claude-code --json');
    expect([again.code, json(again)]).toMatchObject([0, { status: 'unchanged', key: name }]);
    const other = name === 'app' ? 'second' : 'app';
    expect(await customer.connect(`claude-code --key ${other}`)).toMatchObject({ status: 'connected', key: other });
    storeKeys(customer.me, [name === 'app' ? first : second], customer.api.url);
    expect(await customer.connect('claude-code')).toMatchObject({ status: 'connected', key: name });
  });

  test('that was revoked is refused before anything is written', async () => {
    const customer = await keyCustomer();
    await customer.api.box.call('DELETE', `/api/keys/${customer.keyId}`);
    const [code, error] = await refused(customer, 'connect opencode --yes');
    expect([code, at(error, 'code'), at(error, 'status')]).toEqual([4, 'unauthorized', 401]);
  });
});

/** Returns what `ci doctor` says about connected tools. */
async function doctorOf({ me }: KeyCustomer, env = {}): Promise<unknown[]> {
  const ended = await me.ci('doctor --json', { env });
  const rows = listAt({ rows: json(ended) }, 'rows');
  return rows.slice(rows.findIndex((row) => at(row, 'check') === 'signed in') + 1);
}

describe('the model', () => {
  const two = ['kimi-k2.6', 'glm-5.1'];

  test('has to be one that the key offers', async () => {
    const customer = await keyCustomer({ instead: offering(two) });
    const [code, error] = await refused(customer, 'connect opencode --yes --model gpt');
    expect([code, textAt(error, 'message'), textAt(error, 'hint')]).toEqual([
      2,
      'This key doesn\'t offer the model "gpt"',
      'It offers kimi-k2.6 and glm-5.1.',
    ]);
  });

  test('has to be named without a terminal if there are several', async () => {
    const customer = await keyCustomer({ instead: offering(two) });
    const [code, error] = await refused(customer, 'connect opencode --yes');
    expect([code, textAt(error, 'message'), textAt(error, 'hint')]).toEqual([
      2,
      'This key offers several models',
      'Pass one with --model. It offers kimi-k2.6 and glm-5.1.',
    ]);
  });

  test('is asked for on a terminal', async () => {
    const customer = await keyCustomer({ instead: offering(two) });
    const session = onTerminal(customer.me, 'connect opencode --yes', { columns: 160 });
    await session.shows('Model:');
    session.type(down + enter);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('✓ opencode uses glm-5.1 with key "app".');
  });

  test('stays the same if the tool is connected again', async () => {
    const customer = await keyCustomer({ instead: offering(two) });
    await customer.connect('opencode --model glm-5.1');
    expect(json(await customer.me.ci('connect opencode --json'))).toMatchObject({
      status: 'unchanged',
      model: 'glm-5.1',
    });
  });

  test('keeps the context window that was passed, but not for another model', async () => {
    const customer = await keyCustomer({ instead: offering(['new-model-1', 'new-model-2']) });
    await customer.connect('opencode --model new-model-1 --context-window 50000');
    const text = () => treeOf(customer.me.home)['config/opencode/opencode.json'] ?? '';
    for (const line of ['connect opencode --json', 'connect opencode --model new-model-1 --json']) {
      const again = await customer.me.ci(line);
      expect([again.code, at(json(again), 'status'), text()]).toEqual([
        0,
        'unchanged',
        expect.stringContaining('"context": 50000'),
      ]);
    }
    await customer.connect('opencode --model new-model-2');
    expect(text()).not.toContain('"context"');
    await customer.connect('opencode --context-window 60000 --model new-model-2');
    expect(text()).toContain('"context": 60000');
  });

  test('is the one of the pool if the API does not list models outside the hours', async () => {
    const customer = await keyCustomer({ instead: outsideHours });
    const result = await customer.connect('opencode');
    expect(result).toMatchObject({ status: 'connected', model: 'kimi-k2.6', works: null });
    expect(textAt(result, 'detail')).toMatch(/^The key works from \d\d:\d\d local time \(in 10 hours\)/);
  });

  test("can't be known for a credit key if the API answers with 429", async () => {
    const customer = await keyCustomer({ blocks: [], facts: { poolSlug: undefined }, instead: outsideHours });
    const [code, error] = await refused(customer, 'connect opencode --yes');
    expect([code, at(error, 'status')]).toEqual([7, 429]);
  });

  test.each([
    ['--model', '--model=', '--model is empty'],
    ['a context window without it', '--context-window=1000', 'This key offers several models'],
  ])('is refused: %s', async (_what, option, message) => {
    const customer = await keyCustomer({ instead: offering(two) });
    const [code, error] = await refused(customer, `connect opencode --yes ${option}`);
    expect([code, textAt(error, 'message')]).toEqual([2, message]);
  });

  test('with an unknown context window leads to a note of what the tool does', async () => {
    const customer = await keyCustomer({ instead: offering(['new-model-1']) });
    const ended = await customer.me.ci('connect opencode --yes');
    expect([ended.code, ended.stderr.split('\n')[0]]).toEqual([
      0,
      "The context window of new-model-1 isn't known. Without it, opencode doesn't compact long sessions. If you know it, pass it with --context-window.",
    ]);
    expect(treeOf(customer.me.home)['config/opencode/opencode.json']).not.toContain('limit');
    const again = await customer.me.ci('connect opencode --yes --context-window 50000');
    expect([again.code, again.stderr]).toEqual([0, "opencode isn't installed on this machine.\n"]);
    expect(treeOf(customer.me.home)['config/opencode/opencode.json']).toContain('"context": 50000');
  });

  test('with an unknown context window is refused for Zed, which takes it with --context-window', async () => {
    const customer = await keyCustomer({ instead: offering(['new-model-1']) });
    const [code, error] = await refused(customer, 'connect zed --yes');
    expect([code, textAt(error, 'message'), textAt(error, 'hint')]).toEqual([
      2,
      "The context window of new-model-1 isn't known, and Zed needs it",
      'Look it up in the documentation of the model, and pass it with --context-window.',
    ]);
    expect(await customer.connect('zed --context-window 50000')).toMatchObject({ status: 'connected' });
    expect(treeOf(customer.me.home)['config/zed/settings.json']).toContain('"max_tokens": 50000');
  });

  test.each([
    ['no model', offering([])],
    ['only models that no file can hold', offering(['$(touch /tmp/x)', 'a b', ''])],
  ])('is missing: the key offers %s', async (_what, instead) => {
    const [code, error] = await refused(await keyCustomer({ instead }), 'connect opencode --yes');
    expect([code, textAt(error, 'message'), at(error, 'outcome')]).toEqual([
      6,
      "This key doesn't offer any model",
      'not_applied',
    ]);
  });
});

describe('a request with the key after the files are written', () => {
  test("isn't sent outside the hours of the seat: says when they begin, and exits with 0", async () => {
    const customer = await keyCustomer({ blocks: ['asia'] });
    const ended = await customer.me.ci('connect opencode --yes --json');
    expect([ended.code, json(ended)]).toMatchObject([
      0,
      {
        status: 'connected',
        works: null,
        detail: expect.stringMatching(
          /^The key works from \d\d:\d\d local time \(in 15 hours\), when its hours start\.$/,
        ),
      },
    ]);
    expect(Object.keys(treeOf(customer.me.home))).toContain('config/opencode/opencode.json');
  });

  // The stored hours are compared with the time of the machine.
  test.skipIf(nodeOnly('sets the clock'))("isn't sent if the stored hours don't include the present", async () => {
    const subscription = { status: 'active', hours: [0, 1, 2, 3, 4, 5, 6, 7] };
    const customer = await keyCustomer({ facts: { subscription } });
    const now = () => Date.UTC(2026, 3, 14, 9, 0, 0);
    const ended = await customer.me.ci('connect opencode --yes --json', { now });
    expect([ended.code, at(json(ended), 'works'), calls(customer)]).toEqual([0, null, []]);
    expect(textAt(json(ended), 'detail')).toBe(
      'The key works from 00:00 local time (in 15 hours), when its hours start.',
    );
  });

  test.each<[string, Behavior, number, boolean | null, RegExp]>([
    [
      '402',
      answer(402, { error: { message: 'Credit is used up' } }),
      8,
      false,
      /^A request with the key failed: .*Credit is used up\.$/,
    ],
    ['401', answer(401, { error: { message: 'Invalid API key' } }), 4, false, /^A request with the key failed: /],
    ['500', answer(500, { error: { message: 'Out of order' } }), 1, false, /^A request with the key failed: /],
    ['a web page', webPage(502), 1, false, /^A request with the key failed: /],
    ['a closed connection', reset, 9, false, /^A request with the key failed: /],
    ['half a response', half, 9, false, /^A request with the key failed: /],
    [
      '429 of a limit of requests at a time',
      answer(429, { error: { message: 'Too many concurrent requests' } }),
      0,
      null,
      /^The key can't be tried right now: Too many concurrent requests\.$/,
    ],
  ])('fails with %s: the settings stay, and the exit code says so', async (_what, behavior, code, works, detail) => {
    const customer = await keyCustomer({
      instead: offering(['kimi-k2.6'], ({ path }) => (path === '/v1/chat/completions' ? behavior : undefined)),
    });
    const ended = await customer.me.ci('connect opencode --yes --json');
    expect([ended.code, json(ended)]).toMatchObject([
      code,
      { status: 'connected', works, detail: expect.stringMatching(detail) },
    ]);
    expect(Object.keys(treeOf(customer.me.home))).toContain('config/opencode/opencode.json');
    expect(calls(customer)).toEqual(['POST /v1/chat/completions']);
  });

  test('uses the format of the tool', async () => {
    const customer = await keyCustomer();
    await customer.connect('claude-code');
    expect(customer.api.changes).toEqual(['POST /anthropic/v1/messages']);
    const { body } = await customer.api.got('POST');
    expect(JSON.parse(body)).toMatchObject({ model: 'kimi-k2.6', messages: [{ role: 'user' }] });
  });
});

describe('codex', () => {
  const probe = (behavior: Behavior) =>
    offering(['kimi-k2.6'], ({ path }) => (path === '/v1/responses' ? behavior : undefined));

  test('sends no real request with --dry-run or before you agree', async () => {
    const customer = await keyCustomer({ instead: answering(400) });
    expect((await customer.me.ci('connect codex --dry-run')).code).toBe(0);
    expect((await customer.me.ci('connect codex')).code).toBe(2);
    const sent = customer.api.received.filter(({ path }) => path === '/v1/responses');
    expect(sent.map(({ body }) => body)).toEqual(['{}', '{}']);
  });

  test('stays connected if the real request fails, and exits with its code', async () => {
    const customer = await keyCustomer({
      instead: offering(['kimi-k2.6'], ({ path, body }) =>
        path === '/v1/responses'
          ? answer(body === '{}' ? 400 : 402, { error: { message: 'Credit is used up' } })
          : undefined,
      ),
    });
    const ended = await customer.me.ci('connect codex --yes --json');
    expect([ended.code, json(ended)]).toMatchObject([8, { status: 'connected', works: false }]);
    expect(Object.keys(treeOf(customer.me.home))).toContain('.codex/config.toml');
  });

  test('is refused without /v1/responses, and exits with 6', async () => {
    const customer = await keyCustomer();
    const [code, error] = await refused(customer, 'connect codex --yes');
    expect([code, error]).toMatchObject([
      6,
      {
        ...{ code: 'unavailable', status: null, outcome: 'not_applied' },
        message: "Codex needs /v1/responses, and the API doesn't have it",
        hint: 'Nothing was changed. Connect another tool, such as opencode: `ci connect opencode`.',
      },
    ]);
  });

  test.each([405, 501])('is refused if /v1/responses answers with %i', async (status) => {
    const customer = await keyCustomer({ instead: probe(answer(status, { error: { message: 'No' } })) });
    const [code, error] = await refused(customer, 'connect codex --yes');
    expect([code, at(error, 'code')]).toEqual([6, 'unavailable']);
  });

  test.each([
    [401, 4],
    [402, 8],
    [429, 7],
    [500, 1],
  ])('is not connected if the request for that fails with %i', async (status, exitCode) => {
    const customer = await keyCustomer({ instead: probe(answer(status, { error: { message: 'No' } })) });
    const [code, error] = await refused(customer, 'connect codex --yes');
    expect([code, at(error, 'status')]).toEqual([exitCode, status]);
  });

  /** Answers a request without a model with some status, and a real one. */
  const answering = (status: number) =>
    offering(['kimi-k2.6'], ({ path, body }) =>
      path === '/v1/responses' && body === '{}'
        ? answer(status, { error: { message: 'model is required' } })
        : undefined,
    );

  test.each([400, 422])('is connected if a request without a model is refused with %i', async (status) => {
    const customer = await keyCustomer({ instead: answering(status) });
    expect(await customer.connect('codex')).toMatchObject({
      works: true,
      start: 'codex',
      detail: 'The key works.',
      files: [customer.at('.codex/config.toml')],
    });
    expect(calls(customer)).toEqual(['POST /v1/responses', 'POST /v1/responses']);
    const sent = customer.api.received.filter(({ path }) => path === '/v1/responses');
    expect(sent.map(({ body }) => JSON.parse(body))).toEqual([
      {},
      { model: 'kimi-k2.6', input: expect.stringMatching(/./) },
    ]);
    expect(treeOf(customer.me.home)['.codex/config.toml']).toContain('wire_api = "responses"\n');
    await customer.me.ci('connect codex --undo --yes');
    expect(Object.keys(treeOf(customer.me.home))).toEqual(['config']);
  });
});

describe('a hostile list of models', () => {
  const nasty = [
    'a"b',
    "a'b",
    'a\nb',
    'a`b`',
    '$(touch owned)',
    '$HOME',
    '../../etc/passwd',
    '-rf',
    '\u001b[31mred',
    '\u0000',
    'ünïcode',
    'a b',
    'a\\b',
    'a;b',
    '# >>> CheapestInference >>>',
    'x'.repeat(201),
    '__proto__',
  ];

  test.each(['opencode', 'claude-code', 'crush', 'aider', 'llm', 'litellm', 'qwen-code', 'goose', 'zed', 'pi'])(
    'writes none of its unusual names to the files of %s',
    async (tool) => {
      const customer = await keyCustomer({ instead: offering([...nasty, 'kimi-k2.6']) });
      const result = await customer.connect(`${tool} --model kimi-k2.6`);
      const texts = listAt(result, 'files').map((file) => readFileSync(String(file), 'utf8'));
      expect(texts.length).toBeGreaterThan(0);
      for (const text of texts) {
        for (const name of nasty.filter((each) => each !== '# >>> CheapestInference >>>'))
          expect(text.includes(name)).toBe(false);
      }
      await customer.me.ci(`connect ${tool} --undo --yes`);
      expect(Object.keys(treeOf(customer.me.home))).toEqual(['config']);
    },
  );

  // An argument of a process has no NUL.
  const asArguments = nasty.filter((name) => !name.includes('\u0000'));

  test.each(asArguments)('refuses --model %j', async (name) => {
    const customer = await keyCustomer({ instead: offering([name, 'kimi-k2.6']) });
    const before = files(customer.me);
    const { code, stdout, stderr } = await customer.me.ci(['connect', 'opencode', '--yes', `--model=${name}`]);
    expect([code, stdout, files(customer.me)]).toEqual([2, '', before]);
    expect(stderr).toMatch(/^ci: This key doesn't offer the model "/);
    expect(stderr).not.toContain('\u001b');
  });

  test('can be long, and be empty in parts', async () => {
    const ids = Array.from({ length: 5000 }, (_, at) => `vendor/model-${at}`);
    const customer = await keyCustomer({ instead: offering([...ids, ...ids, 'kimi-k2.6']) });
    const [code, error] = await refused(customer, 'connect opencode --yes --model gpt');
    expect([code, textAt(error, 'hint').length < 700]).toEqual([2, true]);
    expect(textAt(error, 'hint')).toMatch(/, and 4981 more \(`ci models`\)\.$/);
    await customer.connect('opencode --model kimi-k2.6');
    const text = treeOf(customer.me.home)['config/opencode/opencode.json'] ?? '';
    expect(text.match(/"vendor\/model-\d+": /g)).toHaveLength(5000);
    await customer.me.ci('connect opencode --undo --yes');
    expect(Object.keys(treeOf(customer.me.home))).toEqual(['config']);
  });

  test('in the Anthropic format keeps the sentence of the model harmless', async () => {
    const content = [{ type: 'text', text: 'Hi \u001b[31m\u0007there\nsecond line' }];
    const customer = await keyCustomer({
      instead: offering(['kimi-k2.6'], ({ path }) =>
        path === '/anthropic/v1/messages' ? answer(200, { id: 'm', content }) : undefined,
      ),
    });
    const session = onTerminal(customer.me, 'connect claude-code --yes', { columns: 160 });
    expect(await session.exit).toBe(0);
    expect(session.written).not.toContain('\u001b[31m\u0007');
    expect(session.screen).toContain('✓ The key works. kimi-k2.6 says: Hi ');
    expect(session.screen).not.toContain('second line');
  });

  test.each<[string, Behavior, number]>([
    ['breaks off', half, 9],
    ['is reset', reset, 9],
    ['is a web page', webPage(200), 1],
    ['has another form', answer(200, { data: [{ name: 'kimi-k2.6' }] }), 1],
    ['has no data', answer(200, {}), 1],
    ['has a name of 2 MB', answer(200, { data: [{ id: 'y'.repeat(2_000_000) }, { id: 'kimi-k2.6' }] }), 1],
    ['is forbidden', answer(403, { error: { message: 'No' } }), 4],
    ['never comes', silence, 9],
  ])('that %s: nothing is written', async (_what, behavior, exitCode) => {
    const customer = await keyCustomer({ instead: ({ path }) => (path === '/v1/models' ? behavior : undefined) });
    // Only a response that never comes needs a short limit.
    const limit = behavior === silence ? '--timeout 1s' : '';
    const [code] = await refused(customer, `connect opencode --yes ${limit}`);
    expect(code).toBe(exitCode);
  });
});

test('writes nothing if the API is unreachable', async () => {
  const customer = await keyCustomer();
  storeKeys(customer.me, [storedKey('app', customer.keyId, customer.secret)], deadUrl);
  const [code, error] = await refused(customer, 'connect opencode --yes', { CHEAPESTINFERENCE_API_URL: deadUrl });
  expect([code, at(error, 'code')]).toEqual([9, 'unreachable']);
});
