import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { json, secret, type User, user } from '../../support/cli.ts';
import { modeOf } from '../../support/folder.ts';
import { storeKeys } from '../../support/key-store.ts';
import { errorOf } from '../../support/lost.ts';
import { reservedPort } from '../../support/ports.ts';
import { isBinary } from '../../support/program.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { at, textAt } from '../../support/sandbox.ts';
import {
  gatewayClient,
  gatewayPids,
  heldCompletions,
  isRunning,
  reserveDefaultAddress,
  seatHolder,
  serveGateway,
  tokenOf,
} from '../../support/seat-holder.ts';
import { forward } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';
import { realTime } from '../../support/world.ts';

const state = (me: User, name: string) => path.join(me.home, '.local', 'state', 'cheapestinference', name);

/** Starts a gateway in the background. @returns what was printed */
async function background(me: User, line = '') {
  const ended = await me.ci(`gateway --background --listen 127.0.0.1:0 --json ${line}`);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const url = textAt(json(ended), 'url');
  const token = readFileSync(textAt(json(ended), 'tokenFile'), 'utf8').trim();
  return {
    printed: json(ended),
    log: textAt(json(ended), 'log'),
    pid: Number(at(json(ended), 'pid')),
    ...gatewayClient(url, token),
  };
}

/** Returns the names of the logs of gateways. */
function logsOf(me: User): string[] {
  return readdirSync(state(me, '')).filter((name) => name.endsWith('.log'));
}

