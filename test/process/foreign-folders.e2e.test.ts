import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, oneLine, type User, userOf } from '../support/cli.ts';
import { stateFiles, stateFolder } from '../support/lost.ts';
import { program } from '../support/program.ts';
import { listAt } from '../support/sandbox.ts';
import { data, recordedSandbox, server } from '../support/servers.ts';

/** Runs a command as a user unknown to the system. */
const stranger = 'setpriv --reuid 54321 --regid 54321 --clear-groups';
const canBeStranger =
  process.getuid?.() === 0 && spawnSync('sh', ['-c', `${stranger} ${program.join(' ')} --version`]).status === 0;

const changes = [
  'pools subscribe kimi26 --blocks europe --yes',
  'pools subscribe kimi26 --blocks europe --ensure --yes',
  'pools cancel kimi26 --yes',
  'keys create prod',
  'keys create prod --ensure',
  'keys create prod --credit --save .env',
  'keys delete old --yes',
  'billing topup 50',
  'api POST /api/keys/credit -f name=prod --yes',
];

/** Creates an account with a subscription to kimi26 and a key "old". */
async function account() {
  const api = await recordedSandbox();
  await api.box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia'] });
  await api.box.data('POST', '/api/keys/credit', { name: 'old' });
  return { api, me: userOf(api) };
}

function makeStateFolder(me: User): string {
  mkdirSync(stateFolder(me), { recursive: true, mode: 0o700 });
  return stateFolder(me);
}

describe.skipIf(process.platform === 'win32')('a state directory that others can write to', () => {
  test.each(changes)('prevents changes from being sent: %s', async (line) => {
    const { api, me } = await account();
    const folder = makeStateFolder(me);
    chmodSync(folder, 0o777);
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.changes, stateFiles(me)]).toEqual([1, '', [], []]);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(
      `ci: Other users can write to ${folder} (mode 0777). Nothing was sent. Check that everything in it is yours, then run \`chmod 700 ${folder}\`.\n`,
    );
  });

  test('is reported as JSON with --json, and accepted after the suggested command', async () => {
    const { api, me } = await account();
    chmodSync(makeStateFolder(me), 0o770);
    const { stderr } = await me.ci('keys create prod --credit --json');
    const { error }: { error: { hint: string } } = JSON.parse(stderr);
    expect(error).toMatchObject({ code: 'file_error', outcome: 'not_applied', retryable: false });
    expect((await me.sh(/`(chmod [^`]+)`/.exec(error.hint)?.[1] ?? 'false')).code).toBe(0);
    expect((await me.ci('keys create prod --credit')).code).toBe(0);
    expect(api.changes).toEqual(['POST /api/keys/credit']);
  });

  test("doesn't prevent reading", async () => {
    const { me } = await account();
    chmodSync(makeStateFolder(me), 0o777);
    expect(await me.ci('keys list')).toMatchObject({ code: 0, stderr: '' });
  });

  test("doesn't prevent a dry run of a purchase", async () => {
    const { api, me } = await account();
    chmodSync(makeStateFolder(me), 0o777);
    const { code, stderr } = await me.ci('pools subscribe kimi26 --blocks europe --dry-run');
    expect([code, stderr, api.changes]).toEqual([0, 'Dry run. Nothing was charged.\n', []]);
  });

  test('is named if it is the parent directory', async () => {
    const { api, me } = await account();
    const above = path.join(me.home, 'shared');
    mkdirSync(above);
    chmodSync(above, 0o777);
    const env = { XDG_STATE_HOME: above };
    const { code, stderr } = await me.ci('keys create prod --credit', { env });
    expect([code, api.changes, readdirSync(above)]).toEqual([1, [], []]);
    expect(stderr).toContain(
      `Other users can write to ${above} (mode 0777). Nothing was sent. Check that everything in it is yours, then run \`chmod o-w ${above}\``,
    );
    chmodSync(above, 0o1777);
    expect((await me.ci('keys create prod --credit', { env })).code).toBe(0);
    expect(statSync(path.join(above, 'cheapestinference')).mode & 0o7777).toBe(0o700);
  });
});

