import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, jsonLines, settlesIn, type User, userOf } from '../../support/cli.ts';
import { customer } from '../../support/customer.ts';
import { type KeyApi, type KeyApiOptions, keyApi } from '../../support/key-api.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { answer, type Behavior, data, reset, server } from '../../support/servers.ts';
import { ctrlC, enter, onTerminal } from '../../support/terminal.ts';

/** A user with an account, and functions for the files of their home directory. */
async function account(options: KeyApiOptions = {}) {
  const api = await keyApi(options);
  return { api, ...filesOf(userOf(api)) };
}

function filesOf(me: User) {
  const at = (name: string) => path.join(me.home, name);
  return {
    me,
    write: (name: string, content: string) => writeFileSync(at(name), content),
    read: (name: string) => readFileSync(at(name), 'utf8'),
    has: (name: string) => existsSync(at(name)),
    mode: (name: string) => statSync(at(name)).mode & 0o777,
    /** Returns the secrets that a file has, by the name of the key. */
    saved: (name = 'out.ndjson') =>
      Object.fromEntries(
        jsonLines({ stdout: readFileSync(at(name), 'utf8') }).map((key) => [
          textAt(key, 'name'),
          textAt(key, 'apiKey'),
        ]),
      ),
  };
}

const three = 'name,type\nacme,credit\nglobex,credit\ninitech,credit\n';
const create = 'keys create --from in.csv --save-to out.ndjson';

/** Returns the secrets of the active keys of an account, by name. */
function secretsOf(api: KeyApi): Record<string, string> {
  return Object.fromEntries(api.active().map(({ name, apiKey }) => [name, apiKey]));
}

