import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Ended, type Environment, lines, secret, type User, userOf } from '../../support/cli.ts';
import {
  errorOf,
  firstChange,
  isChange,
  lossyCustomer,
  madeEarlier,
  outcomesOf,
  recordOf,
  stateFiles,
  stateFolder,
  undeliveredIn,
} from '../../support/lost.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, type Received, recordedSandbox, reset, silence } from '../../support/servers.ts';

const create = 'ci keys create k --credit --secret-only';
const openChange = /^open\/[0-9a-f]{12}\.json$/;

/** Returns a user of a sandbox that carries out no change before `ready`. */
async function customerOfSecrets(ready: (request: Received) => Promise<void> | void = () => {}, env: Environment = {}) {
  const api: Awaited<ReturnType<typeof recordedSandbox>> = await recordedSandbox({
    instead: (request) =>
      isChange(request)
        ? async (received, response) => {
            await ready(received);
            const { status, body } = await api.box.call(received.method, received.path, { text: received.body });
            await answer(status, body)(received, response);
          }
        : undefined,
  });
  const me = userOf(api, env);
  /** The secrets of all keys that were made, oldest first. */
  const secrets = async () =>
    listAt(await api.box.data('GET', '/api/keys'))
      .map((key) => textAt(key, 'apiKey'))
      .reverse();
  return { api, me, secrets };
}

/** Returns a user without a reader of stdout. The API carries out a change only after the reader is gone. */
async function withoutReader() {
  const one = await customerOfSecrets(async () => {
    while (!existsSync(path.join(one.me.home, 'closed'))) await sleep(5);
  });
  const ci = async (line: string, env: Environment = {}): Promise<Ended> => {
    const ended = await one.me.sh(`{ ${line}; echo $? >code; } | { exec <&-; : >closed; }`, { env });
    return { ...ended, code: Number(readFileSync(path.join(one.me.home, 'code'), 'utf8')) };
  };
  return { ...one, ci };
}

/**
 * Returns the file that the last line of stderr names, which is the error. It is the only file in the state folder besides the record.
 *
 * @param open - how many changes have an unknown outcome
 */
function keptFile(me: User, stderr: string, open = 0): string {
  const file = undeliveredIn(lines(stderr).at(-1) ?? '');
  expect(path.dirname(file)).toBe(stateFolder(me));
  const openChanges = Array(open).fill(expect.stringMatching(openChange));
  expect(stateFiles(me)).toEqual(['history.jsonl', ...openChanges, path.basename(file)]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  return file;
}

/** What every kept secret has: the file holds just the secrets, the error names it, stdout and stderr hold none. */
async function expectKept({ me, secrets }: Awaited<ReturnType<typeof customerOfSecrets>>, ended: Ended, count = 1) {
  const made = await secrets();
  expect(made).toHaveLength(count);
  expect(ended.code).toBe(1);
  expect(readFileSync(keptFile(me, ended.stderr), 'utf8')).toBe(made.map((each) => `${each}\n`).join(''));
  for (const each of made) expect(ended.stdout + ended.stderr).not.toContain(each);
  for (const line of recordOf(me)) expect(JSON.stringify(line)).not.toMatch(secret);
}

/** Checks that the secrets of all keys are stored on this machine, and nowhere else. */
async function expectStored(
  { me, secrets }: Awaited<ReturnType<typeof customerOfSecrets>>,
  name: string,
  count: number,
) {
  const made = await secrets();
  expect(made).toHaveLength(count);
  for (const [at, secretMade] of made.entries())
    expect(await me.ci(`keys secret ${name}-${at + 1}`)).toMatchObject({ code: 0, stdout: `${secretMade}\n` });
  for (const line of recordOf(me)) expect(JSON.stringify(line)).not.toMatch(secret);
}

describe('a secret after the reader has gone', () => {
  test.each([
    ['--secret-only', create],
    ['as tab-separated text', 'ci keys create k --credit'],
    ['as YAML', 'ci keys create k --credit -o yaml'],
    ['through jq', "ci keys create k --credit --jq '.apiKey'"],
  ])('is kept: %s', async (_what, line) => {
    const one = await withoutReader();
    const ended = await one.ci(line);
    await expectKept(one, ended);
    const [first = ''] = lines(ended.stderr);
    if (!line.includes('--jq')) {
      expect(first).toMatch(
        /^ci: Can't write the result: broken pipe\. The key was created\. Its secret is in \/\S+\.key\.$/,
      );
    }
    expect(lines(ended.stderr)).toHaveLength(1);
    expect(outcomesOf(one.me)).toEqual(['create-key applied']);
  });

  test('is kept with --json, and the error names the file', async () => {
    const one = await withoutReader();
    const ended = await one.ci('ci keys create k --credit --json');
    await expectKept(one, ended);
    const told = lines(ended.stderr);
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0] ?? '')).toEqual({
      error: {
        code: 'file_error',
        message: "Can't write the result: broken pipe",
        hint: `The key was created. Its secret is in ${keptFile(one.me, ended.stderr)}.`,
        status: null,
        retryable: false,
        outcome: 'applied',
      },
    });
  });

  test('is a working key', async () => {
    const one = await withoutReader();
    const { stderr } = await one.ci(create);
    const key = readFileSync(keptFile(one.me, stderr), 'utf8').trim();
    const models = await fetch(`${one.api.url}/v1/models`, { headers: { Authorization: `Bearer ${key}` } });
    expect(models.status).toBe(200);
  });

  test('is kept even if stderr is closed', async () => {
    const one = await withoutReader();
    const { code } = await one.ci(`${create} 2>&-`);
    const [made = ''] = await one.secrets();
    const [, kept = ''] = stateFiles(one.me);
    expect([code, readFileSync(path.join(stateFolder(one.me), kept), 'utf8')]).toEqual([1, `${made}\n`]);
  });
});

