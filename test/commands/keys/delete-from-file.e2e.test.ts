import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, settlesIn, userOf } from '../../support/cli.ts';
import { type ApiKey, type KeyApiOptions, keyApi } from '../../support/key-api.ts';
import { answer, data, reset, server } from '../../support/servers.ts';
import { enter, onTerminal } from '../../support/terminal.ts';

/** A user with credit keys of these names. */
async function customerWith(names: readonly string[], options: KeyApiOptions = {}) {
  const api = await keyApi(options);
  const me = userOf(api);
  const write = (name: string, content: string) => writeFileSync(path.join(me.home, name), content);
  const read = (name: string) => readFileSync(path.join(me.home, name), 'utf8');
  write('keys.csv', `name,type\n${names.map((name) => `${name},credit\n`).join('')}`);
  const made = await me.ci('keys create --from keys.csv --save-to secrets.ndjson --yes');
  if (made.code !== 0) throw new Error(made.stderr);
  const made_ = api.requests.length;
  return {
    api,
    me,
    write,
    read,
    /** The names of the active keys. */
    left: () => api.active().map(({ name }) => name),
    key: (name: string): ApiKey => {
      const found = api.active().find((each) => each.name === name);
      if (!found) throw new Error(`no key ${name}`);
      return found;
    },
    /** The changes since the keys were created. */
    changes: () => api.requests.slice(made_).filter((each) => !each.startsWith('GET')),
  };
}

const names = ['acme', 'globex', 'initech', 'hooli', 'umbrella'];

test('revokes the keys by ID or name, and prints the counts', async () => {
  const { me, write, key, left } = await customerWith(names);
  write('old.csv', `id,name\n${key('acme').id},\n,globex\n${key('hooli').id},another name\n`);
  const { code, stdout, stderr } = await me.ci('keys delete --from old.csv --yes --json');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.replace(/"seconds":[\d.]+/, '"seconds":0')).toBe(
    '{"rows":3,"revoked":3,"gone":0,"failed":0,"failures":[],"seconds":0}\n',
  );
  expect(left()).toEqual(['initech', 'umbrella']);
});

test.each(['secrets.ndjson', 'keys.csv'])('takes %s of `keys create`', async (file) => {
  const { me, left } = await customerWith(names);
  const { code } = await me.ci(`keys delete --from ${file} --yes`);
  expect([code, left()]).toEqual([0, []]);
});

test('takes a CSV file with secrets, and standard input', async () => {
  const { me, left, read } = await customerWith(names);
  await me.ci('keys create --from - --save-to more.csv --yes', { stdin: 'name,type\n"a, ""b""",credit\n' });
  expect(left()).toHaveLength(6);
  const { code } = await me.ci('keys delete --from - --yes', { stdin: read('more.csv') });
  expect([code, left()]).toEqual([0, names]);
});

test('counts keys that are gone already, and does nothing the second time', async () => {
  const { me, write, changes } = await customerWith(names);
  write('old.csv', 'name\nacme\nglobex\n');
  await me.ci('keys delete acme --yes');
  const first = await me.ci('keys delete --from old.csv --yes --json');
  expect([first.code, json(first)]).toEqual([0, expect.objectContaining({ revoked: 1, gone: 1, failed: 0 })]);
  const second = await me.ci('keys delete --from old.csv --yes --json');
  expect([second.code, json(second)]).toEqual([0, expect.objectContaining({ revoked: 0, gone: 2, failed: 0 })]);
  expect(changes()).toHaveLength(2);
});

test("fails for names that don't exist or aren't unique, revokes the others, and writes them to --failed", async () => {
  const { me, write, read, left } = await customerWith(names);
  await me.ci('keys create acme --credit');
  write('old.csv', 'name\nacme\nglobbex\ninitech\n');
  const { code, stdout, stderr } = await me.ci('keys delete --from old.csv --failed failed.csv --yes --json');
  expect([code, json({ stdout })]).toEqual([1, expect.objectContaining({ revoked: 1, gone: 0, failed: 2 })]);
  expect(stderr).toBe(
    [
      '2 rows failed, and are in failed.csv, which --from takes:',
      '  line 2, acme: There are 2 keys of this name; add a column with their IDs.',
      '  line 3, globbex: There is no such key.',
      '',
    ].join('\n'),
  );
  expect(left()).toEqual(['acme', 'globex', 'hooli', 'umbrella', 'acme']);
  expect(read('failed.csv')).toMatch(/^id,subscriptionId,name,[^\n]*error\r\n,,acme,[^\n]*\r\n,,globbex,[^\n]*\r\n$/);
  const again = await me.ci('keys delete --from failed.csv --failed failed.csv --yes --json');
  expect([again.code, json(again)]).toEqual([1, expect.objectContaining({ failed: 2 })]);
});

test('revokes a key once that is in the file by its ID and by its name', async () => {
  const { me, write, key, left, changes } = await customerWith(names);
  write('old.ndjson', `{"id":"${key('acme').id}"}\n{"name":"acme"}\n`);
  const { code, stdout } = await me.ci('keys delete --from old.ndjson --yes --json');
  expect([code, json({ stdout })]).toEqual([0, expect.objectContaining({ rows: 2, revoked: 1, gone: 1, failed: 0 })]);
  expect([changes().length, left().length]).toEqual([1, 4]);
});

