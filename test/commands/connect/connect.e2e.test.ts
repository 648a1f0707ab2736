import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, lines } from '../../support/cli.ts';
import { connectionFiles, keyCustomer, treeOf } from '../../support/connections.ts';
import { modeOf } from '../../support/folder.ts';
import { errorOf } from '../../support/lost.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import { filesWith } from '../../support/secret-search.ts';
import { ctrlC, enter, onTerminal } from '../../support/terminal.ts';

const says =
  'kimi-k2.6 says: This is the CheapestInference sandbox, answering instead of kimi-k2.6. Your key and your request are correct.';
const notInstalled = (title: string) => `${title} isn't installed on this machine.\n`;
const config = 'config/opencode/opencode.json';

/** The settings of opencode. */
const provider = (url: string) => ({
  npm: '@ai-sdk/openai-compatible',
  name: 'CheapestInference',
  options: { baseURL: `${url}/v1`, apiKey: '{env:CHEAPESTINFERENCE_API_KEY}' },
  models: { 'kimi-k2.6': { name: 'kimi-k2.6', limit: { context: 262_144, output: 32_768 } } },
});
const settingsOf = (url: string) =>
  `${JSON.stringify({ provider: { cheapestinference: provider(url) }, model: 'cheapestinference/kimi-k2.6' }, undefined, 2)}\n`;

/** Every tool whose settings can be written with the sandbox's key. Codex needs an endpoint that the sandbox doesn't have. */
const connectable = [
  ...[
    'claude-code',
    'opencode',
    'kilo',
    'pi',
    'qwen-code',
    'cline',
    'crush',
    'goose',
    'zed',
    'aider',
    'llm',
    'litellm',
  ],
];
const withProject = ['claude-code', 'opencode', 'kilo', 'qwen-code', 'crush', 'aider', 'litellm'];
const keepsSecret = ['cline', 'llm'];
/** Files that their programs ignore if they have comments or trailing commas. */
const strict = [
  ['claude-code', '.claude/settings.json'],
  ['pi', '.pi/agent/settings.json'],
  ['cline', '.cline/data/settings/providers.json'],
  ['llm', 'config/io.datasette.llm/keys.json'],
] as const;