describe('keys create --from', () => {
  test('creates the keys, saves their secrets, and prints the counts', async () => {
    const { api, me, write, saved, mode } = await account();
    write('in.csv', 'name,type,maxBudget,rpm,tpm\nacme,credit,25.50,10,1000\nglobex,,49,,\n=1+1,credit\n');
    const { code, stdout, stderr } = await me.ci(`${create} --yes --json`);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.replace(/"seconds":[\d.]+/, '"seconds":0')).toBe(
      `${JSON.stringify({
        rows: 3,
        created: 3,
        found: 0,
        recreated: 0,
        existing: 0,
        failed: 0,
        elsewhere: 0,
        savedTo: path.join(me.home, 'out.ndjson'),
        failures: [],
        seconds: 0,
      })}\n`,
    );
    expect(api.received.filter(({ method }) => method === 'POST').map(({ path, body }) => [path, body])).toEqual([
      ['/api/keys/credit', '{"name":"acme","maxBudget":25.5,"rpm":10,"tpm":1000}'],
      ['/api/keys/credit', '{"name":"globex","maxBudget":49}'],
      ['/api/keys/credit', '{"name":"=1+1"}'],
    ]);
    expect(saved()).toEqual(secretsOf(api));
    expect(mode('out.ndjson')).toBe(0o600);
  });

  test('prints the counts for people and for programs', async () => {
    const { me, write } = await account();
    write('in.csv', three);
    const { stdout, stderr } = await me.ci(`${create} --yes`);
    expect(stdout.replace(/[\d.]+\n$/, '0\n')).toBe(
      `rows\t3\ncreated\t3\nfound\t0\nrecreated\t0\nexisting\t0\nfailed\t0\nelsewhere\t0\nsavedTo\t${me.home}/out.ndjson\nseconds\t0\n`,
    );
    expect(stderr).toBe('');
  });

  test('does nothing the second time', async () => {
    const { api, me, write, read } = await account();
    write('in.csv', three);
    await me.ci(`${create} --yes`);
    const before = read('out.ndjson');
    const { code, stdout, stderr } = await me.ci(`${create} --yes --json`);
    expect([code, stderr]).toEqual([0, '']);
    expect(json({ stdout })).toMatchObject({ rows: 3, created: 0, existing: 3, failed: 0 });
    expect([api.changes.length, read('out.ndjson')]).toEqual([3, before]);
  });

  test('leaves keys alone that existed before, and says that their secrets are missing', async () => {
    const { api, me, write, saved } = await account();
    await me.ci('keys create acme --credit');
    write('in.csv', three);
    const { code, stderr } = await me.ci(`${create} --concurrency 1 --yes`);
    expect(code).toBe(0);
    expect(stderr).toBe(
      "out.ndjson doesn't have the secrets of keys that existed already: acme. To create one again, revoke it with `ci keys delete NAME`, and run this command again.\n",
    );
    expect(Object.keys(saved())).toEqual(['globex', 'initech']);
    expect(api.active().map(({ name }) => name)).toEqual(['acme', 'globex', 'initech']);
  });

  test('reads standard input, and writes CSV', async () => {
    const { api, me, read } = await account();
    const { code } = await me.ci('keys create --from - --save-to out.csv --concurrency 1 --yes', {
      stdin: '{"name":"acme","type":"credit"}\n{"name":7,"type":"credit"}\n',
    });
    expect(code).toBe(0);
    const [acme, seven] = api.active();
    expect(read('out.csv')).toBe(
      `id,name,apiKey,subscriptionId\r\n${acme?.id},acme,${acme?.apiKey},\r\n${seven?.id},7,${seven?.apiKey},\r\n`,
    );
  });

  test('has nothing to do for a file without rows', async () => {
    const { api, me, write } = await account();
    write('in.csv', 'name,type\n');
    const { code, stdout } = await me.ci(`${create} --yes --json`);
    expect([code, json({ stdout })]).toEqual([0, expect.objectContaining({ rows: 0, created: 0 })]);
    expect(api.changes).toEqual([]);
  });

  test('creates the keys of pools and subscriptions', async () => {
    const { api, me: someone } = await customer();
    const { me, write, saved } = filesOf(someone);
    const first = textAt(json(await me.ci('pools subscribe kimi26 --blocks europe --yes --json')), 'id');
    const second = textAt(json(await me.ci('pools subscribe minimax-m3 --blocks europe --yes --json')), 'id');
    write('in.csv', `name,pool,subscription,type\na,kimi26,,\nb,,${second},subscription\nc,,,credit\n`);
    const { code, stderr } = await me.ci(`${create} --concurrency 1 --yes --json`);
    expect([code, stderr]).toEqual([0, '']);
    const keys = listAt(await api.box.seen(), 'keys').map((key) => {
      const { name, subscriptionId }: { name?: string; subscriptionId?: string | null } = Object(key);
      return [name, subscriptionId];
    });
    expect(keys).toEqual([
      ['a', first],
      ['b', second],
      ['c', null],
    ]);
    expect(Object.keys(saved())).toEqual(['a', 'b', 'c']);
    write('in.csv', 'name,pool,subscription\nd,minimax-m3,\ne,glm51,\nf,,11111111-2222-3333-4444-555555555555\n');
    const before = api.changes.length;
    const refused = await me.ci(`${create} --yes`);
    expect([refused.code, api.changes.length]).toEqual([2, before]);
    expect(refused.stderr).toContain('line 4: you have no subscription 11111111-2222-3333-4444-555555555555');
  });

  test('says what is wrong with a name that exists as another type', async () => {
    const { api, me, write } = await account();
    await me.ci('keys create acme');
    write('in.csv', three);
    const { code, stdout, stderr } = await me.ci(`${create} --yes --json`);
    expect([code, json({ stdout })]).toEqual([1, expect.objectContaining({ created: 2, failed: 1 })]);
    expect(stderr).toBe(
      '1 row failed:\n  line 2, acme: There is a key of this name with another type or subscription.\n',
    );
    expect(api.active().filter(({ name }) => name === 'acme')).toHaveLength(1);
  });

  test('says what is wrong if a name has two keys already', async () => {
    const { me, write } = await account();
    await me.ci('keys create acme --credit');
    await me.ci('keys create acme --credit');
    write('in.csv', three);
    const { code, stderr } = await me.ci(`${create} --yes --json`);
    expect(code).toBe(1);
    expect(stderr).toBe('1 row failed:\n  line 2, acme: There are 2 keys of this name.\n');
  });

  test('takes a key for one that the API lists twice', async () => {
    const api = await server((request, response) => {
      const key = { id: 'key-1', name: 'acme', keyType: 'credit', apiKey: 'sk_live_…abcd' };
      return data([key, key])(request, response);
    });
    const { me, write } = filesOf(userOf(api));
    write('in.csv', 'name,type\nacme,credit\n');
    const { code, stdout } = await me.ci(`${create} --yes --json`);
    expect([code, json({ stdout })]).toEqual([0, expect.objectContaining({ existing: 1 })]);
  });
});