test.each([
  ['name\n\nacme\nacme\n', 'line 4: "acme" is also in line 3'],
  ['name,type\n,credit\n', 'line 2: its name and its ID are missing'],
  ['name,colour\nacme,red\n', 'line 1: column "colour" isn\'t known'],
  ['{"name":"acme"}\nacme\n', "line 2: it isn't a JSON object"],
])('refuses a file with mistakes, and sends nothing: %j', async (content, problem) => {
  const { api, me } = await customerWith(['acme']);
  const before = api.requests.length;
  const { code, stderr } = await me.ci('keys delete --from - --yes', { stdin: content });
  expect([code, api.requests.length]).toEqual([2, before]);
  expect(stderr).toContain(problem);
});

test.each([
  ['keys delete --from keys.csv', 'Pass --yes'],
  ['keys delete acme --from keys.csv --yes', "--from and the name of a key can't be combined"],
  ['keys delete acme --failed x --yes', '--failed needs --from'],
])('refuses ci %s', async (line, message) => {
  const { me, left } = await customerWith(['acme']);
  const { code, stderr } = await me.ci(line);
  expect([code, left()]).toEqual([2, ['acme']]);
  expect(stderr).toContain(message);
});

describe('consent', () => {
  test('lists the keys, and revokes none without it', async () => {
    const { me, left, write } = await customerWith(names);
    write('old.csv', 'name\nacme\nglobex\nnobody\n');
    const session = onTerminal(me, 'keys delete --from old.csv', { columns: 120 });
    await session.shows('Revoke these 2 keys immediately?');
    expect(session.screen).toMatch(/Keys +acme, globex\n *Not clear +1\n *Account/);
    session.type(enter);
    expect([await session.exit, left()]).toEqual([1, names]);
  });

  test("doesn't let names of the API control the terminal", async () => {
    const api = await server(data([{ id: 'key-1', name: 'a\u001b[2Jb\u0007\nc' }]));
    const me = userOf(api);
    writeFileSync(path.join(me.home, 'old.csv'), 'id\nkey-1\n');
    const session = onTerminal(me, 'keys delete --from old.csv', { columns: 120 });
    await session.shows('Revoke this key immediately?');
    expect(session.written).not.toContain('\u001b[2J');
    expect(session.written).not.toContain('\u0007');
    session.type(enter);
    expect(await session.exit).toBe(1);
  });
});

describe('an API that fails', () => {
  test('ends the run if it refuses the key', async () => {
    const keys = Array.from({ length: 100 }, (_, at) => ({ id: `key-${at}`, name: `k${at}` }));
    let count = 0;
    const api = await server((request, response) => {
      if (request.method === 'GET') return data(keys)(request, response);
      return (count++ < 10 ? data({ deleted: true }) : answer(401, 'No'))(request, response);
    });
    const me = userOf(api);
    writeFileSync(path.join(me.home, 'old.csv'), `id\n${keys.map(({ id }) => `${id}\n`).join('')}`);
    const { code, stderr } = await me.ci('keys delete --from old.csv --yes');
    expect([code, api.changes.length <= 18]).toEqual([4, true]);
    expect(stderr).toMatch(/10 of 100 rows of old\.csv are done\. .*Run the same command again to continue\.\n$/);
  });

  test('ends the run after a while if it is down, without sending much', async () => {
    const keys = Array.from({ length: 300 }, (_, at) => ({ id: `key-${at}`, name: `k${at}` }));
    const api = await server((request, response) =>
      request.method === 'GET' && api.changes.length === 0 ? data(keys)(request, response) : reset(request, response),
    );
    const me = userOf(api);
    settlesIn(me, '1s');
    writeFileSync(path.join(me.home, 'old.csv'), `id\n${keys.map(({ id }) => `${id}\n`).join('')}`);
    const { code, stderr } = await me.ci('keys delete --from old.csv --yes');
    expect([code, api.changes.length < 100]).toEqual([10, true]);
    expect(stderr).toMatch(
      /The API doesn't answer: .*\. 0 of 300 rows of old\.csv are done\. Run the same command again/,
    );
  }, 60_000);

  test("reports a key that the API says it revoked but still lists, and one that can't be revoked", async () => {
    const keys = [
      { id: 'key-1', name: 'a' },
      { id: 'key-2', name: 'b' },
    ];
    const api = await server((request, response) => {
      if (request.method === 'GET') return data(keys)(request, response);
      return (request.path.endsWith('1') ? answer(404, 'Not found') : answer(403, 'Forbidden'))(request, response);
    });
    const me = userOf(api);
    settlesIn(me, '1s');
    writeFileSync(path.join(me.home, 'old.csv'), 'id\nkey-1\n');
    const { code, stderr } = await me.ci('keys delete --from old.csv --yes');
    expect(code).toBe(1);
    expect(stderr).toContain('line 2, a: Not found');
  });
});

test('finishes what is under way after an interrupt, and goes on the next time', async () => {
  const many = Array.from({ length: 40 }, (_, at) => `key-${at}`);
  const { api, me, left, changes } = await customerWith(many, { latency: 100 });
  const running = me.start('keys delete --from keys.csv --yes --json --concurrency 4');
  await api.got('DELETE');
  running.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect(code).toBe(130);
  const { message, hint } = Object(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).error;
  const revoked = 40 - left().length;
  expect(message).toBe(`Interrupted after ${revoked} of 40 rows`);
  expect(hint).toBe('Run the same command again to continue.');
  const next = await me.process('keys delete --from keys.csv --yes --json');
  expect([next.code, json(next)]).toEqual([0, expect.objectContaining({ revoked: 40 - revoked, gone: revoked })]);
  expect([left(), changes().length]).toEqual([[], 40]);
});
