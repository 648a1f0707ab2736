import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, type Environment, json, oneLine, secret, type User, userOf } from '../support/cli.ts';
import { program } from '../support/program.ts';
import { at, listAt } from '../support/sandbox.ts';
import { type RecordingServer, recordedSandbox } from '../support/servers.ts';

const isRoot = process.getuid?.() === 0;

/** Runs a command as a user unknown to the system. */
const stranger = ['setpriv', '--reuid', '54321', '--clear-groups'] as const;

const hash = `0x${'ab'.repeat(32)}`;

/** All commands that change something, for an account with a subscription to kimi26 and a key "old". */
const changes = [
  'pools subscribe kimi26 --blocks europe --yes',
  'pools subscribe kimi26 --blocks europe --ensure --yes',
  'pools subscribe kimi26 --blocks europe --create-key prod --yes',
  'pools cancel kimi26 --yes',
  'keys create prod',
  'keys create prod --ensure',
  'keys create prod --credit --save .env',
  'keys delete old --yes',
  'billing topup 50',
  `billing verify ${hash} --amount 50`,
  'billing card',
  'billing subscribe pro --yes',
  'billing checkout pro',
  'billing cancel some-id --yes',
  'api POST /api/keys/credit -f name=prod --yes',
].map((line) => [line] as const);

async function account() {
  const api = await recordedSandbox();
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
  await api.box.data('POST', '/api/keys/credit', { name: 'old' });
  return api;
}