/** Replaces the program that a user's gateway starts in the background. */
function replaceProgram({ home }: User, script: string): void {
  const program = path.join(home, 'bin', 'ci');
  rmSync(program);
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Starts a gateway that has begun to read the account, and goes on when it is released. */
async function startingGateway(options = '') {
  const { promise: released, resolve: release } = withResolvers();
  const { promise: arrived, resolve: arrive } = withResolvers();
  const { me } = await seatHolder({
    instead: ({ path: url }, box) =>
      url === '/v1/models'
        ? async (request, response) => {
            arrive();
            await released;
            await forward(box.url, request, response);
          }
        : undefined,
  });
  const starting = me.start(`gateway --listen 127.0.0.1:0 --json ${options}`);
  await arrived;
  return { me, starting, release };
}

describe('ci gateway --background', () => {
  test('starts a gateway that outlives it, and prints how to use it', async () => {
    const { me } = await seatHolder();
    const gateway = await background(me);
    expect(gateway.printed).toEqual({
      ...{ pid: gateway.pid, url: gateway.url, account: expect.any(String), startedAt: expect.any(String) },
      ...{ tokenFile: path.join(me.home, 'config', 'cheapestinference', 'gateway-token') },
      log: expect.stringMatching(/\/gateway-[0-9a-f]{12}\.log$/),
    });
    expect(gatewayPids(me)).toEqual([gateway.pid]);
    expect((await gateway.chat()).status).toBe(200);
  });

  test('prints how to use it on a terminal', async () => {
    const { me } = await seatHolder();
    const { code, screen } = await shown(me, 'gateway --background --listen 127.0.0.1:0');
    expect(code).toBe(0);
    expect(screen).toMatch(
      /^✓ The gateway runs in the background\.\nOpenAI base URL +http:\/\/127\.0\.0\.1:\d+\/v1\nAnthropic base URL +http:\/\/127\.0\.0\.1:\d+\/anthropic\nAPI key +the output of `ci gateway token`\nLog +~\/\.local\/state\/cheapestinference\/gateway-[0-9a-f]{12}\.log$/,
    );
  });

  test('names the command that prints the token of --token-file', async () => {
    const { me } = await seatHolder();
    const { screen } = await shown(me, 'gateway --background --listen 127.0.0.1:0 --token-file tokens', {
      columns: 200,
    });
    const file = path.join(me.home, 'tokens');
    expect(screen).toMatch(new RegExp(`^API key +the output of \`ci gateway token --token-file ${file}\`$`, 'm'));
  });

  test('starts nothing if --fields names an unknown field', async () => {
    const { me } = await seatHolder();
    const { code, stderr } = await me.ci('gateway --background --listen 127.0.0.1:0 --fields event');
    expect([code, stderr]).toEqual([2, expect.stringContaining('Unknown field "event". The fields are: pid, url,')]);
    expect(gatewayPids(me)).toEqual([]);
  });

  test('writes notes without requests to a log of this user', async () => {
    const { me, api } = await seatHolder();
    await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] });
    const gateway = await background(me);
    await gateway.chat();
    expect((await me.process('gateway stop')).code).toBe(0);
    const log = readFileSync(gateway.log, 'utf8');
    const events = log
      .trimEnd()
      .split('\n')
      .map((line) => textAt(JSON.parse(line), 'event'));
    expect(events).toEqual(['started', 'note', 'stopping', 'stopped']);
    expect(modeOf(gateway.log)).toBe('600');
    expect(log).not.toMatch(secret);
    expect(log).not.toContain(gateway.token);
  });

  test('passes its options on', async () => {
    const { me, buy } = await seatHolder();
    await buy('mini', 'minimax-m3');
    await background(me, '--pools minimax-m3 --outside wait --token-file own-token --no-color');
    expect(json(await me.ci('gateway status --json'))).toMatchObject([{ outside: 'wait', seats: [{ key: 'mini' }] }]);
    expect(existsSync(path.join(me.home, 'own-token'))).toBe(true);
  });

  test.each([
    ['a port that is taken', '--listen PORT', 6, 'busy', 'Another program listens on PORT'],
    [
      'an address of a network',
      '--listen 0.0.0.0:0',
      2,
      'usage',
      'Others on the network could read what is sent to 0.0.0.0',
    ],
    ['a pool without a stored key', '--pools glm5', 5, 'not_found', 'No key for pool "glm5" is stored on this machine'],
    ['a certificate without its key', '--cert cert.pem', 2, 'usage', '--cert needs --key'],
  ])('reports %s with its exit code', async (_what, flags, exitCode, code, message) => {
    const { me, api } = await seatHolder();
    const { host } = new URL(api.url);
    const ended = await me.ci(`gateway --background --json ${flags.replace('PORT', host)}`);
    expect([ended.code, ended.stdout, errorOf(ended)]).toEqual([
      exitCode,
      '',
      expect.objectContaining({ code, message: message.replace('PORT', host) }),
    ]);
    expect(gatewayPids(me)).toEqual([]);
  });

  test('reports that no key is stored', async () => {
    const { me } = await seatHolder();
    storeKeys(me, []);
    const ended = await me.ci('gateway --background --json');
    expect([ended.code, at(errorOf(ended), 'hint')]).toEqual([
      5,
      'You have a seat of pool kimi26. Run `ci keys secret seat-1 --add`.',
    ]);
  });

  test('reports that a gateway uses the seats already', async () => {
    const { me } = await seatHolder();
    const { url, pid, log } = await background(me);
    const ended = await me.ci('gateway --background --listen 127.0.0.1:0 --json');
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([
      6,
      `The gateway at ${url} (process ${pid}) already uses "seat-1"`,
    ]);
    await me.process('gateway stop');
    expect(readFileSync(log, 'utf8')).toContain('"event":"stopped"');
    expect(logsOf(me)).toEqual([path.basename(log)]);
  });

  test.skipIf(isBinary)('has one log, also if the command is killed while the gateway starts', async () => {
    const { me, starting, release } = await startingGateway('--background');
    const [log = ''] = logsOf(me);
    starting.kill('SIGKILL');
    await starting.ended;
    release();
    await expect.poll(() => readFileSync(state(me, log), 'utf8')).toContain('"event":"started"');
    expect(gatewayPids(me)).toHaveLength(1);
    // It stays as long as the gateway runs.
    const [old, other] = ['gateway-0123456789ab.log', 'notes.log'];
    for (const name of [old, other]) writeFileSync(state(me, name), '');
    const nextWeek = () => Date.now() + 8 * 24 * 3_600_000;
    const refused = await me.ci('gateway --background --listen 127.0.0.1:0 --json', { now: nextWeek });
    expect([refused.code, logsOf(me).sort()]).toEqual([6, [log, other].sort()]);
  });

  test('says that a gateway of `ci run --gateway` ends with the programs that use it', async () => {
    const { me } = await seatHolder();
    const { pid } = await background(me, '--until-unused');
    for (const line of ['gateway --background', 'gateway']) {
      const ended = await me.ci(`${line} --listen 127.0.0.1:0 --json`);
      expect([ended.code, errorOf(ended)]).toEqual([
        6,
        expect.objectContaining({
          message: expect.stringContaining(`(process ${pid}) already uses "seat-1"`),
          hint: 'It ends with the programs that `ci run --gateway` runs. Run this command again when they have ended, stop it now with `ci gateway stop`, or choose other seats with --pools or --keys.',
        }),
      ]);
    }
  });

  // The binary starts itself by its path.
  test.skipIf(isBinary)('reports a gateway that was stopped before it was found', async () => {
    const { me } = await seatHolder();
    replaceProgram(me, 'echo \'{"event":"started"}\'\necho \'{"event":"stopped"}\'');
    const ended = await me.ci('gateway --background --json');
    expect([ended.code, errorOf(ended), logsOf(me)]).toEqual([
      6,
      expect.objectContaining({
        ...{ code: 'unavailable', message: 'The gateway was stopped while it started' },
        hint: 'Run this command again.',
      }),
      [],
    ]);
  });

  // The binary starts itself by its path.
  test.skipIf(isBinary)('reports a gateway that ends without a reason, and keeps its log', async () => {
    const { me } = await seatHolder();
    replaceProgram(me, 'echo "no such thing" >&2\nexit 3');
    const ended = await me.ci('gateway --background --json');
    const [, log = ''] = /^See (\S+)\.$/.exec(String(at(errorOf(ended), 'hint'))) ?? [];
    expect([ended.code, at(errorOf(ended), 'message'), readFileSync(log, 'utf8')]).toEqual([
      6,
      "The gateway didn't start",
      'no such thing\n',
    ]);
  });
});