describe('mistakes in the file', () => {
  test.each<[string, string, string[]]>([
    [
      'an unknown column',
      'names,name,type\nx,acme,credit\n',
      ['line 1: column "names" isn\'t known; did you mean "name"?'],
    ],
    ['a name twice', 'name,type\nacme,credit\n acme ,credit\n', ['line 3: "acme" is also in line 2']],
    ['no name', 'name,type\n,credit\n', ['line 2: its name is missing']],
    [
      'a secret as a name',
      'name,type\nsk_live_aB3dE6gH9jK2mN5pQ8sT1vW4,credit\n',
      ['line 2: sk_live_…1vW4 is a secret, not a name'],
    ],
    ['a terminal escape', 'name,type\n\u001b[31mred,credit\n', ['line 2: its name has a control character']],
    ['a C1 control', 'name,type\n\u009b31mred,credit\n', ['line 2: its name has a control character']],
    ['a line break in a name', 'name,type\n"a\nb",credit\n', ['line 3: its name has a control character']],
    ['an unknown type', 'name,type\nacme,prepaid\n', ['line 2: type "prepaid" isn\'t credit or subscription']],
    ['no type', 'name,type\nacme,\n', ['line 2: its type is missing: credit, or subscription with a pool']],
    [
      'a subscription key without a pool',
      'name,type\nacme,subscription\n',
      ['line 2: its pool or subscription is missing'],
    ],
    [
      'a pool and a subscription',
      'name,pool,subscription\nacme,kimi26,1\n',
      ['line 2: it has a pool and a subscription; name one of them'],
    ],
    ['a pool for credit', 'name,type,pool\nacme,credit,kimi26\n', ['line 2: a credit key has no pool']],
    ['a limit for a pool', 'name,pool,rpm\nacme,kimi26,5\n', ['line 2: only credit keys have rpm']],
    [
      'a budget of nothing',
      'name,maxBudget\na,0\nb,1.234\nc,-1\nd,1e3\n',
      [
        'line 2: maxBudget "0" isn\'t an amount in USD above 0, such as 49 or 49.50',
        'line 3: maxBudget "1.234" isn\'t an amount in USD above 0, such as 49 or 49.50',
        'line 4: maxBudget "-1" isn\'t an amount in USD above 0, such as 49 or 49.50',
        'line 5: maxBudget "1e3" isn\'t an amount in USD above 0, such as 49 or 49.50',
      ],
    ],
    [
      'limits that are no numbers',
      'name,rpm,tpm\na,0,\nb,,1.5\nc,99999999999999999999,\n',
      [
        'line 2: rpm "0" isn\'t a whole number above 0',
        'line 3: tpm "1.5" isn\'t a whole number above 0',
        'line 4: rpm "99999999999999999999" isn\'t a whole number above 0',
      ],
    ],
    ['too many values', 'name,type\nacme,credit,5\n', ['line 2: it has 3 values, but there are 2 columns']],
    [
      'no header',
      'acme,credit\nglobex,credit\n',
      [
        'line 1: column "acme" isn\'t known; the columns are name, type, pool, subscription, maxBudget, rpm, tpm, to and error',
        'line 1: column "credit" isn\'t known; the columns are name, type, pool, subscription, maxBudget, rpm, tpm, to and error',
        'line 2: its name is missing',
      ],
    ],
    [
      'an unknown destination',
      'name,type,to\nacme,credit,nowhere:x\n',
      ['line 2: "nowhere:x" is not a valid destination'],
    ],
    [
      'a manifest as a destination',
      'name,type,to\nacme,credit,kubernetes-manifest:a/b\n',
      ['line 2: "kubernetes-manifest:a/b" prints a manifest, which a row of a file can\'t do'],
    ],
    [
      'a destination twice',
      'name,type,to\na,credit,fly:x\nb,credit,fly:x\n',
      ['line 3: line 2 has the destination "fly:x", too, and each secret would replace the other'],
    ],
  ])('are reported with their lines, and nothing is sent: %s', async (_name, content, problems) => {
    const { api, me, write, has } = await account();
    write('in.csv', content);
    const { code, stdout, stderr } = await me.ci(`${create} --failed failed.csv --yes`);
    expect([code, stdout]).toEqual([2, '']);
    const [count, them] = problems.length === 1 ? ['a mistake', 'it'] : [`${problems.length} mistakes`, 'them'];
    expect(stderr.trimEnd().split('\n')).toEqual([
      `ci: in.csv has ${count}. Nothing was sent. Correct ${them}, and run the command again:`,
      ...problems.map((problem) => `  ${problem}`),
    ]);
    const asJson = await me.ci(`${create} --yes --json`);
    expect(json({ stdout: asJson.stderr })).toMatchObject({ error: { code: 'usage', outcome: 'not_applied' } });
    expect(api.requests).toEqual([]);
    expect([has('out.ndjson'), has('failed.csv')]).toEqual([false, false]);
  });

  test('are reported for NDJSON, too', async () => {
    const { me, write } = await account();
    write(
      'in.ndjson',
      '{"name":"a","type":"credit"}\n{"name":["b"]}\n{"name":"c","type":{}}\nx\n{"name":"d","rpms":5}\n',
    );
    const { code, stderr } = await me.ci('keys create --from in.ndjson --save-to out.ndjson --yes');
    expect(code).toBe(2);
    expect(stderr).toBe(
      [
        'ci: in.ndjson has 5 mistakes. Nothing was sent. Correct them, and run the command again:',
        '  line 2: its name is missing',
        '  line 3: type "{}" isn\'t credit or subscription',
        "  line 4: it isn't a JSON object",
        '  line 5: column "rpms" isn\'t known; did you mean "rpm"?',
        '  line 5: its type is missing: credit, or subscription with a pool',
        '',
      ].join('\n'),
    );
  });

  test('include text that is no text', async () => {
    const { api, me, write } = await account();
    writeFileSync(path.join(me.home, 'in.csv'), Buffer.from('name,type\nacm\xe9,credit\n', 'latin1'));
    const latin = await me.ci(`${create} --yes`);
    expect([latin.code, latin.stderr]).toEqual([
      2,
      "ci: in.csv isn't UTF-8. Save it as UTF-8, and run the command again.\n",
    ]);
    write('in.ndjson', '{"name":"\\ud800x","type":"credit"}\n');
    const half = await me.ci('keys create --from in.ndjson --save-to out.ndjson --yes');
    expect([half.code, half.stderr]).toEqual([2, expect.stringContaining("line 1: its name isn't valid Unicode\n")]);
    expect(api.requests).toEqual([]);
    writeFileSync(path.join(me.home, 'in.csv'), Buffer.from('\ufeffname,type\r\nacmé,credit\r\n', 'utf16le'));
    expect((await me.ci(`${create} --yes`)).code).toBe(0);
    expect(api.active().map(({ name }) => name)).toEqual(['acmé']);
  });

  test('are cut after 20, and long values are shortened', async () => {
    const { me, write } = await account();
    const long = 'x'.repeat(1_000_000);
    write('in.csv', `name,type\n${long},credit\n${`${long},credit\n`.repeat(2)}${'a,b\n'.repeat(30)}`);
    const { code, stderr } = await me.ci(`${create} --yes`);
    expect([code, stderr.length < 4000]).toEqual([2, true]);
    expect(stderr).toContain(`line 3: "${'x'.repeat(99)}…" is also in line 2`);
    expect(stderr).toMatch(/ {2}and 12 more\n$/);
  });

  test('are reported for 10,000 unknown columns at once', async () => {
    const { me, write } = await account();
    const columns = Array.from({ length: 10_000 }, (_, at) => `c${at}`).join();
    write('in.csv', `name,type,${columns}\nacme,credit\n`);
    const { code, stderr } = await me.ci(`${create} --yes`);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ci: in\.csv has 10000 mistakes\. [\s\S]* {2}and 9980 more\n$/);
  });

  test.each([
    [`${create} x --yes`, "--from and a name can't be combined"],
    [`${create} --credit --yes`, "--from and --credit can't be combined"],
    ['keys create x --credit --save-to out.ndjson', '--save-to needs --from'],
    ['keys create --from missing.csv --save-to out.ndjson --yes', "Can't read missing.csv: no such file or directory"],
    ['keys create --from . --save-to out.ndjson --yes', "Can't read .: it is a directory"],
    ['keys create --from in.csv --yes', 'Nothing says where the secrets of in.csv go. Pass --save-to FILE'],
    [`${create} --failed ./out.ndjson --yes`, '--failed and --save-to are the same file'],
    ['keys create --from in.csv --save-to in.csv --yes', '--save-to and --from are the same file'],
    [`${create} --failed . --yes`, "Can't write to .: it is a directory"],
    [`${create} --concurrency 0 --yes`, '"0" is not a valid value for --concurrency'],
    [`${create} --concurrency 257 --yes`, '"257" is not a valid value for --concurrency'],
    [`${create} --rate 0 --yes`, '"0" is not a valid value for --rate'],
    [create, ''],
  ])('are refused in the command line: ci %s', async (line, message) => {
    const { api, me, write, read } = await account();
    write('in.csv', three);
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout, api.requests]).toEqual([message.includes('write to') ? 1 : 2, '', []]);
    expect(stderr).toContain(message);
    expect(read('in.csv')).toBe(three);
  });
});

