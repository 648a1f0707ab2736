import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, type Environment, json, oneLine, sandboxUser, type User, user, userOf } from '../support/cli.ts';
import { errorOf } from '../support/lost.ts';
import { at, textAt } from '../support/sandbox.ts';
import { answer, data, recordedSandbox, server, silence } from '../support/servers.ts';
import { ctrlC, down, enter, onTerminal, shown } from '../support/terminal.ts';

const keys = { default: 'mk_of_the_first_0123456789aaaa', work: 'mk_of_the_second_0123456789bbbb' } as const;

/** Creates a user who signed in twice to the same API. The current profile is `default`. */
async function member(env: Environment = {}) {
  const api = await server(data({ poolPledges: [], creditBalance: 25 }));
  const me = user(env);
  for (const [profile, stdin] of Object.entries(keys)) {
    const { code } = await me.ci(`auth login --with-key --profile ${profile} --api-url ${api.url}`, { stdin });
    expect(code).toBe(0);
  }
  return { api, me };
}

function file(me: User): string {
  return path.join(me.home, 'config', 'cheapestinference', 'config.json');
}

describe('auth list', () => {
  test('lists the profiles, the current one, and masked keys, in each format', async () => {
    const { api, me } = await member();
    const { code, stdout, stderr } = await me.ci('auth list');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      `default\ttrue\t${api.url}\tmk_…aaaa\tconfig file\nwork\tfalse\t${api.url}\tmk_…bbbb\tconfig file\n`,
    );
    expect(json(await me.ci('auth ls --json'))).toEqual([
      {
        profile: 'default',
        current: true,
        apiUrl: api.url,
        managementKey: 'mk_…aaaa',
        managementKeyOrigin: 'config file',
      },
      {
        profile: 'work',
        current: false,
        apiUrl: api.url,
        managementKey: 'mk_…bbbb',
        managementKeyOrigin: 'config file',
      },
    ]);
    expect((await me.ci('auth list -o csv')).stdout).toBe(
      [
        'profile,current,apiUrl,managementKey,managementKeyOrigin',
        `default,true,${api.url},mk_…aaaa,config file`,
        `work,false,${api.url},mk_…bbbb,config file`,
        '',
      ].join('\r\n'),
    );
    expect((await me.ci('auth list -o yaml --fields profile,current')).stdout).toBe(
      '- profile: default\n  current: true\n- profile: work\n  current: false\n',
    );
  });

  test('marks the current one on a terminal', async () => {
    const { me } = await member();
    const { code, rows, written } = await shown(me, 'auth list');
    expect(code).toBe(0);
    expect(rows[0]).toMatch(/^PROFILE +IN USE +API URL +KEY +SAVED IN$/);
    expect(rows[1]).toMatch(/^default +yes +http\S+ +mk_…aaaa +config file$/);
    expect(rows[2]).toMatch(/^work {3,}http\S+ +mk_…bbbb +config file$/);
    for (const key of Object.values(keys)) expect(written).not.toContain(key);
  });

  test('uses the flag, or else the environment', async () => {
    const { me } = await member();
    const current = async (line: string, env: Environment = {}) =>
      (await me.ci([...line.split(' '), '--jq', '.[]|select(.current).profile'], { env })).stdout;
    expect(await current('auth list')).toBe('default\n');
    expect(await current('auth list', { CHEAPESTINFERENCE_PROFILE: 'work' })).toBe('work\n');
    expect(await current('auth list --profile default', { CHEAPESTINFERENCE_PROFILE: 'work' })).toBe('default\n');
  });

  test('is empty before the first login, and says what to do', async () => {
    const me = user();
    expect(await me.ci('auth list')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await me.ci('auth list --json')).stdout).toBe('[]\n');
    expect((await shown(me, 'auth list')).screen).toContain('ci auth login');
  });

  test('sends nothing', async () => {
    const { api, me } = await member();
    const before = api.requests.length;
    await me.ci('auth list');
    await me.ci('auth token');
    await me.ci('auth switch work');
    expect(api.requests.length).toBe(before);
  });
});