describe('ci gateway status', () => {
  test('exits with 5 if none is running', async () => {
    const { code, stdout, stderr } = await user().ci('gateway status');
    expect([code, stdout, stderr]).toEqual([
      5,
      '',
      'ci: No gateway is running on this machine. Start one with `ci gateway`, or in the background with `ci gateway --background`.\n',
    ]);
  });

  test('shows the seats, and who uses them', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await serveGateway(me);
    const answers = ['editor', 'tests'].map((name) => gateway.chat({ 'x-client': name }));
    await held.asked(1);
    await expect.poll(async () => at(JSON.parse((await gateway.get('/status')).text), 'queue')).toBe(1);
    const printed = json(await me.ci('gateway status --json'));
    expect(printed).toEqual([
      {
        ...{ pid: expect.any(Number), url: gateway.url, account: expect.any(String), startedAt: expect.any(String) },
        ...{ queue: 1, running: 1, outside: 'fail', problem: null },
        seats: [
          {
            ...{ key: 'seat-1', pool: 'kimi26', hours: [8, 9, 10, 11, 12, 13, 14, 15], state: 'busy' },
            ...{ client: expect.stringMatching(/editor|tests/), opensAt: null },
          },
        ],
      },
    ]);
    const { screen } = await shown(me, 'gateway status', { columns: 160 });
    expect(screen).toMatch(/^http:\/\/127\.0\.0\.1:\d+ {2}.+, process \d+$/m);
    expect(screen).toMatch(/^kimi26 +seat-1 +europe +busy +(?:editor|tests)$/m);
    expect(screen).toMatch(/^1 running, 1 waiting\.$/m);
    const row = (await me.ci('gateway status')).stdout.split('\t');
    expect(row.slice(4, 8)).toEqual(['1', '1', '1', 'fail']);
    held.release();
    await Promise.all(answers);
  });

  test('says why a gateway does not answer', async () => {
    const { me } = await seatHolder();
    const gateway = await background(me);
    process.kill(gateway.pid, 'SIGSTOP');
    const ended = await me.ci('gateway status --json');
    expect([ended.code, json(ended)]).toEqual([
      0,
      [
        expect.objectContaining({
          seats: [],
          problem: `The gateway at ${gateway.url} (process ${gateway.pid}) didn't answer within 5 seconds`,
        }),
      ],
    ]);
    const { screen } = await shown(me, 'gateway status', { columns: 160 });
    expect(screen).toContain("didn't answer within 5 seconds");
    process.kill(gateway.pid, 'SIGCONT');
    expect(json(await me.ci('gateway status --json'))).toMatchObject([{ problem: null }]);
  });

  test('says that the token file is missing or another one, and creates none', async () => {
    const { me } = await seatHolder();
    const { url } = await serveGateway(me);
    const file = path.join(me.home, 'config', 'cheapestinference', 'gateway-token');
    rmSync(file);
    expect(json(await me.ci('gateway status --json'))).toMatchObject([
      { problem: `The token file of the gateway at ${url} is missing: ${file}` },
    ]);
    expect(existsSync(file)).toBe(false);
    await me.ci('gateway token');
    expect(json(await me.ci('gateway status --json'))).toMatchObject([
      { problem: `The gateway at ${url} started with another token than that in ${file}` },
    ]);
  });

  test('forgets a gateway that was killed, which does not block the next one', async () => {
    const { me } = await seatHolder();
    const port = await reservedPort();
    const first = await serveGateway(me, `--listen 127.0.0.1:${port}`, { process: true });
    first.kill('SIGKILL');
    await first.ended;
    expect((await me.ci('gateway status')).code).toBe(5);
    const second = await serveGateway(me, `--listen 127.0.0.1:${port}`);
    expect((await second.chat()).status).toBe(200);
  });
});

