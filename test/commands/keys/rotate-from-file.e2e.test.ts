import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { json, type User, userOf } from '../../support/cli.ts';
import { type KeyApi, keyApi } from '../../support/key-api.ts';
import { listAt, textAt } from '../../support/sandbox.ts';

/** Starts an API, and creates keys with limits. */
async function platform(names: readonly string[]): Promise<{ readonly api: KeyApi; readonly me: User }> {
  const api = await keyApi();
  const me = userOf(api);
  const rows = names.map((name) => `${name},credit,25\n`).join('');
  write(me, 'customers.csv', `name,type,maxBudget\n${rows}`);
  const { code } = await me.ci('keys create --from customers.csv --save-to secrets.ndjson --yes');
  expect(code).toBe(0);
  return { api, me };
}

function write({ home }: User, name: string, text: string): void {
  writeFileSync(path.join(home, name), text);
}

/** Returns the last secret of each name in a file. */
function secretsIn({ home }: User, name: string): ReadonlyMap<string, string> {
  const lines = readFileSync(path.join(home, name), 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => [textAt(JSON.parse(line), 'name'), textAt(JSON.parse(line), 'apiKey')]));
}

test('rotates the keys of a file, and appends the new secrets to another', async () => {
  const names = ['acme', 'globex', 'initech'];
  const { api, me } = await platform(names);
  const old = secretsIn(me, 'secrets.ndjson');
  const { code, stdout, stderr } = await me.ci(
    'keys rotate --from customers.csv --save-to secrets.ndjson --yes --json',
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(listAt(json({ stdout }), 'rotated').map((key) => textAt(key, 'name'))).toEqual(names);
  const active = api.active().map(({ name, maxBudget }) => [name, maxBudget]);
  expect(active.sort()).toEqual(names.map((name) => [name, 25]));
  const saved = secretsIn(me, 'secrets.ndjson');
  expect(api.active().every(({ name, apiKey }) => saved.get(name) === apiKey && old.get(name) !== apiKey)).toBe(true);
  expect(statSync(path.join(me.home, 'secrets.ndjson')).mode & 0o777).toBe(0o600);
  // One list of keys at the start, and one before the old keys are revoked at the most.
  expect(api.requests.filter((request) => request === 'GET /api/keys').length).toBeLessThanOrEqual(3);
});

test('sends the secret of a row to its destination', async () => {
  const { api, me } = await platform(['acme', 'globex']);
  const program = path.join(me.home, 'bin', 'keep');
  writeFileSync(program, '#!/bin/sh\ncat >> "$HOME/kept"\n', { mode: 0o755 });
  write(me, 'rows.csv', 'name,to,maxBudget\nacme,command:keep,25\nglobex,,25\n');
  const { code, stderr } = await me.ci('keys rotate --from rows.csv --save-to new.csv --yes');
  expect([code, stderr]).toEqual([0, '']);
  const secretOf = (name: string) => api.active().find((key) => key.name === name)?.apiKey ?? '';
  expect(readFileSync(path.join(me.home, 'kept'), 'utf8')).toBe(secretOf('acme'));
  const saved = readFileSync(path.join(me.home, 'new.csv'), 'utf8');
  expect([saved.includes(secretOf('globex')), saved.includes(secretOf('acme'))]).toEqual([true, false]);
});

test.each([
  ['keys create --from customers.csv --save-to more.ndjson', 'id'],
  ['keys delete --from customers.csv', 'deleted'],
  ['keys rotate --from customers.csv --save-to more.ndjson', 'name'],
  ['keys create initech --credit', 'created'],
  ['keys delete acme', 'revoked'],
  ['keys rotate acme --store', 'rotated'],
])('`%s` refuses a field of its other results, and changes nothing', async (line, field) => {
  const { api, me } = await platform(['acme']);
  const before = api.changes.length;
  write(me, 'customers.csv', 'name,type,maxBudget\nacme,credit,25\nglobex,credit,25\n');
  const { code, stdout, stderr } = await me.ci(`${line} --yes --json --fields ${field}`);
  expect([code, stdout, api.changes.length]).toEqual([2, '', before]);
  expect(stderr).toContain(`Unknown field \\"${field}\\"`);
});

test('picks fields of the results for files', async () => {
  const { me } = await platform(['acme']);
  const of = async (line: string) => json(await me.ci(`${line} --yes --json`));
  expect(await of('keys create --from customers.csv --save-to more.ndjson --fields existing')).toEqual({ existing: 1 });
  expect(await of('keys delete --from customers.csv --fields rows,revoked')).toEqual({ rows: 1, revoked: 1 });
});

test('rotates nothing if the file has no rows', async () => {
  const { api, me } = await platform(['acme']);
  const before = api.changes.length;
  write(me, 'rows.csv', 'name\n');
  for (const more of ['', ' --older-than 1ms']) {
    const { code, stdout, stderr } = await me.ci(
      `keys rotate --from rows.csv --save-to new.ndjson --yes --json${more}`,
    );
    expect([code, json({ stdout }), stderr]).toEqual([0, { rotated: [], failed: [] }, 'rows.csv has no rows.\n']);
  }
  expect(api.changes.length).toBe(before);
});

test('reports all mistakes in the file with their lines, and sends no change', async () => {
  const { api, me } = await platform(['acme']);
  const before = api.changes.length;
  write(me, 'rows.csv', 'name,maxBudget,color\nacme,x,\nacme,,\n,1,\n');
  const first = await me.ci('keys rotate --from rows.csv --save-to new.ndjson --yes');
  expect([first.code, first.stdout, first.stderr]).toEqual([
    2,
    '',
    [
      'ci: rows.csv has 3 mistakes. Nothing was sent. Correct them, and run the command again:',
      '  line 1: column "color" isn\'t known; the columns are id, apiKey, subscriptionId, name, type, pool, subscription, maxBudget, rpm, tpm, to and error',
      '  line 2: maxBudget "x" isn\'t an amount in USD above 0, such as 49 or 49.50',
      '  line 4: its name and its ID are missing',
      '',
    ].join('\n'),
  ]);
  write(me, 'rows.csv', 'name\nacme\nacmee\n');
  const second = await me.ci('keys rotate --from rows.csv --save-to new.ndjson --yes');
  expect([second.code, second.stderr]).toEqual([
    2,
    'ci: rows.csv has a mistake. Nothing was sent. Correct it, and run the command again:\n  line 3: Key "acmee" doesn\'t exist\n',
  ]);
  expect(api.changes.length).toBe(before);
});

test('sends the secret of a row to its destination if the same command is run again', async () => {
  const { api, me } = await platform(['acme', 'globex']);
  const program = path.join(me.home, 'bin', 'keep');
  writeFileSync(program, '#!/bin/sh\ncat > /dev/null\nexit 1\n', { mode: 0o755 });
  write(me, 'rows.csv', 'name,to,maxBudget\nacme,command:keep,25\nglobex,,25\n');
  const line = 'keys rotate --from rows.csv --save-to new.ndjson --yes';
  expect((await me.ci(line)).code).toBe(1);
  writeFileSync(program, '#!/bin/sh\ncat > "$HOME/kept"\n', { mode: 0o755 });
  expect((await me.ci(line)).code).toBe(0);
  const secretOf = (name: string) => api.active().filter((key) => key.name === name)[0]?.apiKey ?? '';
  expect(api.active().length).toBe(2);
  expect(readFileSync(path.join(me.home, 'kept'), 'utf8')).toBe(secretOf('acme'));
  expect(secretsIn(me, 'new.ndjson')).toEqual(new Map([['globex', secretOf('globex')]]));
});

test('refuses rows with the same key or destination, or one that is not valid', async () => {
  const { api, me } = await platform(['acme', 'globex', 'initech']);
  const before = api.changes.length;
  const line = 'keys rotate --from rows.csv --save-to new.ndjson --yes';
  const refusal = 'ci: rows.csv has a mistake. Nothing was sent. Correct it, and run the command again:';
  write(me, 'rows.csv', 'name,to\nacme,github:acme/api\nglobex,github:acme/api\n');
  const shared = await me.ci(line);
  expect([shared.code, shared.stderr]).toEqual([
    2,
    `${refusal}\n  line 3: line 2 has the destination "github:acme/api", too, and each secret would replace the other\n`,
  ]);
  write(me, 'rows.csv', 'name,to\nacme,nowhere:x\n');
  const invalid = await me.ci(line);
  expect([invalid.code, invalid.stderr]).toEqual([
    2,
    expect.stringContaining('  line 2: "nowhere:x" is not a valid destination'),
  ]);
  const id = api.active().find(({ name }) => name === 'acme')?.id;
  write(me, 'rows.csv', `id,name\n,acme\n${id},\n`);
  const twice = await me.ci(line);
  expect([twice.code, twice.stderr]).toEqual([2, `${refusal}\n  line 3: "${id}" is the key of line 2, too\n`]);
  expect(api.changes.length).toBe(before);
});
