import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, managementKey, oneLine, type User, user } from '../../support/cli.ts';
import { modeOf } from '../../support/folder.ts';
import { bin, isBinary } from '../../support/program.ts';
import { recordingProgram } from '../../support/recording-program.ts';
import { onTerminal } from '../../support/terminal.ts';

const unit = 'cheapestinference-usage.timer';
const noCrontab = { to: '-l', stderr: 'no crontab for ada\n', code: 1 };

function unitOf({ home }: User, name = unit): string {
  return path.join(home, 'config', 'systemd', 'user', name);
}

/** A user who is signed in, with a saved key. */
function signedIn(env = {}): User {
  const me = user(env);
  const folder = path.join(me.home, 'config', 'cheapestinference');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const profiles = { default: { managementKey } };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ profiles }), { mode: 0o600 });
  return me;
}

const command = 'usage snapshot --install';

describe('`ci usage snapshot --install` with systemd', () => {
  test('writes a timer and a service without the key, and starts the timer', async () => {
    const me = signedIn();
    const systemctl = recordingProgram(me, 'systemctl', [{ to: '' }]);
    const { code, stdout, stderr } = await me.ci(`${command} --yes --json`);
    const [timer, service] = [unitOf(me), unitOf(me, 'cheapestinference-usage.service')];
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        ...{ status: 'installed', timer: 'systemd', place: timer, running: true, problem: null },
        text: `# ${unit}\n${readFileSync(timer, 'utf8')}\n# cheapestinference-usage.service\n${readFileSync(service, 'utf8')}`,
      },
    ]);
    expect(readFileSync(timer, 'utf8')).toMatch(
      /^OnCalendar=\*-\*-\* 00:00:00 UTC\nOnCalendar=\*-\*-\* 00:30:00 UTC\n[\s\S]*\nAccuracySec=1s\nPersistent=true$/m,
    );
    expect(readFileSync(service, 'utf8')).toMatch(/^ExecStart=.* --profile default usage snapshot$/m);
    expect([modeOf(timer), modeOf(service)]).toEqual(['600', '600']);
    expect(stdout + stderr).not.toContain(managementKey);
    expect(systemctl.lines()).toEqual([
      '--user show-environment',
      '--user daemon-reload',
      `--user enable ${unit}`,
      `--user restart ${unit}`,
    ]);
    expect(json(await me.ci(`${command} --json`))).toMatchObject({ status: 'unchanged', running: true });
  });

  test('is removed by --uninstall', async () => {
    const me = signedIn();
    const systemctl = recordingProgram(me, 'systemctl', [{ to: '' }]);
    await me.ci(`${command} --yes`);
    systemctl.forget();
    expect((await me.ci('usage snapshot --uninstall')).code).toBe(2);
    expect(json(await me.ci('usage snapshot --uninstall --yes --json'))).toMatchObject({
      status: 'removed',
      running: false,
    });
    expect([existsSync(unitOf(me)), existsSync(unitOf(me, 'cheapestinference-usage.service'))]).toEqual([false, false]);
    expect(systemctl.lines()).toEqual([`--user disable --now ${unit}`, '--user daemon-reload']);
    expect(json(await me.ci('usage snapshot --uninstall --json'))).toMatchObject({ status: 'not installed' });
  });

  test('exits with code 1 and says why if systemd does not start it', async () => {
    const me = signedIn();
    recordingProgram(me, 'systemctl', [{ to: '--user restart', stderr: 'Unit is masked.\n', code: 1 }, { to: '' }]);
    const { code, stdout } = await me.ci(`${command} --yes --json`);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { status: 'installed', running: false, problem: 'Unit is masked.' },
    ]);
  });

  test('changes nothing without consent, and with --dry-run', async () => {
    const me = signedIn();
    const systemctl = recordingProgram(me, 'systemctl', [{ to: '' }]);
    expect((await me.ci(command)).code).toBe(2);
    const { code, stdout } = await me.ci(`${command} --timer systemd --dry-run`);
    expect([code, stdout.startsWith(`# ${unit}\n[Unit]\n`)]).toEqual([0, true]);
    expect(existsSync(unitOf(me))).toBe(false);
    expect(systemctl.lines()).toEqual(['--user show-environment']);
  });
});

