import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { json, managementKey, sandboxUser, secret, type User, user } from '../../support/cli.ts';
import { modeOf } from '../../support/folder.ts';
import { storeKeys } from '../../support/key-store.ts';
import { errorOf } from '../../support/lost.ts';
import { bin, isBinary } from '../../support/program.ts';
import { recordingProgram } from '../../support/recording-program.ts';
import { at, textAt } from '../../support/sandbox.ts';
import { seatHolder, serveGateway } from '../../support/seat-holder.ts';
import { shown } from '../../support/terminal.ts';

describe('ci gateway export litellm', () => {
  test('prints a configuration without secrets, with a deployment for each seat', async () => {
    const { me, api, seats } = await seatHolder({ seats: 2 });
    const { code, stdout, stderr } = await me.ci('gateway export litellm');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toMatch(secret);
    for (const { secret: key } of seats) expect(stdout).not.toContain(key);
    const configuration: unknown = parseYaml(stdout);
    const deployment = (number: number) => ({
      model_name: 'kimi-k2.6',
      litellm_params: {
        model: 'openai/kimi-k2.6',
        api_base: `${api.url}/v1`,
        api_key: `os.environ/CHEAPESTINFERENCE_SEAT_${number}`,
        max_parallel_requests: 1,
      },
      model_info: { id: `${seats[number - 1]?.subscriptionId}/1/kimi-k2.6` },
    });
    expect(configuration).toMatchObject({
      model_list: [deployment(1), deployment(2)],
      router_settings: { redis_host: 'os.environ/REDIS_HOST' },
      general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
    });
    expect(stdout).toContain('#   export CHEAPESTINFERENCE_SEAT_2="$(ci keys secret seat-2)"\n');
  });

  test('has commands that print the keys', async () => {
    const { me, seats } = await seatHolder();
    const { stdout } = await me.ci('gateway export litellm');
    const [, line = ''] = /^# {3}(export .*)$/m.exec(stdout) ?? [];
    const ended = await me.sh(`${line}; printf %s "$CHEAPESTINFERENCE_SEAT_1"`);
    expect([ended.code, ended.stdout]).toEqual([0, seats[0].secret]);
  });

  test('prints the variables as JSON', async () => {
    const { me } = await seatHolder();
    const { stdout } = await me.ci('gateway export litellm');
    expect(json(await me.ci('gateway export litellm --json'))).toEqual({
      format: 'litellm',
      configuration: stdout,
      variables: [{ variable: 'CHEAPESTINFERENCE_SEAT_1', command: 'ci keys secret seat-1' }],
    });
  });

  test('names the address at which the sandbox is served', async () => {
    const me = sandboxUser();
    await me.ci('pools subscribe kimi26 --blocks europe --create-key app --store --yes');
    const { stdout } = await me.ci('gateway export litellm');
    expect(stdout).toContain('api_base: http://127.0.0.1:8787/v1\n');
    expect(stdout).toContain('$(ci --sandbox keys secret app)');
  });

  test('names seats that are left out', async () => {
    const { me, api } = await seatHolder();
    const id = textAt(await api.box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['europe'] }), 'id');
    const { code, stderr } = await me.ci('gateway export litellm');
    expect([code, stderr]).toEqual([
      0,
      `A seat of pool minimax-m3 is left out, because its key isn't stored here. Run \`ci keys create NAME --subscription ${id} --store\`.\n`,
    ]);
  });

  test('exits with 5 without a stored key', async () => {
    const { me } = await seatHolder();
    storeKeys(me, []);
    expect((await me.ci('gateway export litellm')).code).toBe(5);
  });

  test('refuses another format', async () => {
    const { code, stderr } = await user().ci('gateway export nginx');
    expect([code, stderr]).toEqual([2, 'ci: "nginx" is not a format of a proxy. Use litellm.\n']);
  });
});

const unit = 'cheapestinference-gateway.service';

/** The program that a service starts. In this process, it has no path. */
const own = isBinary ? bin : 'ci';

/** Returns the path of the unit of a user. */
function unitOf({ home }: User): string {
  return path.join(home, 'config', 'systemd', 'user', unit);
}

/** A user who is signed in with a saved key. */
function signedIn(env = {}): User {
  const me = user(env);
  const folder = path.join(me.home, 'config', 'cheapestinference');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const profiles = { default: { managementKey } };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ profiles }), { mode: 0o600 });
  return me;
}

/** A user with a `systemctl` that records its arguments. */
function installer(answers: Parameters<typeof recordingProgram>[2] = [{ to: '' }]) {
  const me = signedIn();
  return { me, systemctl: recordingProgram(me, 'systemctl', answers) };
}