describe('a result without a secret after the reader has gone', () => {
  test.each([
    ['a key that is saved', 'ci keys create k --credit --save .env'],
    ['a purchase', 'ci pools subscribe kimi26 --blocks europe --yes'],
    ['a purchase whose key is saved', 'ci pools subscribe kimi26 --blocks europe --create-key k --save .env --yes'],
    ['a purchase with a key that is sent by email', 'ci pools subscribe glm5 --blocks europe --yes'],
  ])('completes %s with exit code 0, and keeps nothing', async (_what, line) => {
    const one = await withoutReader();
    const { code, stderr } = await one.ci(line);
    expect([code, stateFiles(one.me)]).toEqual([0, ['history.jsonl']]);
    expect(stderr).not.toContain('secret');
  });

  test.each(['', ' --json'])('finds the keys of three seats of a purchase on this machine (%j)', async (flags) => {
    const one = await withoutReader();
    const { code, stdout, stderr } = await one.ci(
      `ci pools subscribe kimi26 --blocks europe --quantity 3 --create-key team --yes${flags}`,
    );
    expect([code, stdout, stateFiles(one.me)]).toEqual([0, '', ['history.jsonl']]);
    expect(stderr).not.toMatch(secret);
    await expectStored(one, 'team', 3);
    expect(listAt(await one.api.box.seen(), 'charges')).toHaveLength(3);
    expect(outcomesOf(one.me)).toEqual(['subscribe applied', ...Array(3).fill('create-key applied')]);
  });

  test('creates no key for a purchase that is already covered', async () => {
    const one = await withoutReader();
    await one.api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] });
    const { code, stderr } = await one.ci('ci pools subscribe kimi26 --blocks europe --ensure --create-key k --yes');
    expect([code, one.api.changes, stateFiles(one.me)]).toEqual([0, [], []]);
    expect(stderr).toMatch(/^Already covered by [0-9a-f-]{36}\. Nothing was charged, and no key was created\.\n$/);
  });
});