/** Checks that a change that can't be recorded is not sent, and that one line says so and what to do. */
function expectRefused({ code, stdout, stderr }: Ended, api: RecordingServer): void {
  const notes = /^(?:Flat plans are retired|The keys aren't stored on this machine: )/;
  const [line = '', ...others] = stderr.split('\n').filter((each) => !notes.test(each));
  expect([code, stdout, api.changes, others]).toEqual([1, '', [], ['']]);
  expect(`${line}\n`).toMatch(oneLine);
  expect(line).toMatch(
    /(?:can(?:not|'t) be written|Can't (?:write|record)).*Nothing was sent.*(?:XDG_STATE_HOME|CHEAPESTINFERENCE_CONFIG_DIR)|home directory isn't known.*Set HOME/,
  );
}

/** Returns the files in a home directory. */
function filesOf({ home }: User): string[] {
  return readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(path.join(home, name)).isFile(),
  );
}

describe('a missing state directory', () => {
  const nowhere: Environment = { XDG_STATE_HOME: '/dev/null/state' };

  test.each(changes)('prevents sending, with a reason: %s', async (line) => {
    const api = await account();
    const me = userOf(api, nowhere);
    expectRefused(await me.ci(line), api);
    expect(filesOf(me)).toEqual(['bin/ci']);
  });
});

describe.each([
  ['below a file', '/dev/null'],
  ['in a file system that accepts no files', '/proc/nobody'],
  ['empty', ''],
])('a HOME %s', (_where, home) => {
  const homeless: Environment = { HOME: home, XDG_CONFIG_HOME: '', XDG_DATA_HOME: '' };

  test.each([['pools subscribe kimi26 --blocks europe --yes'], ['keys create prod']])(
    'prevents sending, with a reason: %s',
    async (line) => {
      const api = await account();
      const me = userOf(api, homeless);
      expectRefused(await me.ci(line), api);
      expect(filesOf(me)).toEqual(['bin/ci']);
    },
  );

  test("doesn't prevent reading with a key from the environment", async () => {
    const { code, stderr } = await userOf(await account(), homeless).ci('keys list');
    expect([code, stderr]).toEqual([0, '']);
  });
});

test("doesn't create a missing HOME, and prevents sending with a reason", async () => {
  const api = await account();
  const me = userOf(api);
  const home = path.join(me.home, 'not', 'yet');
  const ended = await me.ci('keys create prod', { env: { HOME: home } });
  expectRefused(ended, api);
  expect([ended.stderr, existsSync(home)]).toEqual([
    expect.stringContaining(`The home directory ${home} doesn't exist`),
    false,
  ]);
});

test('needs no HOME with XDG_STATE_HOME', async () => {
  const api = await account();
  const me = userOf(api, { HOME: '' });
  const { code, stderr } = await me.ci('keys create prod', { env: { XDG_STATE_HOME: path.join(me.home, 'state') } });
  expect([code, stderr]).toEqual([0, '']);
});

test.skipIf(!canBeStranger())('says what is missing for a user without HOME who is unknown to the system', async () => {
  const api = await account();
  const me = userOf(api, { XDG_CONFIG_HOME: '', XDG_DATA_HOME: '' });
  chmodSync(me.home, 0o755);
  const as = (line: string) => me.sh(`unset HOME; exec ${stranger.join(' ')} ${program.join(' ')} ${line}`);
  expectRefused(await as('keys create prod'), api);
});

describe('a disk without space', () => {
  /** Runs `ci` with a limit of this many blocks of 512 bytes for each file. */
  const limited = (me: User, blocks: number, line: string) =>
    me.sh(`trap '' XFSZ; ulimit -f ${blocks}; exec ci ${line}`);

  // What would be saved is refused by its file.
  const recorded = changes.filter(([line]) => !line.includes('--save'));

  test.each(recorded)('prevents sending, with a reason: %s', async (line) => {
    const api = await account();
    const me = userOf(api);
    expectRefused(await limited(me, 0, line), api);
    for (const file of filesOf(me).filter((name) => name !== 'bin/ci')) {
      expect([file, readFileSync(path.join(me.home, file), 'utf8')]).toEqual([file, '']);
    }
  });

  test("leaves the record readable if a second intent doesn't fit", async () => {
    const api = await account();
    const me = userOf(api);
    await me.ci('keys create first --credit');
    expect((await limited(me, 1, 'keys create second --credit')).code).toBe(1);
    expect((await me.ci('keys create third --credit')).code).toBe(0);
    const names = listAt(json(await me.ci('history --json'))).map((each) => at(each, 'outcome'));
    expect(names).toEqual(['applied', 'applied']);
  });

  test("prints the result and what is missing if the outcome doesn't fit", async () => {
    const api = await account();
    const me = userOf(api);
    const history = path.join(me.home, '.local', 'state', 'cheapestinference', 'history.jsonl');
    await me.ci('keys create first --credit');
    const [intent = ''] = readFileSync(history, 'utf8').split('\n');
    // Blank lines mean nothing, and leave space for an intent of that length and a little more.
    const blocks = 8;
    writeFileSync(history, '\n'.repeat(blocks * 512 - intent.length - 40));
    const { code, stdout, stderr } = await limited(me, blocks, 'keys create other --credit --json');
    expect([code, stdout]).toEqual([0, expect.stringMatching(secret)]);
    expect(stderr).toMatch(/^Can't record the outcome in [^\n]+: the disk is full\.\n$/);
    expect(await me.ci('keys create next --credit')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('`ci history reconcile`'),
    });
    expect((await me.ci('history reconcile')).code).toBe(0);
    expect(listAt(json(await me.ci('history --json'))).map((each) => at(each, 'outcome'))).toEqual([
      'applied',
      'applied',
    ]);
  });
});

describe.skipIf(!canMount())('a full file system', () => {
  /** Creates a folder on a file system of its own, without free space. */
  function fullFolder(): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'ci-full-'));
    mount(folder);
    onTestFinished(() => {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    });
    const part = Buffer.alloc(4096);
    expect(() => {
      for (let number = 0; ; number += 1) writeFileSync(path.join(folder, String(number)), part);
    }).toThrow('ENOSPC');
    return folder;
  }

  test('prevents sending if it is that of the state', async () => {
    const api = await account();
    expectRefused(await userOf(api, { XDG_STATE_HOME: fullFolder() }).ci('keys create prod'), api);
  });

  test('prevents creating a key if it is that of the dotenv file, which stays as it was', async () => {
    const api = await account();
    const folder = fullFolder();
    rmSync(path.join(folder, '0'));
    writeFileSync(path.join(folder, '.env'), 'KEEP=1\n'.padEnd(4096, '#'));
    const { code, stdout, stderr } = await userOf(api).ci(`keys create prod --credit --save ${folder}/.env`);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(oneLine);
    expect(api.changes).toEqual([]);
    expect(readFileSync(path.join(folder, '.env'), 'utf8')).toMatch(/^KEEP=1\n#+$/);
  });
});

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', folder], { stdio: 'ignore' });
}

/** Whether an unknown user can run `ci` on this machine. */
function canBeStranger(): boolean {
  if (!isRoot) return false;
  const [setpriv, ...args] = stranger;
  return spawnSync(setpriv, [...args, ...program, '--version']).status === 0;
}

/** Whether the test can mount a file system on this machine. */
function canMount(): boolean {
  if (!isRoot) return false;
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-mount-'));
  try {
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