describe('auth switch', () => {
  test('changes the current profile', async () => {
    const { api, me } = await member();
    const { code, stdout, stderr } = await me.ci('auth switch work');
    expect([code, stdout, stderr]).toEqual([0, 'profile\twork\n', '']);
    await me.ci('billing status');
    expect(api.received.at(-1)?.headers.authorization).toBe(`Bearer ${keys.work}`);
    expect(statSync(file(me)).mode & 0o777).toBe(0o600);
  });

  test('prints JSON, CSV and YAML, and a sentence for people', async () => {
    const { me } = await member();
    expect((await me.ci('auth switch work --json')).stdout).toBe('{"profile":"work"}\n');
    expect((await me.ci('auth switch work -o csv')).stdout).toBe('profile\r\nwork\r\n');
    expect((await me.ci('auth switch work -o yaml')).stdout).toBe('profile: work\n');
    expect(await shown(me, 'auth switch default')).toMatchObject({
      code: 0,
      screen: '✓ Switched to profile "default".',
    });
  });

  test('lets you pick a profile on a terminal', async () => {
    const { me } = await member();
    const session = onTerminal(me, 'auth switch');
    await session.shows(/❯ default +mk_…aaaa +127\.0\.0\.1:\d+ +in use\n +work +mk_…bbbb +127\.0\.0\.1:\d+\n/);
    session.type(down);
    await session.shows(/❯ work/);
    session.type(enter);
    expect(await session.exit).toBe(0);
    expect((await me.ci('auth token')).stdout).toBe(`${keys.work}\n`);
    const interrupted = onTerminal(me, 'auth switch');
    await interrupted.shows('Profile:');
    interrupted.type(ctrlC);
    expect(await interrupted.exit).toBe(130);
  });

  test('exits with 5 without a name if no profile is saved, and says how to sign in', async () => {
    const { code, screen } = await shown(user(), 'auth switch');
    expect([code, screen]).toEqual([5, 'ci: No profiles are saved. Run `ci auth login` to save one.']);
  });

  test('says when the environment takes precedence', async () => {
    const { me } = await member();
    const env = { CHEAPESTINFERENCE_PROFILE: 'default' };
    const { code, stderr } = await me.ci('auth switch work', { env });
    expect([code, stderr]).toEqual([0, expect.stringContaining('CHEAPESTINFERENCE_PROFILE')]);
    expect((await me.ci('auth token', { env })).stdout).toBe(`${keys.default}\n`);
    expect((await me.ci('auth token')).stdout).toBe(`${keys.work}\n`);
  });

  test('exits with 5 for an unknown profile, lists the profiles, and changes nothing', async () => {
    const { me } = await member();
    const before = readFileSync(file(me), 'utf8');
    for (const name of ['home', '', '__proto__', 'constructor']) {
      const { code, stdout, stderr } = await me.ci(['auth', 'switch', name]);
      expect([name, code, stdout]).toEqual([name, 5, '']);
      expect(stderr).toMatch(oneLine);
    }
    expect((await me.ci('auth switch home')).stderr).toContain('default, work');
    expect(readFileSync(file(me), 'utf8')).toBe(before);
  });

  test.each([
    ['no profile', ['auth', 'switch']],
    ['two profiles', ['auth', 'switch', 'default', 'work']],
    ['an unknown field', ['auth', 'switch', 'work', '--fields', 'nothing']],
    ['an invalid jq expression', ['auth', 'switch', 'work', '--jq', '.[']],
  ])('exits with 2 without a terminal and changes nothing: %s', async (_what, args) => {
    const { me } = await member();
    const { code, stdout, stderr } = await me.ci(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(args.includes('--jq') ? /^\{.*\}\n$/ : oneLine);
    expect((await me.ci('auth token')).stdout).toBe(`${keys.default}\n`);
  });
});

describe('auth token', () => {
  test('prints only the management key, in full', async () => {
    const { me } = await member();
    expect(await me.ci('auth token')).toMatchObject({ code: 0, stdout: `${keys.default}\n`, stderr: '' });
    expect((await me.ci('auth token --profile work')).stdout).toBe(`${keys.work}\n`);
    expect((await me.ci('auth token --json')).stdout).toBe(`{"managementKey":"${keys.default}"}\n`);
    expect((await me.ci('auth token -o csv')).stdout).toBe(`managementKey\r\n${keys.default}\r\n`);
    expect((await me.ci('auth token -o yaml')).stdout).toBe(`managementKey: ${keys.default}\n`);
    expect((await me.ci('auth token --jq .managementKey')).stdout).toBe(`${keys.default}\n`);
    expect((await shown(me, 'auth token')).screen).toBe(keys.default);
  });

  test('works in a header of curl', async () => {
    const { me } = await member();
    const { stdout } = await me.sh('printf "Bearer %s." "$(ci auth token)"');
    expect(stdout).toBe(`Bearer ${keys.default}.`);
  });

  test('prints the key of the environment, and of the sandbox', async () => {
    const { me } = await member();
    const env = { CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_of_the_environment_0123456789' };
    expect((await me.ci('auth token', { env })).stdout).toBe('mk_of_the_environment_0123456789\n');
    expect((await me.ci('auth token --profile work', { env })).stdout).toBe(`${keys.work}\n`);
    expect((await me.ci('auth token --sandbox')).stdout).toBe('mk_sandbox\n');
  });

  test('exits with 4 and prints no key if not signed in, or for another host', async () => {
    const { me } = await member();
    for (const [someone, line] of [
      [user(), 'auth token'],
      [me, 'auth token --profile home'],
      [me, 'auth token --api-url https://api.example.com'],
    ] as const) {
      const { code, stdout, stderr } = await someone.ci(line);
      expect([line, code, stdout]).toEqual([line, 4, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).not.toMatch(/mk_of_the/);
    }
  });

  test.each([
    ['an extra argument', 'auth token work', 2],
    ['an unknown field', 'auth token --fields nothing', 2],
  ])('exits with 2 and prints no key: %s', async (_what, line, exitCode) => {
    const { me } = await member();
    const { code, stdout, stderr } = await me.ci(line);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).not.toMatch(/mk_of_the/);
  });
});

describe('config', () => {
  test('lists every setting and its source, in each format', async () => {
    const me = user();
    expect(await me.ci('config list')).toMatchObject({
      code: 0,
      stdout:
        'output\ttable\tdefault\ntimeout\t30s\tdefault\nmax-monthly-spend\tnone\tdefault\nsettling-time\t120s\tdefault\ndefault-key\tnone\tdefault\nmax-key-age\tnone\tdefault\nstate-url\tnone\tdefault\n',
      stderr: '',
    });
    await me.ci('config set timeout 45s');
    expect((await me.ci('config ls --json')).stdout).toBe(
      '[{"key":"output","value":"table","origin":"default"},{"key":"timeout","value":"45s","origin":"profile \\"default\\""},{"key":"max-monthly-spend","value":"none","origin":"default"},{"key":"settling-time","value":"120s","origin":"default"},{"key":"default-key","value":"none","origin":"default"},{"key":"max-key-age","value":"none","origin":"default"},{"key":"state-url","value":"none","origin":"default"}]\n',
    );
    expect((await me.ci('config list -o csv')).stdout).toBe(
      'key,value,origin\r\noutput,table,default\r\ntimeout,45s,"profile ""default"""\r\nmax-monthly-spend,none,default\r\nsettling-time,120s,default\r\ndefault-key,none,default\r\nmax-key-age,none,default\r\nstate-url,none,default\r\n',
    );
    expect((await me.ci('config list -o yaml --fields key,value')).stdout).toBe(
      '- key: output\n  value: table\n- key: timeout\n  value: 45s\n- key: max-monthly-spend\n  value: none\n- key: settling-time\n  value: 120s\n- key: default-key\n  value: none\n- key: max-key-age\n  value: none\n- key: state-url\n  value: none\n',
    );
    expect((await shown(me, 'config list')).rows.slice(0, 8)).toEqual([
      expect.stringMatching(/^KEY +VALUE +FROM$/),
      expect.stringMatching(/^output +table +default$/),
      expect.stringMatching(/^timeout +45s +profile "default"$/),
      expect.stringMatching(/^max-monthly-spend +none +default$/),
      expect.stringMatching(/^settling-time +120s +default$/),
      expect.stringMatching(/^default-key +none +default$/),
      expect.stringMatching(/^max-key-age +none +default$/),
      expect.stringMatching(/^state-url +none +default$/),
    ]);
  });

  test('gets only the value, and its source if a format is given', async () => {
    const me = user();
    expect(await me.ci('config get timeout')).toMatchObject({ code: 0, stdout: '30s\n', stderr: '' });
    expect((await me.ci('config get timeout --json')).stdout).toBe(
      '{"key":"timeout","value":"30s","origin":"default"}\n',
    );
    expect((await me.ci('config get timeout -o csv')).stdout).toBe('key,value,origin\r\ntimeout,30s,default\r\n');
    expect((await me.ci('config get timeout -o yaml')).stdout).toBe('key: timeout\nvalue: 30s\norigin: default\n');
    expect((await shown(me, 'config get timeout')).screen).toBe('30s');
  });

  test('prints the path of the file, wherever it is', async () => {
    const me = user();
    expect(await me.ci('config path')).toMatchObject({ code: 0, stdout: `${file(me)}\n`, stderr: '' });
    expect((await me.ci('config path --json')).stdout).toBe(`${JSON.stringify({ file: file(me) })}\n`);
    expect((await me.ci('config path -o csv')).stdout).toBe(`file\r\n${file(me)}\r\n`);
    expect((await me.ci('config path -o yaml')).stdout).toBe(`file: ${file(me)}\n`);
    const env = { CHEAPESTINFERENCE_CONFIG_DIR: path.join(me.home, 'elsewhere') };
    expect((await me.ci('config path', { env })).stdout).toBe(`${me.home}/elsewhere/config.json\n`);
    expect(existsSync(file(me))).toBe(false);
  });

  test('sets the output format in a file that only its owner can read', async () => {
    const me = sandboxUser();
    const { code, stdout } = await me.ci('config set output json');
    expect([code, stdout]).toEqual([0, expect.stringContaining('output')]);
    json(await me.ci('pools list'));
    expect(JSON.parse((await shown(me, 'config list')).screen)).toHaveLength(7);
    expect(statSync(file(me)).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file(me))).mode & 0o777).toBe(0o700);
  });

  test('says for people what was set', async () => {
    const me = user();
    expect(await shown(me, 'config set timeout 45s')).toMatchObject({
      code: 0,
      screen: '✓ timeout is now 45s in profile "default".',
    });
  });

  test.each(['timeout', 'settling-time', 'max-key-age'])('saves a %s without a unit in seconds', async (key) => {
    const me = user();
    expect((await me.ci(`config set ${key} 5`)).stdout).toMatch(/^key\t\S+\nvalue\t5s\n/);
    expect((await me.ci(`config get ${key}`)).stdout).toBe('5s\n');
    expect((await me.ci(`config set ${key} 1.5m`)).stdout).toMatch(/\nvalue\t1\.5m\n/);
  });

  test('uses the environment before the output format of the profile, and a flag before both', async () => {
    const me = sandboxUser();
    await me.ci('config set output json');
    const env = { CHEAPESTINFERENCE_OUTPUT: 'yaml' };
    expect((await me.ci('sandbox path')).stdout).toMatch(/^\{/);
    expect((await me.ci('sandbox path', { env })).stdout).toMatch(/^folder: /);
    expect((await me.ci('sandbox path -o csv', { env })).stdout).toMatch(/^folder\r\n/);
    expect((await me.ci('config get output', { env })).stdout).toMatch(/^key: output\nvalue: yaml\norigin: CHEAP/);
  });

  test('prints errors as JSON if the output format is JSON', async () => {
    const me = sandboxUser();
    await me.ci('config set output json');
    const { code, stdout, stderr } = await me.ci('pools view nothing');
    expect([code, stdout]).toEqual([5, '']);
    expect(errorOf({ stderr })).toMatchObject({ code: 'not_found' });
  });

  test('removes a setting with default', async () => {
    const me = sandboxUser();
    const before = (await me.ci('pools list')).stdout;
    await me.ci('config set output json');
    const { code } = await me.ci('config set output default');
    expect([code, (await me.ci('pools list')).stdout]).toEqual([0, before]);
    expect((await me.ci('config list')).stdout).toBe(
      'output\ttable\tdefault\ntimeout\t30s\tdefault\nmax-monthly-spend\tnone\tdefault\nsettling-time\t120s\tdefault\ndefault-key\tnone\tdefault\nmax-key-age\tnone\tdefault\nstate-url\tnone\tdefault\n',
    );
    expect(readFileSync(file(me), 'utf8')).not.toContain('json');
  });

  test('uses the timeout of the profile unless a flag sets it', async () => {
    const me = userOf(await server(silence));
    await me.ci('config set timeout 200ms');
    const { code, stderr } = await me.ci('billing status --json');
    expect([code, textAt(JSON.parse(stderr), 'error', 'message')]).toEqual([
      9,
      expect.stringMatching(/\b200 ?ms\b|0\.2 ?s/),
    ]);
    const flagged = await me.ci('billing status --timeout 300ms --json');
    expect([flagged.code, textAt(JSON.parse(flagged.stderr), 'error', 'message')]).toEqual([
      9,
      expect.stringMatching(/\b300 ?ms\b|0\.3 ?s/),
    ]);
  });

  test('keeps settings for each profile', async () => {
    const { me } = await member();
    await me.ci('config set output json --profile work');
    expect((await me.ci('config get timeout')).stdout).toBe('30s\n');
    expect((await me.ci('config get output --profile work --jq .origin')).stdout).toBe('profile "work"\n');
    json(await me.ci('auth list --profile work'));
    expect(cells((await me.ci('auth list')).stdout)).toHaveLength(2);
    expect((await me.ci('auth token --profile work --jq .managementKey')).stdout).toBe(`${keys.work}\n`);
  });

  test('keeps settings after logout', async () => {
    const { me } = await member();
    await me.ci('config set timeout 45s');
    await me.ci('auth logout');
    expect((await me.ci('config get timeout')).stdout).toBe('45s\n');
    expect((await me.ci('auth token')).code).toBe(4);
  });

  test.each([
    ['an unknown setting to get', ['config', 'get', 'colour']],
    ['an unknown setting to set', ['config', 'set', 'colour', 'red']],
    ['a name that every object has', ['config', 'get', 'constructor']],
    ['an unknown format', ['config', 'set', 'output', 'xml']],
    ['an empty format', ['config', 'set', 'output', '']],
    ['an invalid duration', ['config', 'set', 'timeout', 'soon']],
    ['a duration of zero', ['config', 'set', 'timeout', '0s']],
    ['an invalid settling time', ['config', 'set', 'settling-time', 'soon']],
    ['a settling time of zero', ['config', 'set', 'settling-time', '0s']],
    ['a settling time of more than a day', ['config', 'set', 'settling-time', '25h']],
    ['an invalid maximum age', ['config', 'set', 'max-key-age', 'old']],
    ['an invalid amount', ['config', 'set', 'max-monthly-spend', 'much']],
    ['an empty amount', ['config', 'set', 'max-monthly-spend', '']],
    ['a negative amount', ['config', 'set', 'max-monthly-spend', '-5']],
    ['fractions of a cent', ['config', 'set', 'max-monthly-spend', '199.999']],
    ['an empty duration', ['config', 'set', 'timeout', '']],
    ['no setting', ['config', 'get']],
    ['no value', ['config', 'set', 'output']],
    ['two values', ['config', 'set', 'output', 'json', 'csv']],
    ['an extra argument for list', ['config', 'list', 'output']],
    ['an extra argument for path', ['config', 'path', 'output']],
    ['an unknown field', ['config', 'set', 'output', 'json', '--fields', 'nothing']],
  ])('exits with 2 and writes nothing: %s', async (_what, args) => {
    const me = user();
    const { code, stdout, stderr } = await me.ci(args);
    expect([code, stdout, existsSync(file(me))]).toEqual([2, '', false]);
    expect(stderr).toMatch(oneLine);
  });

  test('says which values are valid', async () => {
    const me = user();
    expect((await me.ci('config get colour')).stderr).toContain('output, timeout');
    expect((await me.ci('config set output xml')).stderr).toContain('table, json, csv, yaml');
    const { stderr } = await me.ci('config set timeout soon --json');
    expect(at(JSON.parse(stderr), 'error')).toMatchObject({ code: 'usage', outcome: 'not_applied' });
  });

  test('keeps a damaged file under another name, says where, and creates a new one', async () => {
    const me = user();
    await me.ci('config set timeout 45s');
    writeFileSync(file(me), '{');
    const { code, stdout, stderr } = await me.ci('config set timeout 50s');
    expect([code, stdout]).toEqual([0, 'key\ttimeout\nvalue\t50s\norigin\tprofile "default"\n']);
    const [, aside = ''] =
      /^\S+ was damaged\. It was kept as (\S+), and a new file was created\.\n$/.exec(stderr) ?? [];
    expect(readFileSync(aside, 'utf8')).toBe('{');
    expect((await me.ci('config get timeout')).stdout).toBe('50s\n');
  });
});

test('uses the account that was signed in or switched to', async () => {
  const api = await recordedSandbox({
    instead: ({ headers }) =>
      headers.authorization === 'Bearer mk_refused_0123456789'
        ? answer(401, { success: false, error: 'No' })
        : undefined,
  });
  const me = user({ CHEAPESTINFERENCE_API_URL: api.url });
  const seen = async () => {
    await me.ci('billing status');
    return api.received.at(-1)?.headers.authorization;
  };
  await me.ci('auth login --with-key', { stdin: keys.default });
  await me.ci('auth login --with-key --profile work', { stdin: keys.work });
  expect((await me.ci('auth login --with-key --profile work', { stdin: 'mk_refused_0123456789' })).code).toBe(4);
  expect(await seen()).toBe(`Bearer ${keys.default}`);
  await me.ci('auth switch work');
  expect(await seen()).toBe(`Bearer ${keys.work}`);
  await me.ci('auth logout');
  expect((await me.ci('auth list --jq .[].profile')).stdout).toBe('default\n');
});
