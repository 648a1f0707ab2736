import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, type User, user } from '../../support/cli.ts';
import { keyHolder, storeKeys } from '../../support/key-store.ts';
import { errorOf } from '../../support/lost.ts';
import { at, textAt } from '../../support/sandbox.ts';
import { gatewayPids, reserveDefaultAddress, seatHolder, serveGateway } from '../../support/seat-holder.ts';
import { ctrlC, onTerminal } from '../../support/terminal.ts';

/** Whether `setsid` starts a program in a session of its own. macOS has no such program. */
const hasSessions = process.platform !== 'darwin';

const printVariables = ['sh', '-c', 'env | grep -E "^(CHEAPESTINFERENCE_API_KEY|OPENAI|ANTHROPIC)" | sort'];

/** A command that asks for the models through the variables that it has. */
const askModels = [
  process.execPath,
  '-e',
  'fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } }).then(async (answer) => console.log(answer.status, (await answer.json()).data[0].id))',
];

const hour = 3_600_000;

const run = (me: User, words: readonly string[], options = {}) => me.process(['run', '--gateway', ...words], options);

describe('ci run --gateway with a running gateway', () => {
  test('sets the variables for the gateway, and no real key', async () => {
    const { me } = await seatHolder();
    const { url, token } = await serveGateway(me);
    const { code, stdout, stderr } = await run(me, ['--', ...printVariables]);
    expect([code, stderr, stdout.trimEnd().split('\n')]).toEqual([
      0,
      '',
      [
        'ANTHROPIC_API_KEY=',
        `ANTHROPIC_AUTH_TOKEN=${token}`,
        `ANTHROPIC_BASE_URL=${url}/anthropic`,
        `CHEAPESTINFERENCE_API_KEY=${token}`,
        `OPENAI_API_KEY=${token}`,
        `OPENAI_BASE_URL=${url}/v1`,
      ],
    ]);
  });

  test('lets the command send requests', async () => {
    const { me } = await seatHolder();
    await serveGateway(me);
    const { code, stdout, stderr } = await run(me, ['--', ...askModels]);
    expect([code, stdout, stderr]).toEqual([0, '200 kimi-k2.6\n', '']);
  });

  test('says before the command that no seat is within its hours', async () => {
    const { me, api } = await seatHolder();
    await api.box.advance(8 * hour);
    await serveGateway(me);
    const ended = await run(me, ['--', 'sh', '-c', 'echo started >&2'], { env: { TZ: 'UTC' } });
    expect([ended.code, ended.stdout, ended.stderr.split('\n')]).toEqual([
      0,
      '',
      [
        'No seat is within its hours before 08:00 local time (in 15 hours). Until then, requests fail. To let them wait or to pay for them with credit, stop the gateway with `ci gateway stop`, and start it with `ci gateway --background --outside wait` or `--outside credit`. Or reserve a seat in another block.',
        'started',
        '',
      ],
    ]);
    const connected = json(
      await me.ci('connect opencode --gateway --model kimi-k2.6 --yes --json', { env: { TZ: 'UTC' } }),
    );
    expect(connected).toMatchObject({
      ...{ works: null, detail: expect.stringMatching(/^No seat is within its hours before .+ \(in 15 hours\)\.$/) },
    });
  });

  test('says nothing outside the hours if requests wait or a seat of another block is within its hours', async () => {
    const { me, api, buy } = await seatHolder();
    await api.box.advance(8 * hour);
    const gateway = await serveGateway(me, '--outside wait');
    expect((await run(me, ['--', 'true'])).stderr).toBe('');
    await gateway.stop();
    expect(await buy('other', 'kimi26', 'americas')).toBeDefined();
    await serveGateway(me);
    expect((await run(me, ['--', 'true'])).stderr).toBe('');
  });

  test('leaves the gateway running', async () => {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me);
    await run(me, ['--', 'true']);
    expect((await gateway.chat()).status).toBe(200);
  });

  test('leaves the streams to the command', async () => {
    const { me } = await seatHolder();
    await serveGateway(me);
    const ended = await run(me, ['--', 'sh', '-c', 'cat; printf error >&2; exit 3'], { stdin: 'line\n' });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([3, 'line\n', 'error']);
  });

  test.each([0, 1, 42, 125, 255])('ends with the exit code of the command (%i)', async (code) => {
    const { me } = await seatHolder();
    await serveGateway(me);
    const ended = await run(me, ['--', 'sh', '-c', `exit ${code}`]);
    expect([ended.code, ended.signal, ended.stdout, ended.stderr]).toEqual([code, null, '', '']);
  });

  test.skipIf(!hasSessions).each(['TERM', 'HUP', 'INT', 'USR1'])('passes SIG%s on', async (signal) => {
    const { me } = await seatHolder();
    await serveGateway(me);
    const command = `trap 'echo got ${signal}; exit 9' ${signal}; echo ready; while :; do sleep 0.05; done`;
    const { stdout, stderr } = await me.sh(
      [
        'mkfifo pipe',
        `setsid ci run --gateway -- sh -c "${command}" > pipe &`,
        'exec 3< pipe; read -r line <&3',
        `kill -${signal} $!; cat <&3; wait $!; echo "exit $?"`,
      ].join('\n'),
    );
    expect([stdout, stderr]).toEqual([`got ${signal}\nexit 9\n`, '']);
  });

  test('ends with Ctrl-C that ends the command', async () => {
    const { me } = await seatHolder();
    await serveGateway(me);
    const words = ['run', '--gateway', '--', 'sh', '-c', 'echo ready; exec sleep 60'];
    const session = onTerminal(me, words, { pty: true });
    await session.shows('ready');
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
  });

  test('gives up on a gateway that hangs', async () => {
    const { me } = await seatHolder();
    const started = json(await me.ci('gateway --background --listen 127.0.0.1:0 --json'));
    const [pid, url] = [Number(at(started, 'pid')), textAt(started, 'url')];
    process.kill(pid, 'SIGSTOP');
    const message = `The gateway at ${url} (process ${pid}) didn't answer within 5 seconds`;
    const hint = 'End it with `ci gateway stop --now`, and run this command again.';
    const ended = await run(me, ['--', 'true']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([125, '', `ci: ${message}. ${hint}\n`]);
    const connecting = await me.process('connect opencode --gateway --yes --json');
    expect([connecting.code, errorOf(connecting)]).toEqual([
      9,
      expect.objectContaining({ code: 'timeout', message, hint }),
    ]);
  });

  test('uses the gateway of the account only', async () => {
    const { me } = await seatHolder();
    await serveGateway(me);
    storeKeys(me, []);
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_another_account_0123456789' };
    const ended = await run(me, ['--', 'true'], { env });
    expect([ended.code, ended.stdout]).toEqual([125, '']);
  });
});

