import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { startChain, type TestChain } from '../support/chain.ts';
import { cells, type Ended, json, lines, namesIn, oneLine, type User, user, userOf } from '../support/cli.ts';
import { csvRows } from '../support/csv.ts';
import { payer, payTo, shop } from '../support/payer.ts';
import { sharedPostgres } from '../support/postgres.ts';
import { lacksPostgres } from '../support/postgres-programs.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import { seatHolder, serveGateway } from '../support/seat-holder.ts';
import { answer, appliedThen, data, recordedSandbox, reset, server } from '../support/servers.ts';
import { enter, onTerminal, shown } from '../support/terminal.ts';

/** One command as `ci help --json` has it. */
interface Leaf {
  /** `pools list`. */
  readonly path: string;
  readonly command: unknown;
  readonly fields: readonly string[];
  readonly examples: readonly string[];
  readonly exitCodes: readonly number[];
}

/** The commands that do something; one may have others below it. */
function leaves(tree: unknown, above: readonly string[] = []): Leaf[] {
  return listAt(tree, 'commands').flatMap((command) => {
    const words = [...above, textAt(command, 'name')];
    const below = leaves(command, words);
    const fields = listAt(command, 'fields').map(String);
    const examples = listAt(command, 'examples').map(String);
    const exitCodes = listAt(command, 'exitCodes').map(Number);
    if (below.length > 0 && exitCodes.length === 0) return below;
    return [{ path: words.join(' '), command, fields, examples, exitCodes }, ...below];
  });
}

/** Returns the path of a command, and those with its aliases. */
function pathsOf({ path, command }: Leaf): string[] {
  const aliases = listAt(command, 'aliases').map((alias) => path.replace(/\S+$/, String(alias)));
  return [path, ...aliases];
}

const tree = async (): Promise<Leaf[]> => leaves(json(await user().ci('help --json')));