describe('`ci usage snapshot --install` with cron', () => {
  const own = isBinary ? bin : 'ci';
  const line = (me: User) =>
    [
      '*/15 * * * * case $(date -u +\\%H\\%M) in 0000|0030|0600|1200|1800)',
      `XDG_CONFIG_HOME=${me.home}/config XDG_DATA_HOME=${me.home}/data`,
      `${own} --profile default usage snapshot >/dev/null;; esac`,
    ].join(' ');

  test('adds a line to the crontab, and keeps the others', async () => {
    const me = signedIn();
    const crontab = recordingProgram(me, 'crontab', [{ to: '-l', stdout: '0 5 * * * backup\n' }, { to: '-' }]);
    const { code, stdout } = await me.ci(`${command} --timer cron --yes --json`);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        ...{ status: 'installed', timer: 'cron', place: 'crontab', running: true, problem: null },
        text: `${line(me)}\n`,
      },
    ]);
    expect(crontab.runs().at(-1)).toEqual({
      args: '-',
      stdin: expect.stringMatching(
        /^0 5 \* \* \* backup\n\n?# >>> CheapestInference >>>\n\*\/15 .*\n# <<< CheapestInference <<<\n$/,
      ),
    });
    expect(crontab.runs().at(-1)?.stdin).not.toContain(managementKey);
  });

  test('is used if systemd does not run, and creates a crontab', async () => {
    const me = signedIn();
    recordingProgram(me, 'systemctl', [{ to: '', stderr: 'Failed to connect to bus\n', code: 1 }]);
    const crontab = recordingProgram(me, 'crontab', [noCrontab, { to: '-' }]);
    expect(json(await me.ci(`${command} --yes --json`))).toMatchObject({ status: 'installed', timer: 'cron' });
    expect(crontab.runs().at(-1)?.stdin).toMatch(/^\n?# >>> CheapestInference >>>\n/);
  });

  test('is removed by --uninstall, and other lines stay', async () => {
    const me = signedIn();
    const text = '0 5 * * * backup\n# >>> CheapestInference >>>\n*/15 * * * * x\n# <<< CheapestInference <<<\n# end\n';
    const crontab = recordingProgram(me, 'crontab', [{ to: '-l', stdout: text }, { to: '-' }]);
    expect(json(await me.ci('usage snapshot --uninstall --yes --json'))).toMatchObject({
      status: 'removed',
      timer: 'cron',
    });
    expect(crontab.runs().at(-1)).toEqual({ args: '-', stdin: '0 5 * * * backup\n# end\n' });
  });

  test('leaves a crontab alone that it cannot read, or whose block has no end', async () => {
    for (const answer of [
      { to: '-l', stderr: 'not allowed\n', code: 1 },
      { to: '-l', stdout: '# >>> CheapestInference >>>\n' },
    ]) {
      const me = signedIn();
      const crontab = recordingProgram(me, 'crontab', [answer, { to: '-' }]);
      const { code, stderr } = await me.ci(`${command} --timer cron --yes`);
      expect(code).toBe(1);
      expect(stderr).toMatch(/Your crontab can't be (?:read: not allowed|changed: it has the line)/);
      expect(crontab.lines()).toEqual(['-l']);
    }
  });
});

test('asks on a terminal which timer to install', async () => {
  const me = signedIn();
  recordingProgram(me, 'systemctl', [{ to: '' }]);
  const crontab = recordingProgram(me, 'crontab', [noCrontab, { to: '-' }]);
  const session = onTerminal(me, command);
  await session.shows('Lines in your crontab');
  session.type('\x1b[B\r');
  await session.shows('Take snapshots at 00:00, 00:30, 06:00, 12:00 and 18:00 UTC?');
  session.type('y\r');
  expect(await session.exit).toBe(0);
  expect(crontab.lines()).toEqual(['-l', '-l', '-']);
});

test('refuses a key that only the environment has, which a timer does not', async () => {
  const me = user({ CHEAPESTINFERENCE_MANAGEMENT_KEY: managementKey });
  const { code, stderr } = await me.ci(`${command} --yes`);
  expect([code, stderr]).toEqual([
    4,
    "ci: The timer can't read CHEAPESTINFERENCE_MANAGEMENT_KEY of this shell. Save the key with `ci auth login`.\n",
  ]);
});

test('refuses a machine without systemd and cron', async () => {
  const me = signedIn();
  const { code, stderr } = await me.ci(`${command} --yes`);
  expect(code).toBe(6);
  expect(stderr).toMatch(/No timer can be installed \(systemd: .*; cron: crontab isn't installed\)/);
});

test.each(['--install --uninstall', '--timer cron', '--dry-run', '--install --timer at'])(
  'refuses %s',
  async (flags) => {
    const { code, stderr } = await signedIn().ci(`usage snapshot ${flags}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
  },
);