describe('rows that fail', () => {
  /** An API that refuses names with "bad" in them. */
  const picky = () => account({ faultOf: ({ body }) => (body.includes('bad') ? 'error' : undefined) });

  test("don't stop the others, and are written to --failed, which --from takes", async () => {
    const { api, me, write, read, saved } = await picky();
    settlesIn(me, '1s');
    write('in.csv', 'name,type,maxBudget\nacme,credit,5\n"bad, really",credit,7.50\ninitech,credit,\n');
    const { code, stdout, stderr } = await me.ci(`${create} --failed failed.csv --yes --json`);
    expect(code).toBe(1);
    expect(json({ stdout })).toMatchObject({
      created: 2,
      failed: 1,
      failures: [
        {
          line: 3,
          name: 'bad, really',
          code: 'server_error',
          message: "The response was lost (Internal error). The change didn't go through",
        },
      ],
    });
    expect(stderr).toBe(
      "1 row failed, and is in failed.csv, which --from takes:\n  line 3, bad, really: The response was lost (Internal error). The change didn't go through.\n",
    );
    expect(read('failed.csv')).toBe(
      'name,type,pool,subscription,maxBudget,rpm,tpm,to,error\r\n"bad, really",credit,,,7.50,,,,The response was lost (Internal error). The change didn\'t go through\r\n',
    );
    write('failed.csv', read('failed.csv').replace('bad', 'good'));
    const again = await me.ci('keys create --from failed.csv --failed failed.csv --save-to out.ndjson --yes --json');
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(read('failed.csv')).toBe('name,type,pool,subscription,maxBudget,rpm,tpm,to,error\r\n');
    expect(saved()).toEqual(secretsOf(api));
  });

  test('are written as NDJSON if the input is', async () => {
    const { me, write, read } = await picky();
    settlesIn(me, '1s');
    write('in.ndjson', '{"name":"acme","type":"credit"}\n{"name":"bad","type":"credit","rpm":5}\n');
    const { code } = await me.ci('keys create --from in.ndjson --save-to out.ndjson --failed failed --yes');
    expect(code).toBe(1);
    expect(read('failed')).toBe(
      '{"name":"bad","type":"credit","rpm":5,"error":"The response was lost (Internal error). The change didn\'t go through"}\n',
    );
  });

  test('are kept in a file that is both --from and --failed, with those that were not begun', async () => {
    let count = 0;
    const { api, me, write, read } = await account({ faultOf: () => (count++ === 3 ? 'limit' : undefined) });
    const input = `name,type\n${Array.from({ length: 60 }, (_, at) => `key-${at},credit\n`).join('')}`;
    write('in.csv', input);
    const stop = new AbortController();
    void api.times('POST /api/keys/credit', 5).then(() => stop.abort(new Error('interrupted')));
    const { code } = await me.ci(`${create} --failed in.csv --concurrency 2 --yes`, { interrupt: stop.signal });
    expect(code).toBe(130);
    expect(read('in.csv')).toBe(input);
  });
});