describe('ci gateway install', () => {
  const text = ({ home }: User, words: string) => `[Unit]
Description=CheapestInference gateway
Documentation=https://github.com/cheapestinference/cli/blob/main/docs/gateway.md

[Service]
Type=exec
ExecStart=${own} ${words} --quiet
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 4 5
TimeoutStopSec=40
Environment=XDG_CONFIG_HOME=${home}/config
Environment=XDG_DATA_HOME=${home}/data

[Install]
WantedBy=default.target
`;

  test('prints exactly the unit with --dry-run, and changes nothing', async () => {
    const { me, systemctl } = installer();
    const { code, stdout, stderr } = await me.ci('gateway install --outside wait --listen 9000 --dry-run');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(text(me, '--profile default gateway --listen 127.0.0.1:9000 --outside wait'));
    expect([existsSync(unitOf(me)), systemctl.runs()]).toEqual([false, []]);
    expect(json(await me.ci('gateway install --dry-run --json'))).toEqual({
      ...{ status: 'planned', unit, file: unitOf(me), running: null, problem: null },
      text: text(me, '--profile default gateway'),
    });
  });

  test('installs and starts the service', async () => {
    const { me, systemctl } = installer();
    const { code, stdout, stderr } = await me.ci('gateway install --pools kimi26 --yes --json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        ...{ status: 'installed', unit, file: unitOf(me), running: true, problem: null },
        text: readFileSync(unitOf(me), 'utf8'),
      },
    ]);
    expect(readFileSync(unitOf(me), 'utf8')).toBe(text(me, '--profile default gateway --pools kimi26'));
    expect(modeOf(unitOf(me))).toBe('600');
    expect(stderr).toContain(`Writes ~/config/systemd/user/${unit}:`);
    expect(systemctl.lines()).toEqual(['--user daemon-reload', `--user enable ${unit}`, `--user restart ${unit}`]);
  });

  test('starts an unchanged service without asking, and restarts a changed one', async () => {
    const { me, systemctl } = installer();
    await me.ci('gateway install --yes');
    systemctl.forget();
    const again = await me.ci('gateway install --json');
    expect([again.code, json(again)]).toMatchObject([0, { status: 'unchanged', running: true }]);
    expect(systemctl.lines().at(-1)).toBe(`--user start ${unit}`);
    expect((await me.ci('gateway install --outside wait')).code).toBe(2);
    expect(json(await me.ci('gateway install --outside wait --yes --json'))).toMatchObject({ status: 'installed' });
    expect(systemctl.lines().at(-1)).toBe(`--user restart ${unit}`);
  });

  test('says on a terminal that it runs', async () => {
    const { me } = installer();
    const { code, screen } = await shown(me, 'gateway install --yes', { columns: 120 });
    expect(code).toBe(0);
    expect(screen).toContain(`✓ The service is installed: ~/config/systemd/user/${unit}`);
    expect(screen).toContain('✓ It is running, and starts when you log in.');
  });

  test('needs consent without a terminal', async () => {
    const { me, systemctl } = installer();
    const ended = await me.ci('gateway install');
    expect([ended.code, existsSync(unitOf(me)), systemctl.runs()]).toEqual([2, false, []]);
  });

  test('keeps the service and exits with 1 if systemd does not start it', async () => {
    const { me } = installer([
      { to: '--user restart', code: 1, stderr: 'Job failed. See journalctl.\nMore.\n' },
      { to: '' },
    ]);
    const ended = await me.ci('gateway install --yes --json');
    expect([ended.code, json(ended)]).toMatchObject([
      1,
      { status: 'installed', running: false, problem: 'Job failed. See journalctl.' },
    ]);
    const { screen } = await shown(me, 'gateway install --outside wait --yes', { columns: 120 });
    expect(screen).toContain("! systemd didn't start it: Job failed. See journalctl.");
    expect(screen).toContain(`To start it, run \`systemctl --user enable --now ${unit}\`.`);
  });

  test('says that systemctl is missing', async () => {
    const me = signedIn();
    const ended = await me.ci('gateway install --yes --json', { env: { PATH: me.home } });
    expect([ended.code, json(ended)]).toMatchObject([1, { running: false, problem: "systemctl isn't installed" }]);
  });

  test('stops and removes the service with --undo', async () => {
    const { me, systemctl } = installer();
    await me.ci('gateway install --yes');
    systemctl.forget();
    const ended = await me.ci('gateway install --undo --yes --json');
    expect([ended.code, json(ended)]).toMatchObject([0, { status: 'removed', running: false, text: null }]);
    expect([existsSync(unitOf(me)), systemctl.lines()]).toEqual([
      false,
      [`--user disable --now ${unit}`, '--user daemon-reload'],
    ]);
    const again = await me.ci('gateway install --undo --json');
    expect([again.code, json(again)]).toMatchObject([0, { status: 'not installed' }]);
  });

  test('needs consent to remove it', async () => {
    const { me } = installer();
    await me.ci('gateway install --yes');
    expect((await me.ci('gateway install --undo')).code).toBe(2);
    expect(existsSync(unitOf(me))).toBe(true);
  });

  test('refuses a key that only the environment has', async () => {
    const me = user({ CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey });
    const ended = await me.ci('gateway install --yes --json');
    expect([ended.code, errorOf(ended), existsSync(unitOf(me))]).toEqual([
      4,
      expect.objectContaining({
        message: "The service can't read CHEAPESTINFERENCE_MANAGEMENT_KEY of this shell",
        hint: 'Save the key with `ci auth login`.',
      }),
      false,
    ]);
  });

  test('refuses a user who is not signed in', async () => {
    expect((await user().ci('gateway install --yes')).code).toBe(4);
  });

  test('installs the sandbox without a key', async () => {
    const me = sandboxUser();
    recordingProgram(me, 'systemctl', [{ to: '' }]);
    await me.ci('gateway install --yes');
    expect(readFileSync(unitOf(me), 'utf8')).toContain(`ExecStart=${own} --sandbox gateway --quiet\n`);
  });

  test.each([
    ['--dry-run --undo', "--dry-run and --undo can't be combined"],
    ['--credit-key x', '--credit-key needs --outside credit'],
    ['--listen nowhere', '"nowhere" is not a valid address to listen on'],
  ])('refuses %s', async (flags, message) => {
    const { me, systemctl } = installer();
    const ended = await me.ci(`gateway install --yes --json ${flags}`);
    expect([ended.code, at(errorOf(ended), 'message'), systemctl.runs()]).toEqual([2, message, []]);
  });

  test('refuses options before the command', async () => {
    const ended = await installer().me.ci('gateway --outside wait install --yes --json');
    expect([ended.code, at(errorOf(ended), 'message')]).toEqual([2, 'The options before "install" have no effect']);
  });
});

