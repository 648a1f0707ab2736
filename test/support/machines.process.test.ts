import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { json } from './cli.ts';
import { lacksFaketime } from './faketime.ts';
import { hasHostNames, withHostName } from './host-name.ts';
import { machine } from './machines.ts';
import { withResolvers } from './resolvers.ts';
import { listAt, sandbox, textAt } from './sandbox.ts';
import { data, type RecordingServer, server } from './servers.ts';

/** Starts an API that answers the first request only when the test says so. */
async function slowApi(): Promise<RecordingServer & { answer(): void }> {
  const { promise: first, resolve: answer } = withResolvers();
  const api = await server(async (request, response) => {
    await first;
    await data([])(request, response);
  });
  return Object.assign(api, { answer });
}

test('works with one account in separate home directories', async () => {
  const api = await sandbox();
  const [one, two] = await Promise.all([machine('one', { api }), machine('two', { api })]);
  expect(one.home).not.toBe(two.home);
  const created = await one.ci('keys create app --credit --yes --json');
  expect(created, created.stderr).toMatchObject({ code: 0 });
  expect(JSON.stringify(json(await two.ci('keys list --json')))).toContain('"name":"app"');
  expect(json(await one.ci('history --json'))).toHaveLength(1);
  expect(json(await two.ci('history --json'))).toEqual([]);
  one.reset({ api });
  expect(json(await one.ci('history --json'))).toEqual([]);
});

test('runs other commands while one runs in a process of its own', async () => {
  const api = await sandbox();
  const one = await machine('one', { api });
  const [version, pools] = await Promise.all([one.start('--version').ended, one.ci('pools list --json')]);
  expect(version).toMatchObject({ code: 0, signal: null });
  expect(pools).toMatchObject({ code: 0, signal: null });
});

test('stands still until it is resumed', async () => {
  const api = await slowApi();
  const one = await machine('one', { api });
  const running = one.start('keys list --json');
  await api.got('GET');
  one.suspend();
  const state = () => / ([A-Z]) /.exec(readFileSync(`/proc/${running.pid}/stat`, 'utf8'))?.[1];
  await expect.poll(state, { interval: 5 }).toBe('T');
  api.answer();
  one.resume();
  expect(await running.ended).toMatchObject({ code: 0, stdout: '[]\n' });
});

test('runs commands again after a crash', async () => {
  const api = await slowApi();
  const one = await machine('one', { api });
  const [kept, own] = [one.ci('keys list --json'), one.start('keys list --json')];
  await api.arrived(2);
  await one.crash();
  expect(await kept).toEqual({ code: null, signal: 'SIGKILL', stdout: '', stderr: '' });
  expect(await own.ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  api.answer();
  expect(await one.ci('keys list --json')).toMatchObject({ code: 0, stdout: '[]\n' });
});

test.skipIf(lacksFaketime)('has a clock of its own', async () => {
  const api = await sandbox();
  const one = await machine('one', { api, movesClock: true });
  const created = async () => {
    const { code, stderr } = await one.ci('keys create app --credit --yes --json');
    expect(code, stderr).toBe(0);
    const [entry] = listAt({ entries: json(await one.ci('history --json')) }, 'entries');
    one.reset({ api });
    return Math.round((Date.parse(textAt(entry, 'at')) - Date.now()) / 60_000) + 0;
  };
  expect(await created()).toBe(0);
  one.setClock(5);
  expect(await created()).toBe(300);
});

test.skipIf(!hasHostNames)('gives a process a host name', () => {
  const [file = '', ...args] = [...withHostName('one'), process.execPath, '-p', 'os.hostname()'];
  expect(execFileSync(file, args, { encoding: 'utf8' })).toBe('one\n');
});