describe.skipIf(!existsSync('/dev/full'))('a full disk behind stdout', () => {
  test.each([
    ['a key', create],
    ['a purchase with a key', 'ci pools subscribe kimi26 --blocks europe --create-key k --yes'],
  ])('is noticed before %s is created', async (_what, line) => {
    const { api, me } = await customerOfSecrets();
    const { code, stderr } = await me.sh(`${line} >/dev/full`);
    expect([code, api.changes, stateFiles(me)]).toEqual([1, [], []]);
    expect(stderr).toBe("ci: Can't write to standard output: no space left on device. Nothing was created.\n");
  });

  test('prints a JSON error with --json', async () => {
    const { me } = await customerOfSecrets();
    const { stderr } = await me.sh('ci keys create k --credit --json >/dev/full');
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'file_error', outcome: 'not_applied', retryable: false },
    });
  });
});

describe('a file behind stdout', () => {
  /** Files of the line's processes may have 4 KiB, as many as the room for a secret needs. */
  const limited = (line: string) => `ulimit -f 8; ${line}`;

  test('that has reached its size limit moves the secret to another file', async () => {
    const one = await customerOfSecrets();
    writeFileSync(path.join(one.me.home, 'full'), 'x'.repeat(4096));
    const ended = await one.me.sh(limited(`${create} >>full`));
    await expectKept(one, ended);
    expect(ended.stderr).toMatch(/^ci: Can't write the result: file too large\. The key was created\. /);
    expect(readFileSync(path.join(one.me.home, 'full'), 'utf8')).toBe('x'.repeat(4096));
  });

  test('that has room for half a secret moves all of it to another file', async () => {
    const one = await customerOfSecrets();
    writeFileSync(path.join(one.me.home, 'full'), 'x'.repeat(4080));
    await expectKept(one, await one.me.sh(limited(`${create} >>full`)));
  });

  test('that has room for half a result is reported, also without a secret', async () => {
    const { me } = await customerOfSecrets();
    writeFileSync(path.join(me.home, 'full'), 'x'.repeat(4000));
    const { code, stderr } = await me.sh(limited('ci pools list --json >>full'));
    expect([code, JSON.parse(stderr)]).toMatchObject([1, { error: { code: 'file_error', outcome: null } }]);
  });

  test('that has enough room is written, and nothing is kept', async () => {
    const one = await customerOfSecrets();
    const { code, stderr } = await one.me.sh(`${create} >there`);
    expect([code, stderr, stateFiles(one.me)]).toEqual([0, '', ['history.jsonl']]);
    expect(readFileSync(path.join(one.me.home, 'there'), 'utf8')).toBe(`${(await one.secrets())[0]}\n`);
  });

  test.each([
    ['a device', '1</dev/null'],
    ['a file', '1<read-only'],
  ])('that is read-only is noticed before a key is created: %s', async (_what, redirection) => {
    const { api, me } = await customerOfSecrets();
    writeFileSync(path.join(me.home, 'read-only'), 'x');
    const { code, stderr } = await me.sh(`${create} ${redirection}`);
    expect([code, api.changes, stateFiles(me)]).toEqual([1, [], []]);
    expect(stderr).toMatch(/^ci: Can't write to standard output: bad file descriptor\. Nothing was created\.\n$/);
  });
});

describe('a jq expression that fails after the key was created', () => {
  test.each([
    ['error("x")', 1],
    ['error(.apiKey)', 1],
    ['.apiKey, error("after it")', 1],
  ])("keeps the secret and doesn't print it: %s", async (program) => {
    const one = await customerOfSecrets();
    const ended = await one.me.sh(`ci keys create k --credit --jq '${program}'`);
    await expectKept(one, ended);
    expect(ended.stdout).toBe('');
    expect(JSON.parse(lines(ended.stderr)[0] ?? '')).toMatchObject({
      error: { code: 'filter_failed', outcome: 'applied', retryable: false },
    });
  });

  test('leaves the secrets of three keys on this machine, and says so', async () => {
    const one = await customerOfSecrets();
    const line = `ci pools subscribe kimi26 --blocks europe --quantity 3 --create-key k --yes --jq 'error("x")'`;
    const { code, stdout, stderr } = await one.me.sh(line);
    expect([code, stdout, JSON.parse(stderr), stateFiles(one.me)]).toEqual([
      1,
      '',
      {
        error: {
          code: 'filter_failed',
          message: 'The jq expression "error("x")" failed: x',
          hint: 'The keys are stored on this machine. Use them with `ci run -- COMMAND`.',
          status: null,
          retryable: false,
          outcome: 'applied',
        },
      },
      ['history.jsonl'],
    ]);
    await expectStored(one, 'k', 3);
  });
});

describe('--save to a file that is no longer writable once the key is created', () => {
  test('keeps the secret, and names the file', async () => {
    const one = await customerOfSecrets(() => rmSync(path.join(one.me.home, 'app'), { recursive: true }));
    mkdirSync(path.join(one.me.home, 'app'));
    const ended = await one.me.sh('ci keys create k --credit --save app/.env');
    await expectKept(one, ended);
    expect(ended.stderr).toMatch(
      /^ci: Can't write \S+\/app\/\.env: its directory was removed in the meantime\. The key was created. /,
    );
    expect(outcomesOf(one.me)).toEqual(['create-key applied']);
    expect(existsSync(path.join(one.me.home, 'app'))).toBe(false);
  });

  describe.each(['keys create k --credit', 'pools subscribe kimi26 --blocks europe --create-key k --yes'])(
    'with the state directory removed, too: %s',
    (line) => {
      /** A user whose folders disappear when the API is asked to create a key. */
      const bereft = async (more: (state: string) => void = () => {}) => {
        const one = await customerOfSecrets((request) => {
          if (!request.path.startsWith('/api/keys')) return;
          rmSync(path.join(one.me.home, 'app'), { recursive: true });
          rmSync(stateFolder(one.me), { recursive: true });
          more(stateFolder(one.me));
        });
        mkdirSync(path.join(one.me.home, 'app'));
        return one;
      };

      test('keeps the secret in a new file, and names it', async () => {
        const one = await bereft();
        const { code, stdout, stderr } = await one.me.ci(`${line} --save app/.env`);
        const [made = ''] = await one.secrets();
        const file = undeliveredIn(lines(stderr).at(-1) ?? '');
        expect([code, readFileSync(file, 'utf8')]).toEqual([1, `${made}\n`]);
        expect([statSync(file).mode & 0o777, statSync(path.dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
        expect(path.dirname(file)).toBe(stateFolder(one.me));
        expect(stateFiles(one.me).filter((each) => each.endsWith('.key'))).toHaveLength(1);
        expect(stdout + stderr).not.toContain(made);
        expect(existsSync(path.join(one.me.home, 'app'))).toBe(false);
      });

      test.each(['', ' --json'])(
        "reports the secret as lost and doesn't print it, if it can't be created again (%j)",
        async (flags) => {
          const one = await bereft((state) => writeFileSync(state, 'a file'));
          const { code, stdout, stderr } = await one.me.ci(`${line} --save app/.env${flags}`);
          const [made = ''] = await one.secrets();
          expect([code, stdout + stderr]).toEqual([1, expect.not.stringContaining(made)]);
          const told = lines(stderr).at(-1) ?? '';
          expect(told).toContain(
            `The key sk_sandbox_…${made.slice(-4)} was created, but its secret is lost: no other file could be written (`,
          );
          expect(told).toContain('`ci keys delete ID` to revoke the key, then create another.');
          expect(stderr).not.toMatch(/secret is in/);
          if (flags) expect(JSON.parse(told)).toMatchObject({ error: { code: 'file_error', outcome: 'applied' } });
          expect(readFileSync(stateFolder(one.me), 'utf8')).toBe('a file');
        },
      );
    },
  );

  test('keeps the secret in a new file if only its file was removed', async () => {
    const one = await customerOfSecrets(() => {
      rmSync(path.join(one.me.home, 'app'), { recursive: true });
      for (const each of stateFiles(one.me).filter((name) => name.endsWith('.key')))
        rmSync(path.join(stateFolder(one.me), each));
    });
    mkdirSync(path.join(one.me.home, 'app'));
    await expectKept(one, await one.me.sh('ci keys create k --credit --save app/.env'));
  });

  test('keeps nothing if the file can be written', async () => {
    const one = await customerOfSecrets();
    expect((await one.me.ci('keys create k --credit --save .env')).code).toBe(0);
    expect(stateFiles(one.me)).toEqual(['history.jsonl']);
    expect((await one.me.sh('ls -A | grep env')).stdout).toBe('.env\n');
  });
});

describe('a read-only state directory', () => {
  test.each([
    'keys create k --credit',
    'keys create k --credit --save .env',
    'keys create k --credit --ensure',
    'keys delete old --yes',
    'pools subscribe kimi26 --blocks europe --yes',
    'pools subscribe kimi26 --blocks europe --yes --ensure',
    'pools subscribe kimi26 --blocks europe --create-key k --yes',
    'pools cancel minimax-m3 --yes',
    'billing topup 50',
    `billing verify 0x${'ab'.repeat(32)} --amount 50`,
    'billing card',
    'api POST /api/keys/credit -f name=x --yes',
  ])('sends nothing and exits with 1: %s', async (line) => {
    const { api, me } = await customerOfSecrets();
    await api.box.data('POST', '/api/keys/credit', { name: 'old' });
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    writeFileSync(path.join(me.home, 'file'), '');
    const env = { XDG_STATE_HOME: path.join(me.home, 'file') };
    const { code, stdout, stderr } = await me.ci(`${line} --json`, { env });
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'file_error', outcome: 'not_applied', retryable: false },
    });
    expect((await me.sh('ls -A')).stdout).toBe('bin\nfile\n');
  });

  test("doesn't stop a read", async () => {
    const { me } = await customerOfSecrets();
    const env = { XDG_STATE_HOME: '/dev/null' };
    expect((await me.ci('keys list', { env })).code).toBe(0);
    expect((await me.ci('history', { env })).code).toBe(0);
  });

  test('sends nothing if it is full', async () => {
    const { api, me } = await customerOfSecrets();
    const { code, stderr } = await me.sh(`ulimit -f 0; ${create} | cat`);
    expect([code, api.changes]).toEqual([0, []]);
    expect(stderr).toMatch(/^ci: Can't write to \S+: file too large\. Nothing was sent\. [^\n]*\n$/);
    expect(stateFiles(me)).toEqual([]);
  });
});

describe('a process that is killed after it received a secret', () => {
  const note = (file: string) => `Undelivered secrets of API keys are in ${file}. Move them to where you need them.\n`;

  /** Returns a user who gets no response to the second of three keys. */
  async function between(ending: (running: ReturnType<User['start']>) => Promise<Ended>) {
    const one = await lossyCustomer((request, before) =>
      request.path === '/api/keys/subscription' && before === 0 && JSON.parse(request.body).name === 'k-2'
        ? { isApplied: false, response: silence }
        : undefined,
    );
    const line = 'pools subscribe kimi26 --blocks europe --quantity 3 --create-key k --yes --timeout 60s';
    const running = one.me.start(line);
    await one.lost(1);
    const ended = await ending(running);
    const [first] = listAt(await one.box.data('GET', '/api/keys'));
    return { ...one, ended, secretMade: textAt(first, 'apiKey') };
  }

  test('leaves it in the state directory, and the next change prints the path', async () => {
    const { me, ended, secretMade } = await between((running) => {
      running.kill('SIGKILL');
      return running.ended;
    });
    expect([ended.signal, ended.stdout]).toEqual(['SIGKILL', '']);
    const [name = ''] = stateFiles(me).filter((each) => each.endsWith('.key'));
    const file = path.join(stateFolder(me), name);
    expect(readFileSync(file, 'utf8').trimEnd()).toBe(secretMade);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const next = await me.ci('keys create next --credit');
    expect(next.stderr).toMatch(/^The outcome of an earlier change is unknown: "create key k-2" /);
    expect(next.stderr.endsWith(note(file))).toBe(true);
    madeEarlier(me, 180_000);
    expect((await me.ci('history reconcile')).stderr).toBe(note(file));
    rmSync(file);
    expect((await me.ci('keys create more --credit')).stderr).toBe('');
  });

  test('names the file in the last line of stderr after a second Ctrl-C', async () => {
    const { me, ended, secretMade } = await between(async (running) => {
      running.kill('SIGINT');
      await running.stderr(/Interrupt again to quit now/);
      let over = false;
      void running.ended.then(() => {
        over = true;
      });
      while (!over) {
        running.kill('SIGINT');
        await sleep(50);
      }
      return running.ended;
    });
    expect([ended.code, ended.stdout]).toEqual([130, '']);
    expect(readFileSync(keptFile(me, ended.stderr, 1), 'utf8')).toBe(`${secretMade}\n`);
  });

  test('leaves nothing if it has no secret yet, once the next process starts', async () => {
    const one = await lossyCustomer(firstChange(false, silence));
    const running = one.me.start('keys create k --credit --timeout 60s');
    await one.lost(1);
    running.kill('SIGKILL');
    await running.ended;
    const open = expect.stringMatching(openChange);
    expect(stateFiles(one.me)).toEqual(['history.jsonl', open, expect.stringMatching(/\.key$/)]);
    expect((await one.me.ci('keys create next --credit')).code).toBe(0);
    expect(stateFiles(one.me)).toEqual(['history.jsonl', open]);
  });
});

test("reports an unknown key as unknown if the result with an earlier one can't be printed", async () => {
  const one = await lossyCustomer((request, before) => {
    if (before === 0) {
      const isSecond = isChange(request) && request.body.includes('"k-2"');
      return isSecond ? { isApplied: true, response: reset } : undefined;
    }
    const told = answer(403, { success: false, error: 'No entry' });
    return request.path === '/api/keys' ? { isApplied: false, response: told } : undefined;
  });
  const line = 'pools subscribe kimi26 --blocks europe --quantity 2 --create-key k --yes';
  const { code, stderr } = await one.me.sh(`ci ${line} --jq 'error("x")'`);
  const [note, error = '', ...more] = lines(stderr);
  expect([code, note, more]).toEqual([1, "Can't read the hours of the key: No entry.", []]);
  expect(JSON.parse(error)).toMatchObject({
    error: {
      code: 'filter_failed',
      outcome: 'unknown',
      hint: 'The key is stored on this machine. Use it with `ci run -- COMMAND`.',
    },
  });
  expect(stateFiles(one.me)).toEqual(['history.jsonl', expect.stringMatching(openChange)]);
  const made = listAt(await one.box.data('GET', '/api/keys'));
  expect((await one.me.ci('keys secret k-1')).stdout).toBe(`${textAt(made[1], 'apiKey')}\n`);
});

describe('the key of a retired plan', () => {
  const apiKey = 'sk_live_0123456789abcdefghijklmnopqrstuv';

  /** Returns a user with an account that lists the plan once it was requested. */
  async function planCustomer(told: Behavior) {
    let plan: string | null = null;
    const api = await recordedSandbox({
      instead: ({ method, path: where }) => {
        if (where === '/api/billing/status') return data({ poolPledges: [], plan });
        if (method === 'GET') return undefined;
        plan = 'pro';
        return told;
      },
    });
    return { api, me: userOf(api) };
  }

  test("is kept if it can't be delivered", async () => {
    const made = { subscriptionId: 'sub_1', planSlug: 'pro', status: 'active', key: { id: 'k', apiKey } };
    const { me } = await planCustomer(data(made));
    const { code, stderr } = await me.sh(`ci billing subscribe pro --create-key k --yes --jq 'error("x")'`);
    expect(code).toBe(1);
    expect(readFileSync(keptFile(me, stderr), 'utf8')).toBe(`${apiKey}\n`);
  });

  test('is reported as lost with its response', async () => {
    const { api, me } = await planCustomer(reset);
    const { code, stdout, stderr } = await me.ci('billing subscribe pro --settle 1s --create-key k --yes --json');
    expect([code, stdout, api.changes]).toEqual([1, '', ['POST /api/billing/subscribe']]);
    expect(JSON.parse(lines(stderr).at(-1) ?? '')).toMatchObject({
      error: { code: 'secret_lost', outcome: 'applied' },
    });
    expect((await me.ci('billing subscribe pro --settle 1s --yes --json')).stderr).not.toContain('secret_lost');
  });
});

test('releases the reserved file if the key is refused', async () => {
  const { me } = await customerOfSecrets();
  expect((await me.ci('keys create k --subscription nope')).code).toBe(5);
  expect(stateFiles(me)).toEqual(['history.jsonl']);
});

describe('on GitHub Actions', () => {
  const env = { GITHUB_ACTIONS: 'true' };

  test('masks a secret in the log before printing it', async () => {
    const { me, secrets } = await customerOfSecrets();
    const { code, stdout, stderr } = await me.ci('keys create k --credit --secret-only', { env });
    const [made = ''] = await secrets();
    expect([code, stdout, stderr]).toEqual([0, `${made}\n`, `::add-mask::${made}\n`]);
    const both = await me.sh('ci keys create l --credit --secret-only 2>&1', { env });
    expect(both.stdout).toMatch(/^::add-mask::(sk_sandbox_\S+)\n\1\n$/);
  });

  test('masks the secret of each seat', async () => {
    const { me, secrets } = await customerOfSecrets();
    const line = 'pools subscribe kimi26 --blocks europe --quantity 3 --create-key k --yes --json';
    const { code, stderr } = await me.ci(line, { env });
    expect([code, stderr]).toEqual([0, (await secrets()).map((each) => `::add-mask::${each}\n`).join('')]);
  });

  test('masks a saved secret, because a later step may print it', async () => {
    const { me, secrets } = await customerOfSecrets();
    const { stdout, stderr } = await me.ci('keys create k --credit --save .env', { env });
    expect(stderr).toBe(`::add-mask::${(await secrets())[0]}\n`);
    expect(stdout).not.toMatch(secret);
  });

  test('masks an existing secret that is shown again', async () => {
    const { me, secrets } = await customerOfSecrets();
    await me.ci('keys create k --credit');
    const { stderr } = await me.ci('keys create k --credit --ensure --reveal --secret-only', { env });
    expect(lines(stderr)[0]).toBe('Key "k" already exists. Nothing was created.');
    expect(lines(stderr)[1]).toBe(`::add-mask::${(await secrets())[0]}`);
  });

  test('masks a kept secret', async () => {
    const one = await withoutReader();
    const { stderr } = await one.ci(create, env);
    expect(lines(stderr)[0]).toBe(`::add-mask::${(await one.secrets())[0]}`);
    expect(lines(stderr).at(-1)).toMatch(/undelivered-/);
  });

  test('keeps text in place of a secret from acting as a command', async () => {
    const apiKey = 'sk_live_x\n::warning::%25 owned';
    const api = await recordedSandbox({
      instead: (request) =>
        isChange(request) ? answer(200, { success: true, data: { id: 'k', name: 'k', apiKey } }) : undefined,
    });
    const me = userOf(api);
    const ended = await me.ci('keys create k --credit --json --save .env', { env });
    expect([ended.code, ended.stdout, lines(ended.stderr).length]).toEqual([1, '', 1]);
    expect(errorOf(ended)).toEqual({
      code: 'unexpected_response',
      message: 'Key k (k) was created, but the API sent something else instead of its secret',
      hint: 'Run `ci keys delete k` to revoke it, then create another.',
      status: null,
      retryable: false,
      outcome: 'applied',
    });
    expect(existsSync(path.join(me.home, '.env'))).toBe(false);
  });

  test.each([{}, { GITHUB_ACTIONS: 'false' }, { GITHUB_ACTIONS: '' }])('masks nothing elsewhere: %j', async (other) => {
    const { me } = await customerOfSecrets();
    expect((await me.ci('keys create k --credit', { env: other })).stderr).toBe('');
  });
});