describe('ci usage --gateway', () => {
  /** Returns the file of what the clients of a user's gateways used. */
  function usageFile({ home }: User): string {
    const folder = path.join(home, '.local', 'state', 'cheapestinference');
    const [name = '', other] = readdirSync(folder).filter((each) => /^gateway-usage-\d{4}-\d{2}\.jsonl$/.test(each));
    expect([name, other]).toEqual([expect.anything(), undefined]);
    return path.join(folder, name);
  }

  /** A user whose clients sent requests through a gateway. */
  async function usersOfGateway() {
    const { me } = await seatHolder();
    const gateway = await serveGateway(me);
    for (const name of ['editor', 'tests', 'editor']) await gateway.chat({ 'x-client': name });
    await gateway.stop();
    return me;
  }

  test('sums requests and tokens by client and model', async () => {
    const me = await usersOfGateway();
    const rows = json(await me.ci('usage --gateway --json'));
    expect(rows).toEqual([
      {
        ...{ client: 'editor', model: 'kimi-k2.6', requests: 2, creditRequests: 0 },
        ...{ promptTokens: expect.any(Number), completionTokens: expect.any(Number) },
      },
      expect.objectContaining({ client: 'tests', requests: 1 }),
    ]);
    const [[name, model, requests] = []] = (await me.ci('usage --gateway')).stdout
      .split('\n')
      .map((row) => row.split('\t'));
    expect([name, model, requests]).toEqual(['editor', 'kimi-k2.6', '2']);
  });

  test('shows totals and the period on a terminal', async () => {
    const me = await usersOfGateway();
    const { screen } = await shown(me, 'usage --gateway --period 7d');
    expect(screen).toMatch(/^Usage through the gateway in the last 7 days$/m);
    expect(screen).toMatch(/^Total +3 +0 +\d+ +\d+$/m);
  });

  test('leaves out what is older than the period', async () => {
    const me = await usersOfGateway();
    const file = usageFile(me);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const moved = (line: string, by: number) => JSON.stringify({ ...JSON.parse(line), time: Date.now() - by });
    writeFileSync(file, [moved(lines[0] ?? '', 2 * 3_600_000), lines[1], ''].join('\n'), { mode: 0o600 });
    const clients = async (period: string) => {
      const rows = json(await me.ci(`usage --gateway --period ${period} --json`));
      return Array.isArray(rows) ? rows.map((row) => textAt(row, 'client')).sort() : [];
    };
    expect([await clients('1h'), await clients('24h')]).toEqual([['tests'], ['editor', 'tests']]);
  });

  test('ignores damaged lines', async () => {
    const me = await usersOfGateway();
    const file = usageFile(me);
    appendFileSync(file, '{"time":17761\nnot JSON\n');
    const ended = await me.ci('usage --gateway --json');
    expect([ended.code, json(ended)]).toMatchObject([0, [{ client: 'editor' }, { client: 'tests' }]]);
  });

  test('says that there were no requests', async () => {
    const { me } = await seatHolder();
    expect(json(await me.ci('usage --gateway --json'))).toEqual([]);
    const { screen } = await shown(me, 'usage --gateway --period 30d');
    expect(screen).toBe('No requests through a gateway on this machine in the last 30 days.');
  });

  test.each([
    ['--self', '--self'],
    ['--refresh', '--refresh'],
    ['prod', 'a key'],
  ])('refuses %s', async (other, named) => {
    const { code, stderr } = await user().ci(`usage --gateway ${other}`);
    expect([code, stderr]).toEqual([2, `ci: --gateway and ${named} can't be combined. Pass one of them.\n`]);
  });
});