describe('ci connect', () => {
  test('writes the settings of a tool, and prints the members that scripts rely on', async () => {
    const { me, api, at: file } = await keyCustomer();
    const ended = await me.ci('connect opencode --yes --json');
    expect([ended.code, ended.stderr]).toEqual([0, notInstalled('opencode')]);
    expect(json(ended)).toEqual({
      ...{ tool: 'opencode', status: 'connected', place: 'user', key: 'app', model: 'kimi-k2.6', baseUrl: api.url },
      ...{ files: [file(config)], backups: [], start: 'ci run --for none -- opencode' },
      ...{ works: true, detail: `The key works. ${says}`, diff: null, snippets: [], gateway: false },
    });
    expect(treeOf(me.home)).toEqual({
      config: '700/',
      'config/opencode': '755/',
      [config]: `644 ${settingsOf(api.url)}`,
    });
    expect(connectionFiles(me)).toEqual(['opencode/connection.json']);
    expect(modeOf(file('.local/state/cheapestinference/connections/opencode/connection.json'))).toBe('600');
  });

  test('prints a name and a value per line in a pipe', async () => {
    const { me, api, at: file } = await keyCustomer();
    const { code, stdout } = await me.ci('connect opencode --yes');
    expect([code, cells(stdout)]).toEqual([
      0,
      [
        ...[
          ['tool', 'opencode'],
          ['status', 'connected'],
          ['place', 'user'],
          ['key', 'app'],
          ['gateway', 'false'],
          ['model', 'kimi-k2.6'],
        ],
        ...[
          ['baseUrl', api.url],
          ['files', file(config)],
          ['backups', ''],
        ],
        ...[
          ['start', 'ci run --for none -- opencode'],
          ['works', 'true'],
        ],
        ['detail', `The key works. ${says}`],
      ],
    ]);
  });

  test('says on a terminal what was written, whether the key works, and how to start the tool', async () => {
    const { me, write } = await keyCustomer();
    write(config, '{}\n');
    const session = onTerminal(me, 'connect opencode --yes', { columns: 200 });
    expect(await session.exit).toBe(0);
    expect(session.screen.split('\n').map((line) => line.trimEnd())).toEqual([
      "opencode isn't installed on this machine.",
      '✓ opencode uses kimi-k2.6 with key "app".',
      `Settings  ~/${config}`,
      'Backup    ~/.local/state/cheapestinference/connections/opencode/1-opencode.json',
      `✓ The key works. ${says}`,
      '',
      'Start it with:',
      '  ci run --for none -- opencode',
    ]);
  });

  test('keeps the file as it was as a backup that only you can read', async () => {
    const { connect, write, at: file } = await keyCustomer();
    const before = '{\n  // mine\n  "theme": "dark"\n}\n';
    write(config, before);
    const [backup] = listAt(await connect('opencode'), 'backups');
    expect(backup).toBe(file('.local/state/cheapestinference/connections/opencode/1-opencode.json'));
    expect([readFileSync(String(backup), 'utf8'), modeOf(String(backup))]).toEqual([before, '600']);
  });

  test.each(connectable)('writes the secret of the key only to files that keep it (%s)', async (tool) => {
    const { me, secret, connect } = await keyCustomer();
    const files = listAt(await connect(tool), 'files').map((each) => path.relative(me.home, String(each)));
    const kept = filesWith(secret, me.home).filter((name) => name !== 'config/cheapestinference/secrets.json');
    expect(kept).toEqual(keepsSecret.includes(tool) ? [files[0]] : []);
    for (const name of kept) expect(modeOf(path.join(me.home, name))).toBe('600');
    const record = path.join(me.home, `.local/state/cheapestinference/connections/${tool}/connection.json`);
    const hash = `sha256:${createHash('sha256').update(secret).digest('hex')}`;
    expect(readFileSync(record, 'utf8').includes(hash)).toBe(keepsSecret.includes(tool));
  });

  test.each(connectable)('changes nothing the second time, and needs no consent for that (%s)', async (tool) => {
    const { me, connect } = await keyCustomer();
    const files = listAt(await connect(tool), 'files').map(String);
    const past = new Date('2020-01-02T03:04:05Z');
    for (const each of files) utimesSync(each, past, past);
    const before = treeOf(me.home);
    const again = await me.ci(`connect ${tool} --json`);
    expect([again.code, at(json(again), 'status'), treeOf(me.home)]).toEqual([0, 'unchanged', before]);
    expect(files.map((each) => statSync(each).mtime)).toEqual(files.map(() => past));
    expect((await me.ci(`connect ${tool} --undo --yes`)).code).toBe(0);
    expect(Object.keys(treeOf(me.home))).toEqual(['config']);
  });

  test.each(['openai-sdk', 'anthropic-sdk'])('prints source code for %s, and writes nothing', async (tool) => {
    const { me } = await keyCustomer();
    const { code, stdout, stderr } = await me.ci(`connect ${tool}`);
    const format = tool.replace('-sdk', '');
    expect(code).toBe(0);
    expect(
      lines(stdout)
        .filter((line) => /^(?:# \w+$|\s*model)/.test(line))
        .slice(0, 2),
    ).toEqual(['# Python', '    model="kimi-k2.6",']);
    expect(stderr).toBe(`\n✓ The key works. ${says}\nStart it with:\n  ci run --for ${format} -- python app.py\n`);
    expect([treeOf(me.home), connectionFiles(me)]).toEqual([{ config: '700/' }, []]);
    const result = json(await me.ci(`connect ${tool} --json`));
    expect(listAt(result, 'snippets').map((each) => textAt(each, 'language'))).toEqual(['Python', 'JavaScript']);
    expect(stdout).toContain(textAt(result, 'snippets', 0, 'code'));
  });
});

describe('--dry-run', () => {
  test('prints the changes as a diff, and makes none', async () => {
    const { me, api, at: file, write } = await keyCustomer();
    write(config, '{\n  // mine\n  "theme": "dark"\n}');
    const before = treeOf(me.home);
    const { code, stdout, stderr } = await me.ci('connect opencode --dry-run');
    const added = JSON.stringify(provider(api.url), undefined, 2)
      .split('\n')
      .map((line) => `    ${line}`.trimEnd());
    expect([code, lines(stdout), stderr]).toEqual([
      0,
      [
        ...[`--- ${file(config)}`, `+++ ${file(config)}`, '@@ -1,4 +1,24 @@', ' {', '   // mine'],
        ...['-  "theme": "dark"', '+  "theme": "dark",'],
        '+  "provider": {',
        `+    "cheapestinference": ${added[0]?.trimStart()}`,
        ...added.slice(1).map((line) => `+${line}`),
        ...['+  },', '+  "model": "cheapestinference/kimi-k2.6"', ' }', '\\ No newline at end of file'],
      ],
      '',
    ]);
    expect([treeOf(me.home), connectionFiles(me), api.changes]).toEqual([before, [], []]);
  });

  test("masks the user's own secrets, and shows references whole", async () => {
    const { me, write } = await keyCustomer();
    const own = 'sk-ant-api03-0123456789abcdefghij';
    write(config, `{\n  "apiKey": "${own}",\n  "password": "hunter2hunter2"\n}\n`);
    const { stdout } = await me.ci('connect opencode --dry-run');
    expect(stdout).toContain('   "apiKey": "sk-…ghij",\n-  "password": "…"\n+  "password": "…",\n');
    expect(stdout).toContain('"apiKey": "{env:CHEAPESTINFERENCE_API_KEY}"');
    expect(stdout).not.toMatch(/0123456789abcdef|hunter2/);
  });

  test.each([
    [
      'claude-code',
      [
        '"ANTHROPIC_API_KEY": ""',
        '"CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144"',
        'keys secret app --profile default --api-url URL"',
      ],
    ],
    ['pi', ['"apiKey": "!ci keys secret app --profile default --api-url URL"']],
    ['qwen-code', ['"envKey": "CHEAPESTINFERENCE_API_KEY"']],
    ['litellm', ['api_key: "os.environ/CHEAPESTINFERENCE_API_KEY"']],
    ['crush', ['--api-key "$CHEAPESTINFERENCE_API_KEY"']],
    ['cline', ['"apiKey": "sk_sandbox_…LAST"']],
    ['llm', ['"cheapestinference": "sk_sandbox_…LAST"']],
  ])('shows where %s gets the key, but not the key', async (tool, shown) => {
    const { me, api, secret } = await keyCustomer();
    const { stdout } = await me.ci(`connect ${tool} --dry-run`);
    for (const text of shown) expect(stdout).toContain(text.replace('URL', api.url).replace('LAST', secret.slice(-4)));
    expect(stdout).not.toContain(secret);
  });

  test.each([
    ['cline', '.cline/data/settings/providers.json', '{"version": 1, "providers": {"mine": {"apiKey": "hunter2"}}}\n'],
    ['llm', 'config/io.datasette.llm/keys.json', '{\n  "openai": "hunter2",\n  "last": "correct horse"\n}\n'],
    ['llm', 'config/io.datasette.llm/keys.json', '{"openai":"hunter2","last":"correct horse"}'],
  ])('masks all other secrets in the file of %s (%s, %j)', async (tool, name, text) => {
    const { me, write, connect } = await keyCustomer();
    write(name, text);
    const line = `connect ${tool} --dry-run`;
    const shown = [await me.ci(line), await me.ci(`${line} --json`)];
    await connect(tool);
    shown.push(await me.ci(`connect ${tool} --undo --dry-run`));
    for (const { code, stdout, stderr } of shown) {
      expect([code, stdout.length > 100]).toEqual([0, true]);
      expect(stdout + stderr).not.toMatch(/hunter2|correct horse/);
    }
    expect(shown[0]?.stdout).not.toMatch(/^ /m);
  });

  test('prints the plan with the diff as JSON', async () => {
    const { me, at: file } = await keyCustomer();
    const result = json(await me.ci('connect opencode --dry-run --json'));
    expect(result).toMatchObject({ status: 'planned', works: null, detail: null, backups: [], files: [file(config)] });
    expect(textAt(result, 'diff')).toMatch(/^--- \/dev\/null\n\+\+\+ \S+opencode\.json\n@@ -0,0 \+1,\d+ @@\n\+\{\n/);
  });

  test('says that nothing would change', async () => {
    const { me, connect } = await keyCustomer();
    await connect('opencode');
    const { code, stdout, stderr } = await me.ci('connect opencode --dry-run');
    expect([code, stdout, stderr]).toEqual([0, '', 'Nothing would change.\n']);
  });

  test('shows what --undo would change', async () => {
    const { me, at: file, connect } = await keyCustomer();
    await connect('opencode');
    const before = treeOf(me.home);
    const { code, stdout } = await me.ci('connect opencode --undo --dry-run');
    expect([code, lines(stdout).slice(0, 3)]).toEqual([
      0,
      [`--- ${file(config)}`, '+++ /dev/null', '@@ -1,22 +0,0 @@'],
    ]);
    expect([treeOf(me.home), connectionFiles(me)]).toEqual([before, ['opencode/connection.json']]);
  });
});

describe('the consent', () => {
  test.each([
    ['Enter', enter, 1],
    ['No', `n${enter}`, 1],
    ['Ctrl-C', ctrlC, 130],
  ])('changes nothing after %s on a pseudo-terminal, and shows the diff first', async (_how, keys, code) => {
    const { me, write, at: file } = await keyCustomer();
    write(config, '{\n  "theme": "dark"\n}');
    const before = treeOf(me.home);
    const session = onTerminal(me, 'connect opencode', { pty: true, columns: 160 });
    await session.shows('Change this file?');
    for (const line of [
      `--- ${file(config)}`,
      '-  "theme": "dark"',
      '+  "theme": "dark",',
      '+        "apiKey": "{env:CHEAPESTINFERENCE_API_KEY}"',
      '\\ No newline at end of file',
    ]) {
      expect(session.screen.split('\n').map((each) => each.trimEnd())).toContain(line);
    }
    session.type(keys);
    expect(await session.exit).toBe(code);
    expect([treeOf(me.home), connectionFiles(me)]).toEqual([before, []]);
  });

  test('writes the files after Yes on a pseudo-terminal', async () => {
    const { me, api } = await keyCustomer();
    const session = onTerminal(me, 'connect pi', { pty: true, columns: 160 });
    await session.shows('Change these 2 files?');
    session.type(`y${enter}`);
    expect(await session.exit).toBe(0);
    expect(session.screen).toContain('✓ pi uses kimi-k2.6 with key "app".');
    expect(Object.keys(treeOf(me.home))).toContain('.pi/agent/models.json');
    expect(api.changes).toContain('POST /v1/chat/completions');
  });

  test.each(keepsSecret)('says that %s takes the key only in plain text', async (tool) => {
    const { me, secret } = await keyCustomer();
    const session = onTerminal(me, `connect ${tool}`, { columns: 160 });
    await session.shows(/Change (this|these 2) files?\?/);
    expect(session.screen).toContain('takes the key only in plain text. It will be in a file that only you can read.');
    expect(session.written).not.toContain(secret);
    session.type(enter);
    expect(await session.exit).toBe(1);
  });

  test.each(keepsSecret)('comes after a note that %s keeps the key in plain text, and the diff', async (tool) => {
    const { me } = await keyCustomer();
    const session = onTerminal(me, `connect ${tool}`, { columns: 160 });
    await session.shows(/Change (this|these 2) files?\?/);
    const [note, diff] = ['in plain text', '--- /dev/null'].map((text) => session.screen.indexOf(text));
    expect([note !== -1, note !== undefined && diff !== undefined && note < diff]).toEqual([true, true]);
    session.type(enter);
    expect(await session.exit).toBe(1);
  });

  test.each(['--yes', '--dry-run', '--yes --json'])('is preceded by that note with %s, too', async (flags) => {
    const { me } = await keyCustomer();
    const { code, stderr } = await me.ci(`connect cline ${flags}`);
    expect([code, stderr.split('\n')[0]]).toEqual([
      0,
      'Cline CLI takes the key only in plain text. It will be in a file that only you can read.',
    ]);
    const again = await me.ci('connect cline --yes');
    expect(again.stderr.includes('in plain text')).toBe(flags === '--dry-run');
  });

  test.each(['', ' --json', ' --no-input', ' --undo'])(
    'is required without a terminal, and exits with 2 (%j)',
    async (flag) => {
      const { me, connect } = await keyCustomer();
      if (flag === ' --undo') await connect('opencode');
      const before = [treeOf(me.home), connectionFiles(me)];
      const { code, stdout, stderr } = await me.ci(`connect opencode${flag}`);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('--yes');
      expect([treeOf(me.home), connectionFiles(me)]).toEqual(before);
    },
  );

  test('is asked for before --undo, too', async () => {
    const { me, connect } = await keyCustomer();
    await connect('opencode');
    const before = treeOf(me.home);
    const session = onTerminal(me, 'connect opencode --undo', { columns: 160 });
    await session.shows('Change this file?');
    session.type(enter);
    expect(await session.exit).toBe(1);
    expect([treeOf(me.home), connectionFiles(me)]).toEqual([before, ['opencode/connection.json']]);
  });
});

describe('--project', () => {
  test.each(withProject)('writes only below the working directory, and never a secret (%s)', async (tool) => {
    const { me, secret, at: file } = await keyCustomer();
    const project = file('project');
    mkdirSync(project);
    const before = treeOf(me.home);
    const ended = await me.ci(`connect ${tool} --project --yes --json`, { cwd: project });
    const files = listAt(json(ended), 'files').map(String);
    expect([ended.code, at(json(ended), 'place'), files.length > 0]).toEqual([0, 'project', true]);
    for (const each of files) expect(path.relative(project, each)).not.toMatch(/^\.\./);
    const others = Object.entries(treeOf(me.home)).filter(([name]) => !name.startsWith('project/'));
    expect(Object.fromEntries(others)).toEqual(before);
    expect(filesWith(secret, project)).toEqual([]);
    const undone = await me.ci(`connect ${tool} --project --undo --yes`, { cwd: project });
    expect([undone.code, treeOf(me.home), connectionFiles(me)]).toEqual([0, before, []]);
  });

  test.each(['pi', 'cline', 'codex', 'goose', 'zed', 'llm'])('is refused for %s, with a reason', async (tool) => {
    const { me, api } = await keyCustomer();
    const before = treeOf(me.home);
    const { code, stdout, stderr } = await me.ci(`connect ${tool} --project --yes`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^ci: (.+) has no file for a project\. .+ reads (?:providers|models) only from your own settings\. Leave out --project\.\n$/,
    );
    expect([treeOf(me.home), api.requests]).toEqual([before, expect.not.arrayContaining(['GET /v1/models'])]);
  });

  test('is independent of the connection for the user', async () => {
    const { me, at: file, connect } = await keyCustomer();
    await connect('opencode');
    await connect('opencode --project');
    const files = [config, 'opencode.json'];
    const there = () => files.filter((name) => Object.hasOwn(treeOf(me.home), name));
    expect(there()).toEqual(files);
    mkdirSync(file('other'));
    const elsewhere = await me.ci('connect opencode --project --undo --yes --json', { cwd: file('other') });
    expect([elsewhere.code, at(json(elsewhere), 'status'), there()]).toEqual([0, 'not connected', files]);
    await me.ci('connect opencode --undo --yes');
    expect(there()).toEqual(['opencode.json']);
    await me.ci('connect opencode --project --undo --yes');
    expect([there(), connectionFiles(me)]).toEqual([[], []]);
  });

  test('is the same for a directory and a link to it, which the settings survive', async () => {
    const { me, at: file } = await keyCustomer();
    mkdirSync(file('project'));
    symlinkSync(file('project'), file('link'));
    await me.ci('connect opencode --project --yes', { cwd: file('link') });
    const again = await me.ci('connect opencode --project --json', { cwd: file('project') });
    expect([again.code, at(json(again), 'status')]).toEqual([0, 'unchanged']);
    const undone = await me.ci('connect opencode --project --undo --yes --json', { cwd: file('project') });
    expect([undone.code, at(json(undone), 'status'), Object.keys(treeOf(file('project')))]).toEqual([
      0,
      'disconnected',
      [],
    ]);
  });
});

describe('an existing file', () => {
  test('that is a symbolic link is followed and kept, also by --undo', async () => {
    const { me, at: file, write, connect } = await keyCustomer();
    const before = '{\n  "theme": "dark"\n}\n';
    const target = write('dotfiles/opencode.json', before, 0o640);
    mkdirSync(file('config/opencode'), { recursive: true });
    symlinkSync(target, file(config));
    await connect('opencode');
    expect([readlinkSync(file(config)), lstatSync(target).isFile(), modeOf(target)]).toEqual([target, true, '640']);
    expect(readFileSync(target, 'utf8')).toContain('"cheapestinference"');
    await me.ci('connect opencode --undo --yes');
    expect([readlinkSync(file(config)), readFileSync(target, 'utf8'), modeOf(target)]).toEqual([target, before, '640']);
  });

  test('that is a link to a file that does not exist is kept, and its target created', async () => {
    const { me, at: file, connect } = await keyCustomer();
    mkdirSync(file('config/opencode'), { recursive: true });
    symlinkSync('../../dotfiles/opencode.json', file(config));
    const before = treeOf(me.home);
    await connect('opencode');
    expect([readlinkSync(file(config)), lstatSync(file('dotfiles/opencode.json')).isFile()]).toEqual([
      '../../dotfiles/opencode.json',
      true,
    ]);
    expect((await me.ci('connect opencode --undo --yes')).code).toBe(0);
    expect(treeOf(me.home)).toEqual(before);
  });

  test.each(
    strict.flatMap(([tool, name]) =>
      ['{\n  // mine\n  "version": 1\n}\n', '{"version": 1,}', '/* mine */ {}'].map(
        (text) => [tool, name, text] as const,
      ),
    ),
  )('of %s with comments or trailing commas is refused, because %s ignores it then (%s)', async (tool, name, text) => {
    const { me, at: file, write } = await keyCustomer();
    write(name, text);
    const before = treeOf(me.home);
    const ended = await me.ci(`connect ${tool} --yes`);
    expect([ended.code, ended.stdout, treeOf(me.home), connectionFiles(me)]).toEqual([1, '', before, []]);
    const names = new Map([
      ['claude-code', 'Claude Code'],
      ['cline', 'Cline'],
    ]);
    expect(ended.stderr).toContain(
      `Can't change ${file(name)}: it has comments or trailing commas, which ${names.get(tool) ?? tool} doesn't accept there.`,
    );
  });

  test.each(['general_settings: {}\n', 'pipeline:\n  - build\n'])(
    'config.yaml of another program is refused for LiteLLM (%j)',
    async (text) => {
      const { me, write } = await keyCustomer();
      write('config.yaml', text);
      const before = treeOf(me.home);
      const ended = await me.ci('connect litellm --project --yes');
      expect([ended.code, ended.stdout, treeOf(me.home), connectionFiles(me)]).toEqual([1, '', before, []]);
      expect(ended.stderr).toContain('config.yaml: it has no model_list, so it belongs to another program.');
    },
  );

  test.each([
    ['opencode', config, '{\n  "theme": "dark"\n  "model": "x"\n}\n', /line 3, column 3: a comma is missing/],
    ['opencode', config, '{\n  "theme": "dark",\n', /line 3, column 1: a member name is missing/],
    ['opencode', config, '["a"]', /it isn't an object/],
    ['opencode', config, '{"provider": []}', /provider isn't an object/],
    ['qwen-code', '.qwen/settings.json', '{"modelProviders": {"openai": {}}}', /modelProviders\.openai isn't a list/],
    ['aider', '.aider.conf.yml', 'a: b\n  c: d\n', /line 1, column 4: /],
    ['aider', '.aider.conf.yml', '- a\n', /it isn't a map/],
    ['aider', '.aider.conf.yml', 'a: 1\n---\nb: 2\n', /it has several documents, separated by ---/],
    ['llm', 'config/io.datasette.llm/extra-openai-models.yaml', 'a: 1\n', /it isn't a list/],
    ['crush', 'config/crush/crushrc', '# >>> CheapestInference >>>\nx\n', /it has the line ".*" but not ".*"/],
  ])('of %s that is damaged is refused, and left byte for byte (%s, %j)', async (tool, name, text, problem) => {
    const { me, at: file, write } = await keyCustomer();
    write(name, text);
    const before = treeOf(me.home);
    const ended = await me.ci(`connect ${tool} --yes --json`);
    expect([ended.code, ended.stdout, treeOf(me.home), connectionFiles(me)]).toEqual([1, '', before, []]);
    const { message, ...others } = Object(errorOf(ended));
    expect(others).toMatchObject({
      ...{ code: 'file_error', outcome: 'not_applied' },
      hint: 'The file was left unchanged. Correct it, and run the command again.',
    });
    expect(message).toMatch(problem);
    expect(message).toContain(`Can't change ${file(name)}: `);
  });

  test.each([
    ["isn't UTF-8", (_file: string, write: (content: Buffer) => void) => write(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['is a directory', (file: string) => void mkdirSync(file, { recursive: true })],
    [
      'is a link to itself',
      (file: string) => {
        mkdirSync(path.dirname(file), { recursive: true });
        symlinkSync(file, file);
      },
    ],
  ])('that %s is refused, and left as it is', async (_what, prepare) => {
    const { me, at: file, write } = await keyCustomer();
    prepare(file(config), (content) => void write(config, content));
    const before = treeOf(me.home);
    const { code, stdout, stderr } = await me.ci('connect opencode --yes');
    expect([code, stdout, treeOf(me.home), connectionFiles(me)]).toEqual([1, '', before, []]);
    expect(stderr).toMatch(/^ci: Can't (?:read|write) \S+opencode\.json: [^\n]+\. Nothing was changed\.\n$/);
    expect(stderr).not.toMatch(/ELOOP|EISDIR|ERR_/);
  });

  test('is not read with the whole system: a huge one is refused or changed in place', async () => {
    const { connect, me, write, at: file } = await keyCustomer();
    const before = `{\n${Array.from({ length: 20_000 }, (_, at) => `  "member${at}": [${at}], // ${at}\n`).join('')}}\n`;
    write(config, before);
    await connect('opencode');
    expect(readFileSync(file(config), 'utf8')).toContain('"member19999": [19999], // 19999\n  "provider": {');
    await me.ci('connect opencode --undo --yes');
    expect(readFileSync(file(config), 'utf8') === before).toBe(true);
  });
});

describe('permissions', () => {
  test.each([
    ['cline', '.cline/data/settings/providers.json', '{"version": 1}\n'],
    ['llm', 'config/io.datasette.llm/keys.json', '{"openai": "sk-0123456789abcdefghij"}\n'],
  ])('are 0600 for the file of %s with the key, and given back by --undo', async (tool, name, text) => {
    const { me, at: file, write, connect } = await keyCustomer();
    write(name, text);
    chmodSync(file(name), 0o664);
    const before = treeOf(me.home);
    await connect(tool);
    expect(modeOf(file(name))).toBe('600');
    chmodSync(file(name), 0o644);
    const again = await connect(tool);
    expect([at(again, 'status'), modeOf(file(name))]).toEqual(['connected', '600']);
    expect((await me.ci(`connect ${tool} --undo --yes`)).code).toBe(0);
    expect(treeOf(me.home)).toEqual(before);
  });

  test.each([
    ['that the user has changed after they were 0600', 0o664, 0o640],
    ['that were 0600 before, and that the user has changed since', 0o600, 0o644],
  ])('%s stay', async (_what, before, after) => {
    const { me, at: file, write, connect } = await keyCustomer();
    const keys = write('config/io.datasette.llm/keys.json', '{}\n');
    chmodSync(keys, before);
    await connect('llm');
    chmodSync(keys, after);
    expect((await me.ci('connect llm --undo --yes')).code).toBe(0);
    expect(modeOf(file('config/io.datasette.llm/keys.json'))).toBe(after.toString(8));
  });

  test('that the user has changed since then stay', async () => {
    const { me, at: file, write, connect } = await keyCustomer();
    write(config, '{}\n');
    await connect('opencode');
    chmodSync(file(config), 0o600);
    expect((await me.ci('connect opencode --undo --yes')).code).toBe(0);
    expect([readFileSync(file(config), 'utf8'), modeOf(file(config))]).toEqual(['{}\n', '600']);
  });

  test.each([0o600, 0o640, 0o664])('of another file stay (%o)', async (mode) => {
    const { me, at: file, write, connect } = await keyCustomer();
    write(config, '{}\n');
    chmodSync(file(config), mode);
    const before = treeOf(me.home);
    await connect('opencode');
    expect(modeOf(file(config))).toBe(mode.toString(8));
    await me.ci('connect opencode --undo --yes');
    expect(treeOf(me.home)).toEqual(before);
  });
});