describe.skipIf(!canBeStranger)('a state directory of another user', () => {
  /** Creates a home directory for a user unknown to the system, and a folder in which everybody can create folders. */
  async function unknown() {
    const { api, me } = await account();
    chownSync(me.home, 54_321, 54_321);
    const shared = path.join(me.home, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const ci = (line: string) =>
      me.sh(`exec ${stranger} ${program.join(' ')} ${line}`, { env: { XDG_STATE_HOME: shared } });
    return { api, ci, folder: path.join(shared, 'cheapestinference') };
  }

  test('prevents changes from being sent, and the error says what to do', async () => {
    const { api, ci, folder } = await unknown();
    mkdirSync(folder, { mode: 0o755 });
    chownSync(folder, 12_345, 12_345);
    const { code, stdout, stderr } = await ci('keys create prod --credit');
    expect([code, stdout, api.changes]).toEqual([1, '', []]);
    expect(stderr).toBe(
      `ci: ${folder} belongs to another user (uid 12345). Nothing was sent. Set XDG_STATE_HOME to a directory of your own. If everything in ${folder} is yours, you can run \`sudo chown -R 54321 ${folder}\` instead.\n`,
    );
    chownSync(folder, 54_321, 54_321);
    expect((await ci('keys create prod --credit')).code).toBe(0);
  });

  test("prevents changes from being sent if another user's link leads to it", async () => {
    const { api, ci, folder } = await unknown();
    mkdirSync(`${folder}-theirs`, { mode: 0o700 });
    chownSync(`${folder}-theirs`, 12_345, 12_345);
    symlinkSync(`${folder}-theirs`, folder);
    const { code, stderr } = await ci('keys create prod --credit');
    expect([code, api.changes, readdirSync(`${folder}-theirs`)]).toEqual([1, [], []]);
    expect(stderr).toContain(`${folder} belongs to another user (uid 12345)`);
  });

  test("is used by root, as in a container with another user's home directory", async () => {
    const { api, me } = await account();
    const folder = makeStateFolder(me);
    for (const each of [me.home, folder]) chownSync(each, 54_321, 54_321);
    expect((await me.ci('keys create prod --credit')).code).toBe(0);
    expect([api.changes, stateFiles(me)]).toEqual([['POST /api/keys/credit'], ['history.jsonl']]);
  });
});

describe.skipIf(process.platform === 'win32')('a cache directory that others can write to', () => {
  const cache = ({ home }: User) => path.join(home, '.cache', 'cheapestinference');

  test('is not used, so that each run fetches the usage again without a note', async () => {
    const api = await server(data([]));
    const me = userOf(api);
    mkdirSync(cache(me), { recursive: true });
    chmodSync(cache(me), 0o777);
    for (let run = 0; run < 2; run += 1) expect((await me.ci('usage --json')).code).toBe(0);
    expect([api.requests, readdirSync(cache(me))]).toEqual([['GET /api/usage', 'GET /api/usage'], []]);
    chmodSync(cache(me), 0o700);
    for (let run = 0; run < 2; run += 1) expect((await me.ci('usage --json')).code).toBe(0);
    expect([api.requests.length, readdirSync(cache(me)).length]).toEqual([3, 1]);
  });

  test("keeps other users' files when cached names are deleted", async () => {
    const { me } = await account();
    mkdirSync(cache(me), { recursive: true });
    await me.sh(`echo x >.cache/cheapestinference/completion-keys-0123456789abcdef.json`);
    chmodSync(cache(me), 0o777);
    expect((await me.ci('keys create prod --credit')).code).toBe(0);
    expect(readdirSync(cache(me))).toHaveLength(1);
    chmodSync(cache(me), 0o700);
    expect((await me.ci('keys create more --credit')).code).toBe(0);
    expect(readdirSync(cache(me))).toEqual([]);
  });
});

describe('a relative XDG_STATE_HOME', () => {
  test('is ignored, so that all working directories share one record', async () => {
    const { me } = await account();
    const env = { XDG_STATE_HOME: 'state' };
    mkdirSync(path.join(me.home, 'elsewhere'));
    expect(
      (await me.sh('ci keys create one --credit && cd elsewhere && ci keys create two --credit', { env })).code,
    ).toBe(0);
    expect(listAt(json(await me.ci('history --json', { env })))).toHaveLength(2);
    expect(existsSync(path.join(me.home, 'state'))).toBe(false);
    expect(readdirSync(path.join(me.home, 'elsewhere'))).toEqual([]);
    expect(lstatSync(path.join(stateFolder(me), 'history.jsonl')).isFile()).toBe(true);
  });
});