describe('ci run --gateway', () => {
  test.each([['--key', 'prod'], ['--pool', 'kimi26'], ['--temporary']])('refuses %s', async (...words) => {
    const ended = await run(keyHolder(), [...words, '--', 'true']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      125,
      '',
      `ci: --gateway and ${words[0]} can't be combined. To use only some of your seats, first start a gateway with \`ci gateway --background --pools SLUG\`.\n`,
    ]);
  });

  test('starts nothing if the program does not exist', async () => {
    const { me } = await seatHolder();
    const ended = await run(me, ['--', 'no-such-program']);
    expect([ended.code, ended.stdout]).toEqual([127, '']);
    expect(existsSync(path.join(me.home, '.local', 'state', 'cheapestinference', 'gateways'))).toBe(false);
  });

  test('fails with the reason that no gateway starts', async () => {
    const { me } = await seatHolder();
    storeKeys(me, []);
    const ended = await run(me, ['--', 'true']);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([
      125,
      '',
      'ci: No key of a subscription is stored on this machine. You have a seat of pool kimi26. Run `ci keys secret seat-1 --add`.\n',
    ]);
  });

  test('fails for a user without any key', async () => {
    expect((await run(user(), ['--', 'true'])).code).toBe(125);
  });

  test('starts a gateway that ends after the command, and prints nothing', async (context) => {
    await reserveDefaultAddress(context);
    const { me } = await seatHolder();
    const ended = await run(me, ['--', ...askModels]);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, '200 kimi-k2.6\n', '']);
    await expect.poll(() => gatewayPids(me)).toEqual([]);
    expect((await me.ci('gateway status')).code).toBe(5);
  });

  test('shares the gateway that another run started', async (context) => {
    await reserveDefaultAddress(context);
    const { me } = await seatHolder();
    const hold = ['--', 'sh', '-c', 'echo ready; read -r line; echo "end $line"'];
    const first = me.start(['run', '--gateway', ...hold], { stdin: null });
    await first.stdout(/ready/);
    const pids = gatewayPids(me);
    expect(pids).toHaveLength(1);
    const second = await run(me, ['--', ...askModels]);
    expect([second.code, second.stdout, second.stderr]).toEqual([0, '200 kimi-k2.6\n', '']);
    expect(gatewayPids(me)).toEqual(pids);
    // A killed run holds it no longer.
    first.kill('SIGKILL');
    await first.ended;
    await expect.poll(() => gatewayPids(me)).toEqual([]);
  });

  test('starts one gateway if several runs start at once', async (context) => {
    await reserveDefaultAddress(context);
    const { me } = await seatHolder();
    const runs = await Promise.all([1, 2, 3].map(() => run(me, ['--', ...askModels])));
    for (const ended of runs) expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, '200 kimi-k2.6\n', '']);
    await expect.poll(() => gatewayPids(me)).toEqual([]);
  });

  test('starts another one if the gateway was killed', async (context) => {
    await reserveDefaultAddress(context);
    const { me } = await seatHolder();
    const killed = await serveGateway(me, '', { process: true });
    killed.kill('SIGKILL');
    await killed.ended;
    expect((await run(me, ['--', ...askModels])).stdout).toBe('200 kimi-k2.6\n');
  });

  test('keeps the embedded sandbox of the gateway for the command', async (context) => {
    await reserveDefaultAddress(context);
    const { me } = await seatHolder();
    const env = { CHEAPESTINFERENCE_SANDBOX: '1' };
    await me.ci('pools subscribe kimi26 --blocks europe --create-key app --store --yes', { env });
    const ended = await run(me, ['--', ...askModels], { env });
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, '200 kimi-k2.6\n', '']);
  });

  test('says that another program has the address', async (context) => {
    await reserveDefaultAddress(context);
    const { createServer } = await import('node:net');
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(8788, '127.0.0.1', resolve));
    const { me } = await seatHolder();
    const ended = await run(me, ['--', 'true']);
    other.close();
    expect([ended.code, ended.stdout]).toEqual([125, '']);
    expect(ended.stderr).toContain('Another program listens on 127.0.0.1:8788.');
  });
});