describe('ci gateway stop', () => {
  test('does nothing if none is running', async () => {
    const { me } = await seatHolder();
    const { code, stdout, stderr } = await me.ci('gateway stop');
    expect([code, stdout, stderr]).toEqual([0, '', 'No gateway is running on this machine.\n']);
    expect(json(await me.ci('gateway stop --json'))).toEqual([]);
  });

  test('ends a gateway, and waits until it has ended', async () => {
    const { me } = await seatHolder();
    const { pid, url } = await background(me);
    const ended = await me.ci('gateway stop --json');
    expect([ended.code, json(ended)]).toEqual([0, [{ pid, url }]]);
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect((await me.ci('gateway status')).code).toBe(5);
  });

  test('says on a terminal that it has stopped', async () => {
    const { me } = await seatHolder();
    const { url } = await background(me);
    const { code, screen } = await shown(me, 'gateway stop');
    expect([code, screen]).toEqual([0, `✓ The gateway at ${url} has stopped.`]);
  });

  test.skipIf(isBinary)('waits for a gateway that is starting, and stops it', async () => {
    const { me, starting, release } = await startingGateway();
    const sleep: typeof realTime.sleep = (...wait) => {
      release();
      return realTime.sleep(...wait);
    };
    const stopped = await me.ci('gateway stop --json', { sleep });
    expect([stopped.code, json(stopped)]).toEqual([0, [{ pid: starting.pid, url: expect.any(String) }]]);
    const { code, stdout } = await starting.ended;
    expect([code, stdout]).toEqual([0, expect.stringContaining('"event":"stopped"')]);
  });

  test.skipIf(isBinary)('gives up on a gateway that takes a minute to start', async () => {
    const { me, starting } = await startingGateway();
    let time = 0;
    const sleep = async (milliseconds: number) => {
      time += milliseconds;
    };
    const ended = await me.ci('gateway stop --json', { monotonic: () => time, sleep });
    expect([ended.code, errorOf(ended)]).toEqual([
      6,
      expect.objectContaining({
        ...{ code: 'busy', message: `A gateway (process ${starting.pid}) is starting, but takes too long` },
        hint: `End it with \`kill -9 ${starting.pid}\`, and run this command again.`,
      }),
    ]);
  });

  test('waits for running requests', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await background(me);
    const running = gateway.chat();
    await held.asked(1);
    const stopping = me.process('gateway stop');
    await expect.poll(() => readFileSync(gateway.log, 'utf8')).toContain('"stopping"');
    expect(isRunning(gateway.pid)).toBe(true);
    held.release();
    expect((await running).status).toBe(200);
    expect((await stopping).code).toBe(0);
    await expect.poll(() => isRunning(gateway.pid)).toBe(false);
  });

  test('cuts running requests off with --now', async () => {
    const held = heldCompletions();
    const { me } = await seatHolder({ instead: held.instead });
    const gateway = await background(me);
    const running = gateway.chat();
    running.catch(() => {});
    await held.asked(1);
    expect((await me.process('gateway stop --now')).code).toBe(0);
    await expect.poll(() => isRunning(gateway.pid)).toBe(false);
    await expect(running).rejects.toThrow();
    held.release();
  });

  test.skipIf(isBinary)('gives up with --now after ten seconds if a gateway hangs', async () => {
    const { me } = await seatHolder();
    const { pid } = await background(me);
    process.kill(pid, 'SIGSTOP');
    let time = 0;
    const sleep = async (milliseconds: number) => {
      time += milliseconds;
    };
    const ended = await me.ci('gateway stop --now --json', { monotonic: () => time, sleep });
    expect([ended.code, errorOf(ended), Math.round(time / 1000)]).toEqual([
      9,
      expect.objectContaining({
        ...{ code: 'timeout', message: `The gateway (process ${pid}) doesn't stop` },
        hint: `End it with \`kill -9 ${pid}\`.`,
      }),
      11,
    ]);
  });

  test('leaves the gateways of other accounts', async () => {
    const { me } = await seatHolder();
    const { pid } = await background(me);
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_another_account_0123456789' };
    const { code, stderr } = await me.ci('gateway stop', { env });
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^No gateway of .+ is running\. `ci gateway status` shows those of other accounts\.\n$/),
    ]);
    expect(isRunning(pid)).toBe(true);
  });
});