describe('a help topic', () => {
  test('lists every exit code and its error codes', async () => {
    const { code, stdout, stderr } = await user().ci('help exit-codes');
    expect([code, stderr]).toEqual([0, '']);
    const told = lines(stdout).flatMap((line) => /^ +(\d+) {2}\S/.exec(line)?.[1] ?? []);
    expect(told.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 125, 126, 127, 130]);
    for (const name of [
      'declined',
      'secret_lost',
      'usage',
      'not_found',
      'busy',
      'rate_limited',
      'outcome_unknown',
      'filter_failed',
      'command_not_executable',
      'command_not_found',
    ]) {
      expect(stdout).toContain(name);
    }
  });

  test('lists every environment variable', async () => {
    const { code, stdout, stderr } = await user().ci('help environment');
    expect([code, stderr]).toEqual([0, '']);
    for (const name of [
      ...['MANAGEMENT_KEY', 'API_KEY', 'API_URL', 'PROFILE', 'SANDBOX', 'CONFIG_DIR', 'OUTPUT'].map(
        (each) => `CHEAPESTINFERENCE_${each}`,
      ),
      ...['NO_COLOR', 'FORCE_COLOR', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'],
    ]) {
      expect(stdout).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test('describes every output format and errors', async () => {
    const { code, stdout, stderr } = await user().ci('help output');
    expect([code, stderr]).toEqual([0, '']);
    for (const word of ['--json', '--jq', 'csv', 'yaml', '--fields', 'not_applied', 'unknown', 'stderr']) {
      expect(stdout).toContain(word);
    }
  });

  test.each(['exit-codes', 'environment', 'output'])('fits in 80 columns and is not a command: %s', async (topic) => {
    const me = user();
    const { code, rows } = await shown(me, `help ${topic}`);
    expect([code, rows.filter((row) => row.length > 80)]).toEqual([0, []]);
    expect((await me.ci(`help ${topic}`)).stdout.split('\n').filter((row) => row.length > 80)).toEqual([]);
    const { code: asCommand, stderr } = await me.ci(topic);
    expect([asCommand, stderr]).toEqual([2, expect.stringMatching(oneLine)]);
  });

  test('can follow global options', async () => {
    const topic = await user().ci('help output');
    for (const line of ['--no-color help output', '--profile other help output']) {
      expect([line, await user().ci(line)]).toEqual([line, topic]);
    }
  });

  test('is refused if it is unknown', async () => {
    for (const line of ['help exit-code', 'help pools output', 'help constructor']) {
      const { code, stdout, stderr } = await user().ci(line);
      expect([line, code, stdout]).toEqual([line, 2, '']);
      expect(stderr).toMatch(oneLine);
    }
  });
});

describe('`ci help --json`', () => {
  test('is the same as `ci --json help`', async () => {
    expect(await user().ci('--json help')).toEqual(await user().ci('help --json'));
  });

  test('prints the command tree with everything a program needs', async () => {
    const whole = json(await user().ci('help --json'));
    expect(textAt(whole, 'name')).toBe('ci');
    for (const { path, command, examples, exitCodes } of leaves(whole)) {
      expect([path, namesIn(command)]).toEqual([
        path,
        expect.arrayContaining([
          'name',
          'aliases',
          'description',
          'arguments',
          'options',
          'examples',
          'fields',
          'exitCodes',
          'changes',
        ]),
      ]);
      expect([path, textAt(command, 'description')]).toEqual([path, expect.stringMatching(/\S/)]);
      expect([path, examples.length > 0, examples.every((line) => /\bci /.test(line))]).toEqual([path, true, true]);
      expect([path, exitCodes.slice(0, 2)]).toEqual([path, path === 'run' ? [0, 125] : [0, 1]]);
      expect([path, exitCodes.toSorted((a, b) => a - b)]).toEqual([path, exitCodes]);
    }
  });

  test('has all commands', async () => {
    const paths = (await tree()).map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'status',
        'export',
        'plan',
        'apply',
        ...['login', 'logout', 'status', 'list', 'switch', 'token'].map((verb) => `auth ${verb}`),
        ...['list', 'view', 'quote', 'subscribe', 'watch', 'subscriptions', 'keys', 'cancel'].map(
          (verb) => `pools ${verb}`,
        ),
        ...['list', 'create', 'rotate', 'delete'].map((verb) => `keys ${verb}`),
        ...['status', 'credits', 'topup', 'verify', 'card', 'subscribe', 'checkout', 'cancel'].map(
          (verb) => `billing ${verb}`,
        ),
        'plans list',
        'agent plans',
        'usage',
        'usage snapshot',
        'usage report',
        'api',
        ...['serve', 'reset', 'advance', 'schedule', 'path'].map((verb) => `sandbox ${verb}`),
        ...['get', 'set', 'unset', 'list', 'path'].map((verb) => `config ${verb}`),
        ...['login', 'logout', 'whoami', 'version', 'models'],
        'gateway',
        ...['status', 'stop', 'token', 'install', 'export'].map((verb) => `gateway ${verb}`),
        'history',
        'history reconcile',
        ...['init', 'status', 'move', 'sync', 'gc'].map((verb) => `state ${verb}`),
        'doctor',
        'open',
        ...['install', 'bash', 'zsh', 'fish', 'powershell'].map((verb) => `completion ${verb}`),
      ]),
    );
  });

  test('marks the commands that change something', async () => {
    const changing = (await tree()).filter(({ command }) => at(command, 'changes') === true).map(({ path }) => path);
    expect(changing).toEqual(
      expect.arrayContaining([
        'apply',
        'pools subscribe',
        'pools watch',
        'pools cancel',
        'keys create',
        'keys rotate',
        'keys delete',
        'billing topup',
        'auth login',
      ]),
    );
    for (const path of [
      'pools list',
      'status',
      'export',
      'plan',
      'usage',
      'billing credits',
      'auth token',
      'history',
      'doctor',
    ]) {
      expect(changing).not.toContain(path);
    }
  });

  test('has the aliases', async () => {
    const all = await tree();
    const aliases = (path: string) => listAt(all.find((leaf) => leaf.path === path)?.command, 'aliases');
    for (const path of ['pools list', 'keys list', 'auth list', 'config list', 'plans list']) {
      expect([path, aliases(path)]).toEqual([path, ['ls']]);
    }
    expect(aliases('keys delete')).toEqual(['revoke', 'rm']);
  });

  test('has the examples, fields, exit codes and options of the help of each command', async () => {
    const me = user();
    for (const { path, command, fields, examples, exitCodes } of await tree()) {
      const { code, stdout, stderr } = await me.ci(`${path} --help`);
      expect([path, code, stderr]).toEqual([path, 0, '']);
      expect(stdout).toMatch(new RegExp(`^Usage: ci ${path}\\b`));
      for (const example of examples)
        expect([path, stdout]).toEqual([path, expect.stringContaining(`  $ ${example}\n`)]);
      expect(stdout).toContain(`Exit codes: ${exitCodes.join(', ')}`);
      for (const option of listAt(command, 'options')) {
        expect([path, stdout]).toEqual([path, expect.stringContaining(textAt(option, 'flags'))]);
      }
      const [, told = ''] = /\nJSON fields:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
      expect([path, told.split(/[\s,]+/).filter((word) => word !== '')]).toEqual([path, fields]);
    }
  });

  test('has only examples with known commands and options', async () => {
    const all = await tree();
    for (const { path, examples } of all) {
      for (const example of examples) {
        const typed = /(?:^|[|(] *|&& *)ci ([a-z][^|)&#]*)/.exec(example)?.[1] ?? '';
        // If a noun is a command itself and also has this verb, use the verb.
        const named = all.findLast((leaf) => pathsOf(leaf).some((each) => `${typed} `.startsWith(`${each} `)));
        expect([path, example, named !== undefined]).toEqual([path, example, true]);
        const flags = listAt(named?.command, 'options').map((option) => textAt(option, 'flags'));
        const global = ['--json', '--yes', '--jq', '--fields', '--profile', '--sandbox', '--output', '--timeout'];
        for (const [flag] of typed.matchAll(/(?<= )--[a-z-]+/g)) {
          const known = global.includes(flag) || flags.some((each) => each.split(/[ ,]+/).includes(flag));
          expect([example, flag, known]).toEqual([example, flag, true]);
        }
      }
    }
  });
});

describe('the fields in help are those of a real result', () => {
  const hash = `0x${'0123456789abcdef'.repeat(4)}`;
  const database = lacksPostgres ? () => expect.fail('PostgreSQL is not installed') : sharedPostgres({ fsync: false });

  /** An account with one of everything. */
  async function account() {
    const api = await recordedSandbox();
    const me = userOf(api);
    const { box } = api;
    await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    await box.data('POST', '/api/keys/subscription', { name: 'prod' });
    const credit = await box.data('POST', '/api/keys/credit', { name: 'client-acme', maxBudget: 25 });
    return { api, me, env: { CHEAPESTINFERENCE_API_KEY: textAt(credit, 'apiKey') } };
  }

  /** An API that sells flat plans. */
  function seller(made: object) {
    return server((request, response) =>
      (request.path === '/api/plans'
        ? answer(200, [{ slug: 'pro', name: 'Pro', priceUsdc: 20, rateLimits: { tpm_limit: 1, rpm_limit: 1 } }])
        : data(made))(request, response),
    );
  }

  const login = { stdin: 'mk_of_the_tests_0123456789abcdef' };

  /** For each command, what prints all that it can. What some answers lack is named after it. */
  const answers: Readonly<Record<string, readonly [() => Promise<readonly Ended[]>, ...optional: string[]]>> = {
    status: [() => asked('status --json')],
    // Only the profile's limit is a ceiling, and nothing is managed before someone writes it down.
    export: [() => asked('export --json'), 'ceilings', 'managed'],
    plan: [async () => [await (await account()).me.ci('plan - --json', { stdin: 'version: 1\n' })]],
    apply: [
      async () => [await (await account()).me.ci('apply - --yes --max-charge 0 --json', { stdin: 'version: 1\n' })],
    ],
    'pools list': [() => asked('pools list --json')],
    // In the list only, as the documents have it.
    'pools view': [() => asked('pools view kimi26 --json'), 'models'],
    'pools quote': [() => asked('pools quote kimi26 --blocks all --json')],
    'pools subscribe': [
      () =>
        asked(
          'pools subscribe minimax-m3 --blocks europe --dry-run --json',
          'pools subscribe minimax-m3 --blocks europe --create-key x --yes --json',
          'pools subscribe minimax-m3 --blocks europe --quantity 2 --yes --json',
          'pools subscribe kimi26 --blocks europe --ensure --yes --json',
        ),
    ],
    'pools watch': [() => asked('pools watch kimi26 --blocks europe --json')],
    'pools subscriptions': [() => asked('pools subscriptions --json'), 'poolId'],
    'pools keys': [() => asked('pools keys kimi26 --json')],
    'pools cancel': [() => asked('pools cancel kimi26 --yes --json'), 'poolId'],
    'keys list': [() => asked('keys list --json')],
    'keys create': [
      () =>
        asked(
          'keys create a --json',
          'keys create b --save .env --json',
          'keys create --from - --save-to secrets.csv --yes --json',
        ),
    ],
    'keys rotate': [
      () => asked('keys rotate prod --save .env --yes --json', 'keys rotate prod client-acme --store --yes --json'),
    ],
    'keys delete': [() => asked('keys delete prod --yes --json', 'keys delete --from - --yes --json')],
    usage: [
      async () => [
        ...(await asked('usage --json', 'usage --self --json', 'usage --all --json')),
        await usageOfGateway(),
      ],
    ],
    'usage snapshot': [
      () => asked('usage snapshot --json', 'usage snapshot --install --timer cron --dry-run --json --sandbox'),
    ],
    'usage report': [() => asked('usage snapshot --json', 'usage report --month 2026-04 --json').then(last)],
    'billing status': [() => asked('billing status --json')],
    'billing credits': [() => asked('billing credits --json')],
    'billing topup': [
      async () => {
        const { me } = await account();
        const waiting = me.start('billing topup 25 --wait --json');
        const [, page = ''] = await waiting.stderr(/here: (http:\S+)/);
        await fetch(page, { method: 'POST' });
        return [await waiting.ended, await me.ci('billing topup 25 --method usdc --json')];
      },
    ],
    'billing verify': [
      async () => {
        const { api, me } = await account();
        await api.box.data('POST', '/api/billing/topup', { amount: 25, method: 'usdc' });
        await api.box.call('POST', '/api/billing/verify-topup', { body: { txHash: hash, amount: 25 } });
        return [await me.ci(`billing verify ${hash} --amount 25 --json`)];
      },
    ],
    // The sandbox gives `url`; other answers name the page otherwise.
    'billing card': [() => asked('billing card --json'), 'sessionUrl'],
    'billing subscribe': [
      async () => {
        const made = { subscriptionId: 's', planSlug: 'pro', status: 'active', currentPeriodEnd: '2026-05-14' };
        const api = await seller({ ...made, key: null });
        return [await userOf(api).ci('billing subscribe pro --yes --json')];
      },
      'keyError',
    ],
    'billing checkout': [
      async () => {
        const api = await seller({ sessionUrl: 'https://pay.example', sessionId: 'cs_1' });
        return [await userOf(api).ci('billing checkout pro --json')];
      },
    ],
    'billing cancel': [
      async () => [await userOf(await seller({ canceled: true })).ci('billing cancel s --yes --json')],
    ],
    'plans list': [async () => [await userOf(await seller({})).ci('plans list --json')]],
    // Older catalogs have plans with one price.
    'agent plans': [() => asked('agent plans --json'), 'plan', 'price'],
    'auth login': [async () => [await signedIn(({ ci }) => ci('auth login --with-key --json', login))]],
    login: [async () => [await signedIn(({ ci }) => ci('login --with-key --json', login))]],
    logout: [async () => [await signedIn(({ ci }) => ci('logout --json'))]],
    whoami: [async () => [await signedIn(({ ci }) => ci('whoami --json'))]],
    version: [() => asked('version --json')],
    models: [() => asked('models --json')],
    connect: [() => asked('connect --json', 'connect opencode --model kimi-k2.6 --dry-run --json')],
    'auth logout': [async () => [await signedIn(({ ci }) => ci('auth logout --json'))]],
    'auth status': [async () => [await signedIn(({ ci }) => ci('auth status --json'))]],
    'auth list': [async () => [await signedIn(({ ci }) => ci('auth list --json'))]],
    'auth switch': [async () => [await signedIn(({ ci }) => ci('auth switch default --json'))]],
    'auth token': [async () => [await signedIn(({ ci }) => ci('auth token --json'))]],
    history: [
      async () => {
        const { me } = await account();
        await me.ci('keys create a --credit');
        return [await me.ci('history --json')];
      },
    ],
    'history reconcile': [
      async () => {
        let down = false;
        const api = await recordedSandbox({
          instead: ({ method }, box) => {
            if (method === 'GET') return down ? answer(403, 'Closed for today') : undefined;
            down = true;
            return appliedThen(box, reset);
          },
        });
        const me = userOf(api);
        expect((await me.ci('keys create a --credit')).code).toBe(10);
        down = false;
        return [await me.ci('history reconcile --json')];
      },
    ],
    'keys secret': [() => asked('keys create new --credit --store --json', 'keys secret new --json').then(last)],
    env: [() => asked('keys create new --credit --store --json', 'env --json').then(last)],
    'config get': [() => asked('config get output --json')],
    'config set': [() => asked('config set output json --json')],
    'config unset': [() => asked('config unset output --json')],
    'config list': [() => asked('config list --json')],
    'config path': [() => asked('config path --json')],
    'sandbox serve': [
      async () => {
        const serving = user().start('sandbox serve --port 0 --json');
        await serving.stdout(/\n/);
        serving.kill('SIGINT');
        return [await serving.ended];
      },
    ],
    'sandbox reset': [() => asked('sandbox reset --json')],
    'sandbox advance': [() => asked('sandbox advance 1h --json')],
    'sandbox schedule': [() => asked('sandbox schedule minimax-m3 americas --json')],
    'sandbox path': [() => asked('sandbox path --json')],
    setup: [setUp],
    'completion install': [() => asked('completion install fish --yes --json')],
    'agent subscribe': [() => paid('agent subscribe kimi26 --blocks europe --save .env')],
    'agent topup': [() => paid('agent topup 25 --save .env')],
    'agent claim': [claimed],
    'agent wallet create': [() => owned('agent wallet create b --password-file password --json')],
    'agent wallet import': [() => owned('agent wallet import b --password-file password --json')],
    'agent wallet list': [() => owned('agent wallet list --json')],
    'agent wallet address': [() => owned('agent wallet address a --json')],
    gateway: [
      async () => {
        const { gateway } = await served();
        await gateway.chat();
        const { stdout, ...ended } = await gateway.stop();
        return lines(stdout).map((line) => ({ ...ended, stdout: line }));
      },
    ],
    'gateway status': [async () => [await (await served()).me.ci('gateway status --json')]],
    'gateway stop': [
      async () => {
        const { me } = await served({ process: true });
        return [await me.process('gateway stop --json')];
      },
    ],
    'gateway token': [() => asked('gateway token --json')],
    'gateway install': [() => asked('gateway install --dry-run --json --sandbox')],
    'gateway export': [() => asked('keys create new --store --json', 'gateway export litellm --json').then(last)],
    'state init': [() => withDatabase('state init --json', 'state init --sql --json')],
    'state status': [() => withDatabase('state init --json', 'state status --json').then(last)],
    'state move': [() => withDatabase('state init --json', 'state move --json').then(last)],
    'state sync': [() => withDatabase('state init --json', 'state sync --json').then(last)],
    'state gc': [() => withDatabase('state init --json', 'state gc --older-than 90d --yes --json').then(last)],
    open: [() => asked('open --json')],
    doctor: [() => asked('doctor --json')],
  };

  /** Runs lines in one account. */
  async function asked(...list: readonly string[]): Promise<readonly Ended[]> {
    const { me, env } = await account();
    const ended: Ended[] = [];
    for (const line of list) ended.push(await me.ci(line, { env }));
    return ended;
  }

  /** Runs lines with an empty state database. */
  async function withDatabase(...list: readonly string[]): Promise<readonly Ended[]> {
    const me = user({ CHEAPESTINFERENCE_STATE_URL: await database().freshSchema() });
    const ended: Ended[] = [];
    for (const line of list) ended.push(await me.ci(line));
    return ended;
  }

  /** Returns the result of the last line alone. */
  function last(ended: readonly Ended[]): readonly Ended[] {
    return ended.slice(-1);
  }

  /** Serves a gateway for a seat. */
  async function served(setting: Parameters<typeof serveGateway>[2] = {}) {
    const { me } = await seatHolder();
    return { me, gateway: await serveGateway(me, '', setting) };
  }

  /** Returns the usage of a gateway's clients. */
  async function usageOfGateway(): Promise<Ended> {
    const { me, gateway } = await served();
    await gateway.chat();
    await gateway.stop();
    return me.ci('usage --gateway --json');
  }

  /** Runs a line of a user with a wallet, and a private key on standard input. */
  async function owned(line: string): Promise<readonly Ended[]> {
    const me = user();
    writeFileSync(path.join(me.home, 'password'), 'x');
    await me.ci('agent wallet create a --password-file password');
    return [await me.ci(line, { stdin: '1'.repeat(64) })];
  }

  /** Runs a line that pays with USDC on a chain of its own. */
  async function paid(line: string): Promise<readonly Ended[]> {
    const chain = await chainOfTest();
    const me = await payer(chain, await shop(chain));
    return [withoutKeyId(await me.pays(`${line} --password-file password --yes --json`))];
  }

  /** Claims a subscription and credit with payments that another program made. */
  async function claimed(): Promise<readonly Ended[]> {
    const chain = await chainOfTest();
    const me = await payer(chain, await shop(chain));
    const [from] = chain.accounts;
    await chain.setUsdc(from, 1_000_000_000n);
    const [first, second] = [await chain.send(from, payTo, 45_000_000n), await chain.send(from, payTo, 10_000_000n)];
    const message = await me.ci(`agent claim ${first} --print-message --json`);
    const text = `0x${Buffer.from(textAt(json(message), 'message')).toString('hex')}`;
    const signature = String(await chain.rpc('personal_sign', [text, from]));
    const subscription = `${first} --pool kimi26 --blocks americas --signature ${signature} --save .env`;
    return [
      message,
      withoutKeyId(await me.pays(`agent claim ${subscription} --json`)),
      await me.pays(`agent claim ${second} --credit --json`),
    ];
  }

  /** Starts a chain for one test. */
  async function chainOfTest(): Promise<TestChain> {
    const chain = await startChain();
    onTestFinished(() => chain.close());
    return chain;
  }

  /** Leaves out a field that only the sandbox returns. The guides of the API don't say what a claim returns. */
  function withoutKeyId(ended: Ended): Ended {
    return { ...ended, stdout: ended.stdout.replace(/"keyId":"[^"]*",/, '') };
  }

  /** Answers the wizard, which asks on a terminal, and takes the result from the screen. */
  async function setUp(): Promise<readonly Ended[]> {
    const { me } = await account();
    const session = onTerminal(me, 'setup --json', { columns: 200 });
    for (const question of ['Create a key for:', 'Key name:', 'Save the key to:']) {
      await session.shows(question);
      session.type(enter);
    }
    const code = await session.exit;
    return [{ code, signal: null, stdout: /^\{\n[\s\S]*^\}$/m.exec(session.screen)?.[0] ?? '', stderr: '' }];
  }

  /** Calls a function as a signed-in user. */
  async function signedIn(act: (me: User) => Promise<Ended>): Promise<Ended> {
    const me = user({ CHEAPESTINFERENCE_API_URL: (await recordedSandbox()).url });
    await me.ci('auth login --with-key', login);
    return act(me);
  }

  const runnable = Object.entries(answers).filter(([path]) => !lacksPostgres || !path.startsWith('state '));

  test.each(runnable)('ci %s', async (path, [run, ...optional]) => {
    const named = (await tree()).find((leaf) => leaf.path === path)?.fields ?? [];
    const printed = new Set<string>();
    for (const { code, stdout } of await run()) {
      expect([code, stdout.startsWith('{') || stdout.startsWith('[')]).toEqual([expect.toBeOneOf([0, 130]), true]);
      const value: unknown = JSON.parse(stdout);
      for (const each of Array.isArray(value) ? value : [value]) for (const name of namesIn(each)) printed.add(name);
    }
    expect([...printed].filter((name) => !named.includes(name))).toEqual([]);
    expect(named.filter((name) => !printed.has(name))).toEqual(optional);
  });

  test('for every command with fields', async () => {
    const withFields = (await tree()).filter(({ fields }) => fields.length > 0).map(({ path }) => path);
    expect(withFields.filter((path) => !(path in answers))).toEqual([]);
  });
});

describe('a command that reads has the same result in every format:', () => {
  test.each([
    ['pools keys kimi26', 'list'],
    ['billing credits', 'object'],
    ['status', 'object'],
    ['status --check', 'list'],
    ['usage', 'list'],
    ['usage prod', 'object'],
    ['usage --all', 'list'],
    ['usage --self', 'object'],
    ['plans list', 'list'],
    ['agent plans', 'list'],
    ['auth list', 'list'],
    ['models', 'list'],
    ['config list', 'list'],
    ['history', 'list'],
    ['history --all', 'list'],
    ['history reconcile', 'list'],
    ['doctor', 'list'],
  ])('ci %s', async (line, kind) => {
    const api = await recordedSandbox();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const key = await api.box.data('POST', '/api/keys/subscription', { name: 'prod' });
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const me = userOf(api, { CHEAPESTINFERENCE_API_KEY: textAt(key, 'apiKey') });
    await me.ci('usage');
    await me.ci('config set timeout 20s');
    if (line.startsWith('history')) expect((await me.ci('keys create other --credit')).code).toBe(0);
    const expected = line === 'status --check' ? 3 : 0;
    const print = async (format: string) => {
      const { code, stdout } = await me.ci(`${line} ${format}`);
      expect([format, code, /\x1b/.test(stdout)]).toEqual([format, expected, false]);
      // How long an answer took is another each time, and the clocks go on.
      return stdout.replace(/Responds in \d+ ms/, 'Responds').replace(/\d+ s behind/, 'behind');
    };
    const asJson = await print('--json');
    const value: unknown = JSON.parse(asJson);
    expect([Array.isArray(value) ? 'list' : typeof value, asJson.split('\n').length]).toEqual([kind, 2]);
    expect(parseYaml(await print('-o yaml'))).toEqual(value);
    const [header = [], ...rows] = csvRows(await print('-o csv'));
    expect(rows.length).toBe(Array.isArray(value) ? value.length : 1);
    for (const row of rows) expect(row).toHaveLength(header.length);
    const tsv = await print('');
    const expectedCells = kind === 'list' ? rows : header.map((field, column) => [field, rows[0]?.[column]]);
    expect(tsv === '' ? [] : cells(tsv)).toEqual(expectedCells);
  });

  test.each([
    ['pools keys kimi26'],
    ['billing credits'],
    ['billing topup 25'],
    ['status'],
    ['auth list'],
    ['auth switch default'],
    ['config list'],
    ['config get output'],
    ['config unset output'],
    ['version'],
    ['config path'],
    ['history'],
    ['history reconcile'],
    ['doctor'],
    ['open'],
    ['plans list'],
    ['agent plans'],
  ])('ci %s refuses an unknown field, and lists the known ones', async (line) => {
    const api = await recordedSandbox();
    await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const me = userOf(api);
    await me.ci('config set timeout 20s');
    const leaf = (await tree()).findLast(({ path }) => `${line} `.startsWith(`${path} `));
    const { code, stdout, stderr } = await me.ci(`${line} --fields nothing`);
    expect([code, stdout]).toEqual([2, '']);
    const last = lines(stderr).at(-1);
    expect(last).toMatch(/^ci: .*"nothing"/);
    for (const field of leaf?.fields ?? ['no such command']) expect(last).toContain(field);
  });
});