describe('the column "to"', () => {
  /** Installs a program that appends what it gets to the file `got`. */
  function program({ me }: { readonly me: User }, name: string, script: string) {
    const file = path.join(me.home, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  test('passes each secret to a program, and revokes the keys whose program fails', async () => {
    const all = await account();
    const { api, me, write, read, has } = all;
    program(all, 'keep', `key=$(cat); echo "$key" >> ${me.home}/got`);
    program(all, 'fail', 'cat > /dev/null; echo "no room" >&2; exit 3');
    write('in.csv', 'name,type,to\na,credit,command:keep\nb,credit,command:fail\nc,credit,command:keep\nd,credit,\n');
    const { code, stdout, stderr } = await me.ci('keys create --from in.csv --save-to out.ndjson --yes --json');
    expect(code).toBe(1);
    expect(json({ stdout })).toMatchObject({ created: 3, failed: 1 });
    expect(stderr).toMatch(/^1 row failed:\n {2}line 3, b: .*no room.*The new key was revoked\.\n$/);
    const secrets = secretsOf(api);
    expect(Object.keys(secrets).sort()).toEqual(['a', 'c', 'd']);
    expect(read('got').trim().split('\n').sort()).toEqual([secrets.a, secrets.c].sort());
    expect(read('out.ndjson')).toContain(secrets.d);
    expect(has('b')).toBe(false);
  });

  test('creates nothing for a program that is missing', async () => {
    const { api, me, write } = await account();
    write('in.csv', 'name,type,to\na,credit,command:missing\n');
    const { code, stdout, stderr } = await me.ci('keys create --from in.csv --yes --json');
    expect([code, json({ stdout })]).toEqual([1, expect.objectContaining({ failed: 1, savedTo: null })]);
    expect([api.changes, stderr]).toEqual([[], expect.stringContaining("missing can't be found")]);
  });

  test('keeps a secret elsewhere if the key can be neither delivered nor revoked', async () => {
    const all = await account({ faultOf: ({ method }) => (method === 'DELETE' ? 'error' : undefined) });
    const { api, me, write } = all;
    settlesIn(me, '1s');
    program(all, 'fail', 'exit 3');
    write('in.csv', 'name,type,to\na,credit,command:fail\n');
    const { code, stderr } = await me.ci('keys create --from in.csv --yes --json');
    expect(code).toBe(1);
    const [, file = ''] =
      /can't be revoked: the response was lost \(Internal error\)\. The change didn't go through\. Its secret is in (\S+?)\.?\n/.exec(
        stderr,
      ) ?? [];
    expect(readFileSync(file, 'utf8')).toBe(`${api.active()[0]?.apiKey}\n`);
  });
});

describe('consent', () => {
  test('shows what will be created, and creates nothing without it', async () => {
    const { api, me, write, has } = await account();
    write('in.csv', 'name,type,maxBudget\nacme,credit,25\nglobex,credit,50.50\n');
    const session = onTerminal(me, create, { columns: 120 });
    await session.shows('Create these 2 keys?');
    expect(session.screen).toMatch(
      /Keys +2 from in\.csv\n *Credit +2, limits of \$75\.50 in all\n *Secrets +out\.ndjson\n *Account/,
    );
    session.type(`n${enter}`);
    expect(await session.exit).toBe(1);
    expect(api.changes).toEqual([]);
    expect(has('out.ndjson')).toBe(false);
  });

  test('creates the keys with it, shows a bar meanwhile, and leaves a clean screen', async () => {
    const { api, me, write, saved } = await account({ latency: 150 });
    write('in.csv', `name,type\n${Array.from({ length: 24 }, (_, at) => `key-${at},credit\n`).join('')}`);
    const session = onTerminal(me, create, { columns: 120, pty: true });
    await session.shows('Create these 24 keys?');
    session.type(`y${enter}`);
    await session.shows(/[█░]{24} \d+ of 24/);
    expect(await session.exit).toBe(0);
    expect(session.screen).toMatch(/Created 24 keys\./);
    expect(session.screen).not.toMatch(/[█░]/);
    expect(session.screen).toMatch(/Create these 24 keys\? .*Y/);
    // The cursor is back.
    expect(session.written.lastIndexOf('\x1b[?25h')).toBeGreaterThan(session.written.lastIndexOf('\x1b[?25l'));
    expect(saved()).toEqual(secretsOf(api));
  });
});

describe('an interrupt', () => {
  const many = (count: number) =>
    `name,type\n${Array.from({ length: count }, (_, at) => `key-${at},credit\n`).join('')}`;

  test('lets the requests under way finish, says how to go on, and the next run goes on', async () => {
    const { api, me, write, saved } = await account({ latency: 200 });
    write('in.csv', many(40));
    const running = me.start(`${create} --yes --json --concurrency 4`);
    await api.times('POST /api/keys/credit', 6);
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect([code, stdout]).toEqual([130, '']);
    const { message, hint, outcome } = Object(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).error;
    expect(message).toMatch(/^Interrupted after \d+ of 40 rows$/);
    expect([hint, outcome]).toEqual(['Run the same command again to continue.', 'applied']);
    const first = api.active().length;
    expect(first).toBeGreaterThanOrEqual(6);
    expect(first).toBeLessThan(20);
    expect(saved()).toEqual(secretsOf(api));
    const next = await me.process(`${create} --yes --json`);
    expect([next.code, json(next)]).toEqual([0, expect.objectContaining({ created: 40 - first, existing: first })]);
    expect([api.violations, api.keys.length]).toEqual([[], 40]);
    expect(saved()).toEqual(secretsOf(api));
  });

  test('quits at once the second time, and the next run finds what was lost', async () => {
    const { api, me, write, saved } = await account({ latency: 3000 });
    settlesIn(me, '1s');
    write('in.csv', many(8));
    const running = me.start(`${create} --yes --json --concurrency 4`);
    await api.times('POST /api/keys/credit', 4);
    running.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    running.kill('SIGINT');
    const { code, signal } = await running.ended;
    expect(code === 130 || signal === 'SIGINT').toBe(true);
    const next = await me.process(`${create} --yes --json`);
    expect([next.code, next.stderr]).toEqual([0, '']);
    expect(api.violations).toEqual([]);
    expect(saved()).toEqual(secretsOf(api));
    expect(Object.keys(saved())).toHaveLength(8);
  }, 60_000);

  test('is said on a terminal', async () => {
    const { api, me, write } = await account({ latency: 300 });
    write('in.csv', many(40));
    const session = onTerminal(me, `${create} --yes`, { columns: 120, pty: true });
    await api.times('POST /api/keys/credit', 3);
    session.type(ctrlC);
    expect(await session.exit).toBe(130);
    expect(session.screen).toMatch(/ci: Interrupted after \d+ of 40 rows\. Run the same command again to continue\./);
    expect(session.screen).not.toMatch(/[█░]/);
  });
});

describe('an API that fails', () => {
  const many = `name,type\n${Array.from({ length: 500 }, (_, at) => `key-${at},credit\n`).join('')}`;

  /** An API that behaves differently from a number of changes on. */
  async function apiThat(count: number, otherwise: Behavior, looks?: Behavior) {
    const keys: { id: string; name: string }[] = [];
    const api = await server((request, response) => {
      if (request.method === 'GET') return ((keys.length >= count && looks) || data(keys))(request, response);
      if (keys.length >= count) return otherwise(request, response);
      const { name } = JSON.parse(request.body);
      const key = { id: `key-${keys.length}`, name };
      keys.push(key);
      return data({ ...key, apiKey: `sk_live_aB3dE6gH9jK2mN5pQ8sT${String(keys.length).padStart(4, '0')}` })(
        request,
        response,
      );
    });
    return { api, keys, ...filesOf(userOf(api)) };
  }

  test('ends the run if it refuses the key', async () => {
    const { api, me, write, saved } = await apiThat(20, answer(401, { success: false, error: 'Invalid key' }));
    write('in.csv', many);
    const { code, stdout, stderr } = await me.ci(`${create} --yes`);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/20 of 500 rows of in\.csv are done\. .*Run the same command again to continue\.\n$/);
    expect(api.changes.length).toBeLessThanOrEqual(20 + 8);
    expect(Object.keys(saved())).toHaveLength(20);
  });

  test('ends the run after a while if it is down, without sending much', async () => {
    const { api, me, write, saved } = await apiThat(20, reset, reset);
    settlesIn(me, '1s');
    write('in.csv', many);
    const { code, stdout, stderr } = await me.ci(`${create} --yes --json`);
    expect([code, stdout]).toEqual([expect.any(Number), '']);
    expect(code).toBe(10);
    expect(stderr).toMatch(
      /The API doesn't answer: no response from [\d.:]+: the connection was reset\. 20 of 500 rows of in\.csv are done/,
    );
    expect(api.changes.length).toBeLessThan(100);
    expect(Object.keys(saved())).toHaveLength(20);
  }, 60_000);

  test('ends the run with 7 if it refuses all requests because there are too many', async () => {
    const limit = answer(429, { success: false, error: 'Too many requests' }, { 'Retry-After': '0' });
    const { api, me, write } = await apiThat(20, limit);
    write('in.csv', many);
    const { code, stderr } = await me.ci(`${create} --yes`);
    expect([code, api.changes.length < 80]).toEqual([7, true]);
    expect(stderr).toMatch(/The API refuses all requests: Too many requests\. 20 of 500 rows/);
  });

  test('ends the run with 7 if it asks for a pause of a day', async () => {
    const limit = answer(429, { success: false, error: 'Too many requests' }, { 'Retry-After': '86400' });
    const { api, me, write } = await apiThat(20, limit);
    write('in.csv', many);
    const { code, stderr } = await me.ci(`${create} --yes`);
    expect([code, api.changes.length <= 28]).toEqual([7, true]);
    expect(stderr).toContain('It asks to wait for 24 hours. Run the same command again to continue.');
  });

  test('revokes keys that it gives other names, because no later run would find them', async () => {
    const all: string[] = [];
    const api = await server((request, response) => {
      if (request.method === 'GET') return data(all.map((name, at) => ({ id: `key-${at}`, name })))(request, response);
      if (request.method === 'DELETE') return data({ deleted: true })(request, response);
      const name = String(JSON.parse(request.body).name).toLowerCase();
      return data({ id: `key-${all.push(name) - 1}`, name, apiKey: 'sk_live_aB3dE6gH9jK2mN5pQ8sT1vW4' })(
        request,
        response,
      );
    });
    const { me, write, read } = filesOf(userOf(api));
    write('in.csv', 'name,type\nAcme,credit\nglobex,credit\n');
    const { code, stderr } = await me.ci(`${create} --concurrency 1 --yes --json`);
    expect(code).toBe(1);
    expect(stderr).toBe(
      '1 row failed:\n  line 2, Acme: The API named the key "acme" instead of "Acme", so later runs wouldn\'t find it. The new key was revoked.\n',
    );
    expect(api.changes).toContain('DELETE /api/keys/key-0');
    expect(read('out.ndjson')).not.toContain('cme');
  });

  test.each([
    ['in lower case', (name: string) => name.toLowerCase()],
    ['without spaces', (name: string) => name.replaceAll(' ', '-')],
    ['cut', (name: string) => name.slice(0, 18)],
  ])("aren't created again if their answer is lost and their name is %s", async (_how, renamed) => {
    const keys: { id: string; name: string }[] = [{ id: 'other', name: renamed('Acme Customer Number 2') }];
    const api = await server((request, response) => {
      if (request.method === 'GET') return data(keys)(request, response);
      keys.push({ id: 'new', name: renamed(String(JSON.parse(request.body).name)) });
      return reset(request, response);
    });
    const { me, write } = filesOf(userOf(api));
    settlesIn(me, '1s');
    write('in.csv', 'name,type\nAcme Customer Number 1,credit\n');
    const { code, stderr } = await me.ci(`${create} --yes --json`);
    expect([code, api.changes.length]).toEqual([10, 1]);
    expect(stderr).toMatch(/may or may not have gone through: there is a new key "[^"]+" \(new\)\.\n$/);
  });

  test.each([
    ['is given up on if it never sends a secret', { keyType: 'credit' }, [1, 0, 5]],
    ["isn't asked for more keys if it can't say whether it shows the secret of one", {}, [10, 1, 1]],
  ])('%s', async (_name, type, expected) => {
    const keys: { id: string; name: string }[] = [];
    let count = 0;
    const api = await server((request, response) => {
      if (request.path === '/api/billing/status') return answer(403, 'Forbidden')(request, response);
      if (request.method === 'GET') return data(keys)(request, response);
      if (request.method === 'DELETE') keys.pop();
      else keys.push({ id: `key-${count++}`, name: JSON.parse(request.body).name, ...type });
      return data(request.method === 'DELETE' ? { deleted: true } : keys[0])(request, response);
    });
    const { me, write } = filesOf(userOf(api));
    settlesIn(me, '1s');
    write('in.csv', 'name,type\nacme,credit\n');
    const { code } = await me.ci(`${create} --yes --json`);
    expect([code, keys.length, count]).toEqual(expected);
  });

  test('may give two keys the same ID', async () => {
    const keys: { id: string; name: string }[] = [];
    const api = await server((request, response) => {
      if (request.method === 'GET') return data(keys)(request, response);
      const key = { id: 'same', name: String(JSON.parse(request.body).name) };
      keys.push(key);
      return data({ ...key, apiKey: `sk_live_aB3dE6gH9jK2mN5pQ8sT000${keys.length}` })(request, response);
    });
    const { me, write } = filesOf(userOf(api));
    write('in.csv', three);
    await me.ci(`${create} --yes`);
    expect(json(await me.ci(`${create} --yes --json`))).toMatchObject({ created: 0, existing: 3 });
  });

  test("doesn't create a key again if the list of keys lacks others that were just created", async () => {
    let count = 0;
    const api = await server((request, response) => {
      if (request.method === 'GET') return data([])(request, response);
      if (count++ === 10) return reset(request, response);
      const { name } = JSON.parse(request.body);
      return data({ id: `key-${count}`, name, apiKey: `sk_live_aB3dE6gH9jK2mN5pQ8sT${1000 + count}` })(
        request,
        response,
      );
    });
    const { me, write } = filesOf(userOf(api));
    settlesIn(me, '1s');
    write('in.csv', `name,type\n${Array.from({ length: 20 }, (_, at) => `key-${at},credit\n`).join('')}`);
    const { code, stderr } = await me.ci(`${create} --yes --json --concurrency 1`);
    expect([code, api.changes.length]).toEqual([10, 20]);
    expect(stderr).toMatch(/may or may not have gone through: the list of keys lacks key-\d+, which was just created/);
  });

  test.each([
    ['IDs that are numbers', [{ id: 5, name: 'acme' }], 0],
    ['IDs that are objects', [{ id: {}, name: 'acme' }], 1],
    ['no list', { keys: 5 }, 1],
  ])('has a clear message for %s', async (_name, keys, code) => {
    const api = await server(data(keys));
    const { me, write } = filesOf(userOf(api));
    write('in.csv', 'name,type\nacme,credit\n');
    const ended = await me.ci(`${create} --yes`);
    expect([ended.code, api.changes]).toEqual([code, []]);
    expect(ended.stderr).not.toContain(' at ');
  });

  test("isn't sent the key at another address", async () => {
    const other = await server(data([]));
    const api = await server((request, response) =>
      request.method === 'GET'
        ? data([])(request, response)
        : answer(307, '', { Location: `${other.url}/api/keys/credit` })(request, response),
    );
    const { me, write } = filesOf(userOf(api));
    settlesIn(me, '1s');
    write('in.csv', 'name,type\nacme,credit\n');
    const { code } = await me.ci(`${create} --yes`);
    expect([code, other.requests]).toEqual([expect.any(Number), []]);
    expect(code).not.toBe(0);
  });
});

describe('keys that earlier commands left', () => {
  /** An account in which a command created a key and was killed before it read the answer. */
  async function killed(line: string, { isFound = false } = {}) {
    let count = 0;
    const all = await account({ faultOf: () => (count++ === 0 ? 'silence-late' : undefined), lateness: 10 });
    all.write('in.csv', 'name,type\nacme,credit\n');
    settlesIn(all.me, '1s');
    const running = all.me.start(line);
    await all.api.got('POST');
    running.kill('SIGKILL');
    await running.ended;
    await all.api.settled();
    if (isFound) expect((await all.me.process('history reconcile --wait')).code).toBe(0);
    return all;
  }

  test.each([false, true])(
    'are created again if their secret is lost; found by `ci history reconcile`: %s',
    async (isFound) => {
      const { api, me, saved } = await killed('keys create acme --credit', { isFound });
      const [lost] = api.active();
      const { code, stdout } = await me.process(`${create} --yes --json`);
      expect([code, json({ stdout })]).toEqual([0, expect.objectContaining({ created: 0, recreated: 1 })]);
      expect(api.active().map(({ id }) => id)).not.toContain(lost?.id);
      expect(saved()).toEqual(secretsOf(api));
      // The next run leaves it as it is.
      const next = await me.process(`${create} --yes --json`);
      expect(json(next)).toMatchObject({ existing: 1, recreated: 0 });
      expect(api.active()).toHaveLength(1);
    },
  );

  test('are left alone if they were replaced in the meantime', async () => {
    const { api, me } = await killed('keys create acme --credit', { isFound: true });
    await me.process('keys delete acme --yes');
    await me.process('keys create acme --credit');
    const [mine] = api.active();
    const { code, stdout } = await me.process(`${create} --yes --json`);
    expect([code, json({ stdout })]).toEqual([0, expect.objectContaining({ existing: 1, recreated: 0 })]);
    expect(api.active()).toEqual([mine]);
  });

  test.each([false, true])(
    'are left alone if they are of another type; found by `ci history reconcile`: %s',
    async (isFound) => {
      const { api, me } = await killed('keys create acme', { isFound });
      const [other] = api.active();
      const { code, stderr } = await me.process(`${create} --yes --json`);
      expect(code).toBe(1);
      expect(stderr).toContain('line 2, acme: There is a key of this name with another type or subscription.');
      expect(api.active()).toEqual([other]);
    },
  );
});

test('lets only one of two runs at the same time create each key', async () => {
  const { api, me, write, saved } = await account({ latency: 20 });
  write('in.csv', `name,type\n${Array.from({ length: 60 }, (_, at) => `key-${at},credit\n`).join('')}`);
  const both = await Promise.all([me.process(`${create} --yes --json`), me.process(`${create} --yes --json`)]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect([api.violations, api.keys.length]).toEqual([[], 60]);
  expect(saved()).toEqual(secretsOf(api));
});

test('uses what it has checked, although the file changes meanwhile', async () => {
  const { api, me, write } = await account({ latency: 100 });
  write('in.csv', three);
  const running = me.ci(`${create} --yes --concurrency 1`);
  await api.times('GET /api/keys', 1);
  write('in.csv', 'name,type\nevil,credit\n');
  expect((await running).code).toBe(0);
  expect(api.keys.map(({ name }) => name)).toEqual(['acme', 'globex', 'initech']);
});

test('leaves no temporary files', async () => {
  const { me, write } = await account();
  write('in.csv', three);
  await me.ci(`${create} --failed failed.csv --yes`);
  expect(
    readdirSync(me.home)
      .filter((name) => /failed|out|in/.test(name))
      .sort(),
  ).toEqual(['bin', 'failed.csv', 'in.csv', 'out.ndjson']);
});
