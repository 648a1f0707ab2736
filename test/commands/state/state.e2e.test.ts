import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, oneLine, settlesIn, type User, user, userOf } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { hasHostNames } from '../../support/host-name.ts';
import { heldResponse, isChange, killedCustomer, madeEarlier, stateFolder, undeliveredIn } from '../../support/lost.ts';
import { machine } from '../../support/machines.ts';
import { type Postgres, sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Received, recordedSandbox } from '../../support/servers.ts';
import { enter, onTerminal, shown as shownOnTerminal } from '../../support/terminal.ts';

const day = 86_400_000;
const variable = 'CHEAPESTINFERENCE_STATE_URL';

/** Runs a line on a terminal. @returns the exit code, what was written, and its rows */
async function shown(...args: Parameters<typeof shownOnTerminal>) {
  const { code, rows } = await shownOnTerminal(...args);
  return { code, rows, text: rows.join('\n') };
}

const jsonOf = async (me: User, line: string) => json(await me.ci(`${line} --json`));

/** Waits until a condition holds. */
const holds = (condition: () => Promise<boolean>) => expect.poll(condition, { interval: 20 }).toBe(true);

describe('without a state database', () => {
  test.each(['init', 'status', 'move', 'sync', 'gc --older-than 90d --yes'])('refuses `ci state %s`', async (verb) => {
    const { code, stdout, stderr } = await user().ci(`state ${verb}`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `ci: No state database is set. Enter its URL with \`ci config set state-url -\`, or set ${variable}.\n`,
    );
  });

  test('prints the SQL for the default schema, and a comment for the role', async () => {
    const { code, stdout, stderr } = await user().ci('state init --sql');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('create schema if not exists cheapestinference;');
    expect(stdout).toContain('\n-- grant usage on schema cheapestinference to ROLE;\n');
    expect(json(await user().ci('state init --sql --json'))).toEqual({ sql: stdout });
  });

  test('refuses --offline, and a database that is away, without the password', async () => {
    const away = user({ [variable]: 'postgres://team:pa55word@127.0.0.1:1/ci' });
    for (const verb of ['init', 'status', 'move', 'sync', 'gc --older-than 90d --yes']) {
      expect(await away.ci(`state ${verb} --offline`)).toMatchObject({ code: 2, stdout: '' });
      // There is nothing to bring in.
      if (verb === 'sync') continue;
      const { code, stdout, stderr } = await away.ci(`state ${verb}`);
      expect([verb, code, stdout]).toEqual([verb, 9, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain('postgres://127.0.0.1:1/ci: the connection was refused');
      expect(stderr).not.toContain('pa55word');
    }
  });
});

describe.skipIf(lacksPostgres)('with a state database', () => {
  const server = sharedPostgres({ fsync: false });

  /** Creates a state database with its tables. @returns its URL, and a function that runs a query there */
  async function initialized() {
    const url = await server().freshSchema();
    expect(await user({ [variable]: url }).ci('state init')).toMatchObject({ code: 0 });
    return { url, ...queriesOf(server(), url) };
  }

  /** Creates a customer with a state database. */
  async function sharing(setting: Parameters<typeof recordedSandbox>[0] = {}) {
    const { url, ...queries } = await initialized();
    return { url, ...queries, ...(await customer({ ...setting, env: { [variable]: url } })) };
  }

  describe('ci state init', () => {
    test('creates the tables once, however many do it at once', async () => {
      const url = await server().freshSchema();
      const results = await Promise.all(
        Array.from({ length: 8 }, () => jsonOf(user({ [variable]: url }), 'state init')),
      );
      expect(results.map((result) => at(result, 'from')).sort()).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
      expect(new Set(results.map((result) => at(result, 'to')))).toEqual(new Set([1]));
      const again = await user({ [variable]: url }).ci('state init');
      expect(again).toMatchObject({ code: 0, stderr: 'The tables are up to date (version 1).\n' });
      expect(cells(again.stdout)).toContainEqual(['from', '1']);
    });

    test('creates the schema if the role may, and says so on a terminal', async () => {
      const url = `${server().adminUrl}?schema=created`;
      const { code, text } = await shown(user({ [variable]: url }), 'state init');
      expect([code, text.replaceAll(/\s+/g, ' ')]).toEqual([
        0,
        expect.stringMatching(
          /^✓ Created the tables \(version 1\) in the schema created of postgres:\/\/127\.0\.0\.1:/,
        ),
      ]);
    });

    test('names the command for a person with more rights, whose tables the role can use', async () => {
      const url = (await server().freshSchema()).replace(/schema=(.*)$/, 'schema=other_$1');
      const { api, me } = await customer({ env: { [variable]: url } });
      const schema = new URL(url).searchParams.get('schema') ?? '';
      const role = new URL(url).username;
      const { code, stdout, stderr } = await me.ci('state init');
      expect([code, stdout]).toEqual([9, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain(`The role ${role} may not create the tables in the schema ${schema} of`);
      expect(stderr).toContain('what `ci state init --sql` prints.');
      await server().query((await me.ci('state init --sql')).stdout);
      expect(await me.ci('state init')).toMatchObject({ stderr: 'The tables are up to date (version 1).\n' });
      expect(await jsonOf(me, 'state status')).toMatchObject({ fits: true, version: 1 });
      expect(await me.ci('keys create a --credit')).toMatchObject({ code: 0 });
      expect(api.changes).toHaveLength(1);
      expect(await jsonOf(me, 'history')).toMatchObject([{ change: 'create credit key a', outcome: 'applied' }]);
      expect(await me.ci('state gc --older-than 90d --yes')).toMatchObject({ code: 0 });
    });

    test('leaves tables alone that a newer version upgraded', async () => {
      const { url, query } = await initialized();
      await query('update SCHEMA.schema_version set version = 99');
      const me = user({ [variable]: url });
      const { code, stderr } = await me.ci('state init');
      expect([code, stderr]).toEqual([6, expect.stringContaining('was upgraded by a newer version of ci')]);
      expect(await me.ci('state status --fields version,needed,fits,openChanges --json')).toEqual({
        code: 0,
        signal: null,
        stdout: '{"version":99,"needed":1,"fits":false,"openChanges":{"count":0,"running":0,"oldest":null}}\n',
        stderr: 'A newer version of ci upgraded the tables. Install the newest version of ci on this machine.\n',
      });
    });
  });

  describe('ci state status', () => {
    test('shows a database without tables', async () => {
      const { code, text } = await shown(user({ [variable]: await server().freshSchema() }), 'state status');
      expect([code, text]).toEqual([0, expect.stringMatching(/Tables +none\n/)]);
      expect(text).toContain('There are no tables yet. Run `ci state init` to create them.');
    });

    test('shows who does what: processes, locks, open changes and accounts', async () => {
      const held = heldResponse();
      let count = 0;
      const { me, url } = await sharing({
        instead: (request) => (isChange(request) && ++count === 2 ? held.respond : undefined),
      });
      await me.ci('keys create first --credit');
      const buying = me.start('pools subscribe kimi26 --blocks europe --yes --timeout 60s');
      await holds(async () => at(await jsonOf(me, 'state status'), 'openChanges', 'count') === 1);
      const status = await jsonOf(me, 'state status');
      expect(status).toMatchObject({
        database: expect.stringMatching(/^postgres:\/\/127\.0\.0\.1:\d+\/app \(schema /),
        schema: new URL(url).searchParams.get('schema'),
        version: 1,
        needed: 1,
        fits: true,
        server: expect.stringMatching(/^\d+\.\d+$/),
        machines: [
          {
            host: expect.stringMatching(/./),
            seenAt: expect.stringMatching(/Z$/),
            processes: [{ pid: buying.pid, program: 'ci pools subscribe', beganAt: expect.stringMatching(/Z$/) }],
          },
        ],
        openChanges: {
          count: 1,
          running: 1,
          oldest: { change: expect.stringContaining('subscribe kimi26 europe'), by: expect.stringContaining(' on ') },
        },
        locks: [{ name: 'purchase', pid: buying.pid, program: 'ci pools subscribe', account: expect.any(String) }],
        unsynced: 0,
        undelivered: [],
        accounts: [{ changes: 2, label: expect.stringContaining('mk_') }],
      });
      const roundTrip = Number(at(status, 'roundTrip'));
      expect(roundTrip).toBeGreaterThan(0);
      expect(Math.abs(Number(at(status, 'clockDifference')))).toBeLessThan(1000 + roundTrip);
      expect(Number(at(status, 'locks', 0, 'leaseLeft'))).toBeGreaterThan(1000);
      const { text } = await shown(me, 'state status', { columns: 200 });
      expect(text).toMatch(
        /Open changes +1; 1 running; the oldest: subscribe kimi26 europe.*, just now, by \S+ on \S+\n/,
      );
      expect(text).toContain(`ci pools subscribe (pid ${buying.pid})`);
      expect(text).not.toMatch(/Clock|Not synced|UNDELIVERED/);
      expect(text).not.toContain(new URL(url).password);
      await held.release(answer(403, 'Closed for today'));
      await buying.ended;
      expect(await jsonOf(me, 'state status')).toMatchObject({
        machines: [{ processes: [] }],
        openChanges: { count: 0, running: 0, oldest: null },
        locks: [],
      });
    });

    test('fits a terminal of 80 columns, and prints tab-separated fields in a pipe', async () => {
      const { me } = await sharing();
      await me.ci('keys create first --credit');
      const { rows } = await shown(me, 'state status');
      expect(rows.filter((row) => row.length > 80)).toEqual([]);
      const { stdout } = await me.ci('state status');
      expect(cells(stdout)).toEqual(
        expect.arrayContaining([
          ['version', '1'],
          ['fits', 'true'],
          ['openChanges', '0'],
        ]),
      );
    });
  });

  describe('ci state sync', () => {
    test('brings in what was changed with --offline', async () => {
      const { me } = await sharing();
      expect((await me.ci('keys create a --credit --offline')).code).toBe(0);
      expect(await jsonOf(me, 'state status')).toMatchObject({ unsynced: 1, accounts: [] });
      const text = (await shown(me, 'state status')).text;
      expect(text).toMatch(/Not synced +1 change of this machine \(`ci state sync`\)/);
      expect(await me.ci('state sync --json')).toMatchObject({ code: 0, stdout: '{"changes":1}\n' });
      expect(await me.ci('state sync --json')).toEqual({
        code: 0,
        signal: null,
        stdout: '{"changes":0}\n',
        stderr: 'Nothing to bring in.\n',
      });
      expect(await jsonOf(me, 'history')).toMatchObject([{ change: 'create credit key a', outcome: 'applied' }]);
    });
  });

  describe('ci state move', () => {
    test('brings in the changes of all accounts with outcomes and times, once', async () => {
      const { url } = await initialized();
      const { api, me } = await customer();
      await me.ci('keys create a --credit');
      await me.ci('keys create b --credit', {
        env: { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_another_account_012345' },
      });
      await me.ci('keys create c --credit --sandbox');
      madeEarlier(me, 100 * day);
      const here = listAt(await jsonOf(me, 'history --all')).filter(
        (change) => at(change, 'change') !== 'create credit key c',
      );
      expect(here).toHaveLength(2);
      const env = { [variable]: url };
      const moved = await me.ci('state move --json', { env });
      expect(json(moved)).toEqual({ added: 2, updated: 0, known: 0, left: 0 });
      expect(json(await me.ci('state move --json', { env }))).toEqual({ added: 0, updated: 0, known: 2, left: 0 });
      const there = listAt(json(await me.ci('history --all --json', { env })));
      expect(JSON.parse(JSON.stringify(there, (name, value: unknown) => (name === 'by' ? null : value)))).toEqual(here);
      expect(there.map((change) => textAt(change, 'by'))).toEqual([
        expect.stringContaining(' on '),
        expect.stringContaining(' on '),
      ]);
      expect(api.changes).toHaveLength(2);
      // The files stay.
      expect(await jsonOf(me, 'history --all')).toHaveLength(3);
      const { text } = await shown(me, 'state move', { env, columns: 300 });
      expect(text).toContain('Brought 0 changes (2 were there already) into postgres://127.0.0.1:');
      expect(text).toContain(`The files in ${stateFolder(me)} stay as they are.`);
    });

    test('is suggested when the URL is set on a machine that has made changes', async () => {
      const { url } = await initialized();
      const { me } = await customer();
      await me.ci('keys create a --credit --sandbox');
      expect(await me.ci('config set state-url -', { stdin: url })).toMatchObject({ code: 0, stderr: '' });
      await me.ci('config unset state-url');
      await me.ci('keys create b --credit');
      expect(await me.ci('config set state-url -', { stdin: url })).toMatchObject({
        code: 0,
        stderr:
          'Changes were made from this machine before. Run `ci state move` to bring them into the state database before the next change.\n',
      });
      expect((await me.ci('config set state-url default')).stderr).toBe('');
    });

    test('brings in an open change with all that its outcome needs, and later the outcome', async () => {
      const { url } = await initialized();
      const { me, api } = await killedCustomer('keys create k --credit', true);
      const env = { [variable]: url };
      expect(json(await me.ci('state move --json', { env }))).toEqual({ added: 1, updated: 0, known: 0, left: 0 });
      expect(json(await me.ci('history --json', { env }))).toMatchObject([{ outcome: 'pending' }]);
      const other = userOf(api, env);
      settlesIn(other, '1s');
      expect(json(await other.ci('history reconcile --json'))).toMatchObject([{ outcome: 'applied' }]);
      expect(json(await me.ci('history --json', { env }))).toMatchObject([{ outcome: 'applied' }]);
      // An outcome that is found here doesn't replace it.
      expect(json(await me.ci('state move --json', { env }))).toEqual({ added: 0, updated: 0, known: 1, left: 0 });
    });

    test('adds the outcome of a change that was open when it was moved', async () => {
      const { url } = await initialized();
      const { me } = await killedCustomer('keys create k --credit', true);
      const env = { [variable]: url };
      await me.ci('state move', { env });
      expect(await jsonOf(me, 'history reconcile')).toMatchObject([{ outcome: 'applied' }]);
      expect(json(await me.ci('state move --json', { env }))).toEqual({ added: 0, updated: 1, known: 0, left: 0 });
      expect(json(await me.ci('history --json', { env }))).toMatchObject([{ outcome: 'applied' }]);
    });

    test('leaves a change that a process is working on, and says so', async () => {
      const { url } = await initialized();
      const held = heldResponse();
      const { api, me } = await customer({ instead: (request) => (isChange(request) ? held.respond : undefined) });
      const creating = me.start('keys create k --credit --timeout 60s');
      await api.got('POST');
      const { code, stdout, stderr } = await me.ci('state move --json', { env: { [variable]: url } });
      expect([code, JSON.parse(stdout)]).toEqual([0, { added: 0, updated: 0, known: 0, left: 1 }]);
      expect(stderr).toContain('Run `ci state move` again when it has finished.');
      await held.release(answer(403, 'Closed for today'));
      await creating.ended;
      expect(json(await me.ci('state move --json', { env: { [variable]: url } }))).toMatchObject({ added: 1, left: 0 });
    });

    test('brings in thousands of changes', async () => {
      const { url, query } = await initialized();
      const { me } = await customer();
      await me.ci('keys create a --credit');
      const file = path.join(stateFolder(me), 'history.jsonl');
      const record = readFileSync(file, 'utf8');
      const id = textAt(JSON.parse(record.split('\n')[0] ?? ''), 'id');
      const more = Array.from({ length: 3000 }, (_, index) =>
        record.replaceAll(id, index.toString(16).padStart(12, '0')),
      );
      appendFileSync(file, more.join(''));
      expect(json(await me.ci('state move --json', { env: { [variable]: url } }))).toMatchObject({ added: 3001 });
      expect(await query("select count(*)::integer as count from SCHEMA.changes where outcome = 'applied'")).toEqual([
        { count: 3001 },
      ]);
    });
  });

  describe('ci state gc', () => {
    /** Makes everything in a state database older. */
    const aged = async (query: (sql: string) => Promise<unknown>, days: number) => {
      const columns = {
        changes: ['at', 'sent_at', 'settled_at', 'touched_at'],
        sessions: ['began_at', 'seen_at', 'expires_at', 'ended_at'],
        locks: ['taken_at'],
        work: ['began_at'],
        undelivered: ['at'],
      };
      for (const [table, names] of Object.entries(columns)) {
        const set = names.map((name) => `${name} = ${name} - interval '${days} days'`).join(', ');
        await query(`update SCHEMA.${table} set ${set}`);
      }
    };

    test('asks before it removes settled changes and ended sessions', async () => {
      const { me, query } = await sharing();
      await me.ci('keys create old --credit');
      await aged(query, 60);
      await me.ci('keys create newer --credit');
      await aged(query, 60);
      expect(await me.ci('state gc --older-than 90d')).toMatchObject({ code: 2, stdout: '' });
      const declining = onTerminal(me, 'state gc --older-than 90d');
      await declining.shows('Remove them from the state database?');
      expect(declining.screen).toMatch(/Changes +1, which/);
      declining.type(enter);
      expect(await declining.exit).toBe(1);
      expect(await jsonOf(me, 'history')).toHaveLength(2);
      const removed = await jsonOf(me, 'state gc --older-than 90d --yes');
      expect(removed).toMatchObject({ changes: 1, sessions: 1 });
      expect(await jsonOf(me, 'history')).toMatchObject([{ change: 'create credit key newer' }]);
      expect(await jsonOf(me, 'state gc --older-than 90d --yes')).toMatchObject({ changes: 0, sessions: 0 });
      // Locks can be taken as before.
      expect(await me.ci('pools subscribe kimi26 --blocks europe --yes')).toMatchObject({ code: 0 });
    });

    test('keeps open changes, and what ended after them, which tells what is theirs', async () => {
      const { url, query } = await initialized();
      const { me } = await killedCustomer('keys create k --credit', true);
      const env = { [variable]: url };
      await me.ci('state move', { env });
      await me.ci('keys create other --credit', { env });
      await query(
        `insert into SCHEMA.changes select 'ffffffffffff', 'another account', label, action, intent, before, machine, host, username,
           process, session, fence, at, sent_at, outcome, found_by, ids, code, charge, settled_at, version, touched_at
         from SCHEMA.changes where outcome = 'applied'`,
      );
      await aged(query, 400);
      expect(json(await me.ci('state gc --older-than 90d --yes --json', { env }))).toMatchObject({ changes: 1 });
      expect(json(await me.ci('history --json', { env }))).toMatchObject([
        { change: 'create credit key other', outcome: 'applied' },
        { change: 'create credit key k', outcome: 'pending' },
      ]);
      expect(json(await me.ci('history reconcile --json', { env }))).toMatchObject([{ outcome: 'applied' }]);
      await aged(query, 400);
      expect(json(await me.ci('state gc --older-than 90d --yes --json', { env }))).toMatchObject({ changes: 2 });
    });

    test('keeps a lock that a process has, its session, and payments', async () => {
      const held = heldResponse();
      const { me, query } = await sharing({ instead: (request) => (isChange(request) ? held.respond : undefined) });
      const buying = me.start('pools subscribe kimi26 --blocks europe --yes --timeout 60s');
      await holds(async () => listAt(await jsonOf(me, 'state status'), 'locks').length === 1);
      await query("update SCHEMA.locks set taken_at = taken_at - interval '400 days'");
      await query("update SCHEMA.sessions set began_at = began_at - interval '400 days'");
      await query(
        `insert into SCHEMA.changes select 'ffffffffffff', 'a wallet', label, 'pay', intent, before, machine, host, username,
           process, session, fence, at, sent_at, 'applied', 'answer', '[]', code, charge, at, version, at - interval '400 days'
         from SCHEMA.changes`,
      );
      const none = { changes: 0, sessions: 0, locks: 0, work: 0, undelivered: 0 };
      expect(await jsonOf(me, 'state gc --older-than 31d --yes')).toEqual(none);
      await held.release(answer(403, 'Closed for today'));
      expect((await buying.ended).code).toBe(4);
    });
  });

  describe('undelivered secrets', () => {
    /** Creates the key of a test, whose secret can't be saved because its directory disappears. @returns the file that has it */
    async function undelivered(me: Pick<User, 'home' | 'ci'>): Promise<string> {
      mkdirSync(path.join(me.home, 'app'));
      const { code, stderr } = await me.ci('keys create lost --credit --save app/.env');
      expect(code).toBe(1);
      const file = undeliveredIn(stderr.trimEnd());
      expect(readFileSync(file, 'utf8')).toMatch(/^sk_/);
      return file;
    }

    /** Removes the directory of a machine when its key is requested. */
    const losing = (home: () => string) => (request: Received) => {
      if (isChange(request) && request.body.includes('lost')) rmSync(path.join(home(), 'app'), { recursive: true });
      return undefined;
    };

    async function loser() {
      const one: Awaited<ReturnType<typeof sharing>> = await sharing({ instead: losing(() => one.me.home) });
      return one;
    }

    test('are known to all machines by their place, until the file is gone', async () => {
      const { me, query } = await loser();
      const file = await undelivered(me);
      expect(await jsonOf(me, 'state status')).toMatchObject({
        undelivered: [{ file, account: expect.stringContaining('mk_'), at: expect.stringMatching(/Z$/) }],
      });
      expect((await shown(me, 'state status', { columns: 300 })).text).toContain(`:${file}`);
      expect(JSON.stringify(await query('select * from SCHEMA.undelivered'))).not.toMatch(/sk_/);
      rmSync(file);
      await me.ci('keys create next --credit');
      expect(await jsonOf(me, 'state status')).toMatchObject({ undelivered: [] });
    });

    test('are added by the next change if that failed', async () => {
      const { me, query } = await loser();
      const file = await undelivered({ home: me.home, ci: (line) => me.process(line) });
      await query('delete from SCHEMA.undelivered');
      await me.ci('keys create next --credit');
      expect(await jsonOf(me, 'state status')).toMatchObject({ undelivered: [{ file, account: null }] });
      await me.ci('keys create another --credit');
      expect(await query('select count(*)::integer as count from SCHEMA.undelivered')).toEqual([{ count: 1 }]);
    });

    test.skipIf(!hasHostNames)('are pointed out once on each other machine', async () => {
      const { url } = await initialized();
      const homes: string[] = [];
      const api = await recordedSandbox({ instead: losing(() => homes[0] ?? '') });
      const one = await machine('build-1', { api, stateUrl: url });
      const two = await machine('build-2', { api, stateUrl: url });
      homes.push(one.home);
      const file = await undelivered(one);
      const note = `Undelivered secrets of API keys are on build-1, in ${file}. Move them from there to where you need them.\n`;
      expect((await two.ci('keys create a --credit')).stderr).toBe(note);
      expect((await two.ci('keys create b --credit')).stderr).toBe('');
      rmSync(file);
      await one.ci('keys create c --credit');
      expect(json(await two.ci('state status --json'))).toMatchObject({ undelivered: [] });
    });

    test('are kept although the database has no table for their places', async () => {
      const { me, query } = await loser();
      await query('drop table SCHEMA.undelivered');
      const file = await undelivered(me);
      expect(existsSync(file)).toBe(true);
      expect(await me.ci('keys create next --credit')).toMatchObject({ code: 0 });
    });
  });

  describe('ci history', () => {
    test('shows the changes of everyone who shares it, and who made them', async () => {
      const { api, me, url } = await sharing();
      await me.ci('keys create a --credit');
      const other = userOf(api, { [variable]: url });
      const { stdout } = await other.ci('history');
      expect(cells(stdout)).toEqual([
        [
          expect.any(String),
          expect.any(String),
          'create credit key a',
          'applied',
          expect.any(String),
          expect.stringMatching(/^\S+ on \S+$/),
        ],
      ]);
      expect((await shown(other, 'history')).text).toMatch(/ BY\b/);
      expect(await other.ci('history --fields by')).toMatchObject({ stdout: expect.stringMatching(/^\S+ on \S+\n$/) });
      expect(await jsonOf(userOf(api), 'history')).toEqual([]);
    });

    test('has no column for it in files', async () => {
      const { me } = await customer();
      await me.ci('keys create a --credit');
      expect(cells((await me.ci('history')).stdout)[0]).toHaveLength(5);
      expect(await jsonOf(me, 'history')).toMatchObject([{ by: null }]);
    });
  });
});

/** Returns a function that runs a query as superuser; `SCHEMA` stands for the schema of a URL. */
function queriesOf(server: Postgres, url: string) {
  const schema = new URL(url).searchParams.get('schema') ?? '';
  return { query: (sql: string) => server.query(sql.replaceAll('SCHEMA', schema)) };
}