/** How often a gateway reads the account, in milliseconds. */
const refreshInterval = 300_000;

describe('ci gateway --until-unused', () => {
  test('ends with its last user', async () => {
    const { me } = await seatHolder();
    const { url, pid } = await background(me, '--until-unused');
    const lease = new AbortController();
    const answer = await fetch(`${url}/lease`, {
      headers: { authorization: `Bearer ${tokenOf(me)}` },
      signal: lease.signal,
    });
    expect([answer.status, isRunning(pid)]).toEqual([200, true]);
    lease.abort();
    await expect.poll(() => isRunning(pid)).toBe(false);
    expect(gatewayPids(me)).toEqual([]);
  });

  test.skipIf(isBinary)(
    'refuses users as soon as it begins to stop, and the next one starts another',
    async (context) => {
      await reserveDefaultAddress(context);
      const { promise: begun, resolve: begin } = withResolvers();
      const { promise: over, resolve: end } = withResolvers();
      let [waits, isUnused] = [0, false];
      const { me } = await seatHolder();
      // The stop begins when the wait for the next refresh is aborted.
      const gateway = await serveGateway(me, '--until-unused', {
        sleep: async (wait, signal) => {
          const isForRefresh = wait > refreshInterval / 2;
          if (isForRefresh) waits += 1;
          await realTime.sleep(wait, signal);
          if (!isForRefresh || !isUnused) return;
          begin();
          await over;
        },
      });
      onTestFinished(() => end());
      const lease = new AbortController();
      const headers = { authorization: `Bearer ${gateway.token}` };
      expect((await fetch(`${gateway.url}/lease`, { headers, signal: lease.signal })).status).toBe(200);
      // The first one is aborted when the gateway has stored what the account says of the key.
      await expect.poll(() => waits).toBeGreaterThanOrEqual(2);
      isUnused = true;
      lease.abort();
      await begun;
      expect((await fetch(`${gateway.url}/lease`, { headers })).status).toBe(503);
      const connected = await me.ci('connect opencode --gateway --yes --json', {
        sleep: (...wait) => {
          end();
          return realTime.sleep(...wait);
        },
      });
      expect([connected.code, json(connected)]).toEqual([
        0,
        expect.objectContaining({ baseUrl: 'http://127.0.0.1:8788', works: true }),
      ]);
      expect((await gateway.ended).code).toBe(0);
    },
  );
});
