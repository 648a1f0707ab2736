import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json } from '../../support/cli.ts';
import {
  connectionFiles,
  type KeyCustomer,
  keyCustomer,
  offering,
  storedKey,
  treeOf,
} from '../../support/connections.ts';
import { storeKeys } from '../../support/key-store.ts';
import { at, listAt, poolKey } from '../../support/sandbox.ts';
import { filesWith } from '../../support/secret-search.ts';

const opencode = 'config/opencode/opencode.json';
const mark = '\ufeff';

/** Returns a text with the line ends of Windows. */
const crlf = (text: string) => text.replaceAll('\n', '\r\n');

/** Undoes a connection, which must work. @returns the status */
async function undo({ me }: KeyCustomer, line: string): Promise<unknown> {
  const ended = await me.ci(`connect ${line} --undo --yes --json`);
  expect([ended.code, ended.stderr]).toEqual([0, '']);
  return at(json(ended), 'status');
}

/** Documents of users, by tool: the name of the file, and texts that are unusual in different ways. */
const documents: readonly (readonly [tool: string, name: string, texts: readonly string[]])[] = [
  [
    'opencode',
    opencode,
    [
      '{}',
      '{}\n',
      '{ }\n',
      '',
      '\n',
      `${mark}{}\n`,
      '// only a comment\n',
      '{\n  // mine\n  "theme": "dark", // too\n  /* all */\n}\n',
      '{\n\t"theme": "dark",\n\t"keybinds": {\n\t\t"leader": "ctrl+x"\n\t}\n}',
      '{"theme":"dark","provider":{}}',
      '{ "theme": "dark", "provider": { "openai": { "options": {} } }, "model": "openai/gpt" }\n',
      '{\n  "provider": {\n    "cheapestinference": { "name": "an older one" } // keep\n  },\n}\n',
      `${mark}${crlf('{\n    "theme": "dark", // mine\n    "model": "openai/gpt"\n}\n')}`,
      '{"model": "a", "model": "b"}',
    ],
  ],
  [
    'claude-code',
    '.claude/settings.json',
    [
      '{}\n',
      '{\n  "env": {\n    "ANTHROPIC_API_KEY": "sk-ant-0123456789abcdefghij",\n    "MINE": "1"\n  },\n  "model": "opus"\n}\n',
      '{"env":{},"apiKeyHelper":"echo mine"}',
      crlf('{\n\t"permissions": {\n\t\t"allow": ["Bash(ls:*)"]\n\t}\n}'),
    ],
  ],
  [
    'qwen-code',
    '.qwen/settings.json',
    [
      '{ "modelProviders": { "openai": [ { "id": "mine" } ] } }\n',
      '{\n  "modelProviders": {\n    "openai": [\n      // none\n    ]\n  },\n  "model": { "name": "mine" }\n}\n',
      '{"security":{"auth":{"selectedType":"oauth"}}}',
    ],
  ],
  ['cline', '.cline/data/settings/providers.json', ['{"version":1,"providers":{}}', '{\n  "version": 2\n}\n']],
  [
    'zed',
    'config/zed/settings.json',
    ['// Zed settings\n{\n  "agent": { "enabled": true },\n  "ui_font_size": 16\n}\n'],
  ],
  [
    'crush',
    'config/crush/crushrc',
    ['', 'option theme dark\n', 'option theme dark', crlf('# mine\noption theme dark\n'), '\n\n\n'],
  ],
  [
    'aider',
    '.aider.conf.yml',
    [
      '',
      '# mine\n',
      '## Model\nmodel: gpt # the best\n\n# End\n',
      'dark-mode: true\nread:\n  - a.md\n  - b.md',
      crlf('dark-mode: true\n# end\n'),
      `${mark}dark-mode: true\n`,
      '{}\n',
    ],
  ],
  [
    'llm',
    'config/io.datasette.llm/extra-openai-models.yaml',
    ['- model_id: mine # keep\n  model_name: mine\n', '[]\n', '# none yet\n', '- model_id: mine'],
  ],
  [
    'litellm',
    'config/cheapestinference/litellm.yaml',
    ['model_list:\n- model_name: mine\n  litellm_params: {model: openai/x}\nlitellm_settings:\n  drop_params: true\n'],
  ],
];
/** The documents of Codex, which needs an endpoint that the sandbox doesn't have. */
const codexTexts = [
  '',
  '# mine\n',
  'model = "gpt" # the best\n',
  'model = "gpt"',
  '# Codex\n\n[mcp_servers.x]\ncommand = "y" # keep\n\n# End\n',
  '[model_providers.cheapestinference]\nname = "an older one" # keep\n\n[other]\na = 1\n',
  '[profiles.mine]\nmodel = "gpt"\n[[list]]\na = 1',
  crlf('model_provider = "openai"\n\n[tui]\ntheme = \'dark\'\n'),
  `${mark}model = "gpt"\n`,
];
const eachDocument = [...documents, ['codex', '.codex/config.toml', codexTexts] as const].flatMap(
  ([tool, name, texts]) => texts.map((text) => [tool, name, text] as const),
);

const customerOf = (tool: string) => keyCustomer(tool === 'codex' ? { instead: offering(['kimi-k2.6']) } : {});

describe('--undo', () => {
  test.each(eachDocument)('gives the file of %s back byte for byte (%s, %j)', async (tool, name, text) => {
    const customer = await customerOf(tool);
    const file = customer.write(name, text);
    await customer.connect(tool);
    expect(readFileSync(file, 'utf8')).not.toBe(text);
    expect(await undo(customer, tool)).toBe('disconnected');
    expect([readFileSync(file, 'utf8'), connectionFiles(customer.me)]).toEqual([text, []]);
  });

  test.each(eachDocument)(
    'does so after an edit of the user elsewhere in it (%s, %s, %j)',
    async (tool, name, text) => {
      const customer = await customerOf(tool);
      const file = customer.write(name, text);
      await customer.connect(tool);
      // A line at the start that changes no setting.
      const comment = /\.jsonc?$/.test(name) ? '// added later\n' : '# added later\n';
      const edited = (before: string) =>
        before.startsWith(mark) ? `${mark}${comment}${before.slice(1)}` : `${comment}${before}`;
      writeFileSync(file, edited(readFileSync(file, 'utf8')));
      expect(await undo(customer, tool)).toBe('disconnected');
      expect(readFileSync(file, 'utf8')).toBe(edited(text));
    },
  );

  test.each([...new Set(documents.map(([tool]) => tool)), 'kilo', 'pi', 'goose'])(
    'removes the files of %s that did not exist, with the directories that were created',
    async (tool) => {
      const customer = await keyCustomer();
      const before = treeOf(customer.me.home);
      await customer.connect(tool);
      expect(await undo(customer, tool)).toBe('disconnected');
      expect([treeOf(customer.me.home), connectionFiles(customer.me)]).toEqual([before, []]);
    },
  );

  test('keeps a directory that was created if it has other files now', async () => {
    const customer = await keyCustomer();
    await customer.connect('goose');
    const other = customer.write('config/goose/config.yaml', 'mine: true\n');
    await undo(customer, 'goose');
    expect(Object.keys(treeOf(customer.me.home))).toEqual(['config', 'config/goose', 'config/goose/config.yaml']);
    expect(readFileSync(other, 'utf8')).toBe('mine: true\n');
  });

  test('removes the settings after another program has written the file anew', async () => {
    const customer = await keyCustomer();
    const file = customer.write(opencode, '{\n  // mine\n  "theme": "dark",\n  "provider": { "openai": {} }\n}\n');
    await customer.connect('opencode');
    const data: unknown = JSON.parse(readFileSync(file, 'utf8').replace('// mine', ''));
    writeFileSync(file, JSON.stringify(data));
    await undo(customer, 'opencode');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ theme: 'dark', provider: { openai: {} } });
  });

  test('removes a file that was created, after another program has written it anew', async () => {
    const customer = await keyCustomer();
    const before = treeOf(customer.me.home);
    await customer.connect('qwen-code');
    const file = customer.at('.qwen/settings.json');
    writeFileSync(file, JSON.stringify(JSON.parse(readFileSync(file, 'utf8')), undefined, '\t'));
    await undo(customer, 'qwen-code');
    expect(treeOf(customer.me.home)).toEqual(before);
  });

  test('removes the entry of Cline, although Cline has changed parts of it', async () => {
    const customer = await keyCustomer();
    const before = treeOf(customer.me.home);
    await customer.connect('cline');
    const file = customer.at('.cline/data/settings/providers.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"updatedAt": "[^"]+"/, '"updatedAt": "2030-01-01"'));
    const again = json(await customer.me.ci('connect cline --json'));
    expect(at(again, 'status')).toBe('unchanged');
    await undo(customer, 'cline');
    expect(treeOf(customer.me.home)).toEqual(before);
  });

  test('keeps the version in the file of Cline while there is anything else', async () => {
    const customer = await keyCustomer();
    await customer.connect('cline');
    const file = customer.at('.cline/data/settings/providers.json');
    const data = JSON.parse(readFileSync(file, 'utf8'));
    data.providers.mine = { settings: { provider: 'mine' } };
    writeFileSync(file, JSON.stringify(data));
    await undo(customer, 'cline');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      version: 1,
      providers: { mine: { settings: { provider: 'mine' } } },
    });
  });

  test('keeps another version of the file of Cline, which connecting did not change', async () => {
    const customer = await keyCustomer();
    const file = customer.write('.cline/data/settings/providers.json', '{"version": 2}');
    await customer.connect('cline');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 2, lastUsedProvider: 'openai-compatible' });
  });

  test('gives back the default model of Zed, whose other members stay', async () => {
    const customer = await keyCustomer();
    const text = '{"agent": {"default_model": {"provider": "x", "model": "y", "effort": "high"}}}';
    const file = customer.write('config/zed/settings.json', text);
    await customer.connect('zed');
    expect(JSON.parse(readFileSync(file, 'utf8')).agent.default_model).toEqual({
      ...{ provider: 'cheapestinference', model: 'kimi-k2.6', effort: 'high' },
    });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"kimi-k2.6", "effort"', '"mine", "effort"'));
    await undo(customer, 'zed');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      agent: { default_model: { provider: 'x', model: 'mine', effort: 'high' } },
    });
  });

  test('keeps a value that the user has changed since then', async () => {
    const customer = await keyCustomer();
    const file = customer.write(opencode, '{\n  "model": "openai/gpt",\n  "theme": "dark"\n}\n');
    await customer.connect('opencode');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"cheapestinference/kimi-k2.6"', '"anthropic/claude"'));
    await undo(customer, 'opencode');
    expect(readFileSync(file, 'utf8')).toBe('{\n  "model": "anthropic/claude",\n  "theme": "dark"\n}\n');
  });

  test("keeps the user's value in a file that was created", async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    const file = customer.at(opencode);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"cheapestinference/kimi-k2.6"', '"anthropic/claude"'));
    await undo(customer, 'opencode');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ model: 'anthropic/claude' });
  });

  test('leaves a file alone that the user has deleted', async () => {
    const customer = await keyCustomer();
    const file = customer.write(opencode, '{}\n');
    await customer.connect('opencode');
    rmSync(file);
    const before = treeOf(customer.me.home);
    const { code, stderr } = await customer.me.ci('connect opencode --undo --yes --json');
    const [, kept = ''] = /was removed or emptied since\. What it had before is in (\S+)\.\n/.exec(stderr) ?? [];
    expect([code, readFileSync(kept, 'utf8'), treeOf(customer.me.home)]).toEqual([0, '{}\n', before]);
    expect(await undo(customer, 'opencode')).toBe('not connected');
    expect(readFileSync(kept, 'utf8')).toBe('{}\n');
  });

  test('needs no consent if the user has removed the settings', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    customer.write(opencode, '{"theme": "dark"}');
    const { code, stdout } = await customer.me.ci('connect opencode --undo --json');
    expect([code, at(JSON.parse(stdout), 'status')]).toEqual([0, 'disconnected']);
    expect(readFileSync(customer.at(opencode), 'utf8')).toBe('{"theme": "dark"}');
  });

  test('refuses a damaged file, keeps the record, and works after it was corrected', async () => {
    const customer = await keyCustomer();
    const file = customer.write(opencode, '{\n  "theme": "dark"\n}\n');
    await customer.connect('opencode');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text}}`);
    const { code, stdout, stderr } = await customer.me.ci('connect opencode --undo --yes');
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      `ci: Can't change ${file}: line ${text.split('\n').length}, column 1: the file should end here. The file was left unchanged. Correct it, and run the command again.\n`,
    ]);
    expect(readFileSync(file, 'utf8')).toBe(`${text}}`);
    writeFileSync(file, text);
    await undo(customer, 'opencode');
    expect(readFileSync(file, 'utf8')).toBe('{\n  "theme": "dark"\n}\n');
  });

  test('does nothing the second time, and needs no consent for that', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    await undo(customer, 'opencode');
    const before = treeOf(customer.me.home);
    const { code, stdout, stderr } = await customer.me.ci('connect opencode --undo --json');
    expect([code, stderr, treeOf(customer.me.home)]).toEqual([0, '', before]);
    expect(JSON.parse(stdout)).toEqual({
      ...{ tool: 'opencode', status: 'not connected', place: 'user', key: null, model: null, baseUrl: null },
      ...{ files: [], backups: [], start: null, works: null, detail: null, diff: null, snippets: [], gateway: false },
    });
  });

  test('removes the backups that a killed process has left, but not with --dry-run', async () => {
    const customer = await keyCustomer();
    customer.write('config/opencode/opencode.json', '{}');
    await customer.connect('opencode');
    rmSync(customer.at('.local/state/cheapestinference/connections/opencode/connection.json'));
    const before = connectionFiles(customer.me);
    expect(before).not.toEqual([]);
    expect((await customer.me.ci('connect opencode --undo --dry-run')).code).toBe(0);
    expect(connectionFiles(customer.me)).toEqual(before);
    expect(await undo(customer, 'opencode')).toBe('not connected');
    expect(connectionFiles(customer.me)).toEqual([]);
  });

  test('needs neither a key nor the API', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    rmSync(customer.at('config/cheapestinference/secrets.json'));
    const { length } = customer.api.requests;
    expect(await undo(customer, 'opencode')).toBe('disconnected');
    expect(customer.api.requests).toHaveLength(length);
  });

  test('keeps the connections of other tools', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    await customer.connect('kilo');
    const kilo = readFileSync(customer.at('config/kilo/kilo.json'), 'utf8');
    await undo(customer, 'opencode');
    expect(connectionFiles(customer.me)).toEqual(['kilo/connection.json']);
    expect(readFileSync(customer.at('config/kilo/kilo.json'), 'utf8')).toBe(kilo);
  });
});

describe('--undo after several connections', () => {
  const two = { instead: offering(['kimi-k2.6', 'glm-5.1']) };

  test.each([
    ['opencode', opencode, '{\n  // mine\n  "model": "openai/gpt"\n}\n'],
    ['claude-code', '.claude/settings.json', '{"env": {"ANTHROPIC_MODEL": "opus"}}'],
    ['qwen-code', '.qwen/settings.json', '{\n\t"model": {"name": "mine"}\n}\n'],
    ['aider', '.aider.conf.yml', 'model: gpt # mine\n'],
    ['crush', 'config/crush/crushrc', 'model large mine/model'],
    [
      'zed',
      'config/zed/settings.json',
      '{\n  "agent": {\n    "default_model": { "provider": "x", "model": "y" }\n  }\n}\n',
    ],
  ])('with different models, gives back what was there before the first (%s)', async (tool, name, text) => {
    const customer = await keyCustomer(two);
    const file = customer.write(name, text);
    await customer.connect(`${tool} --model kimi-k2.6`);
    const first = readFileSync(file, 'utf8');
    expect(at(await customer.connect(`${tool} --model glm-5.1`), 'status')).toBe('connected');
    expect(readFileSync(file, 'utf8')).not.toBe(first);
    await customer.connect(`${tool} --model kimi-k2.6`);
    expect(readFileSync(file, 'utf8')).toBe(first);
    await undo(customer, tool);
    expect([readFileSync(file, 'utf8'), connectionFiles(customer.me)]).toEqual([text, []]);
  });

  test.each([
    [
      'opencode',
      opencode,
      '{\n  "model": "openai/gpt"\n}\n',
      '"openai/gpt"',
      /"cheapestinference\/kimi-k2.6"/,
      '"mine/new"',
    ],
    [
      'claude-code',
      '.claude/settings.json',
      '{"env": {"ANTHROPIC_MODEL": "opus"}}',
      '"opus"',
      /(?<=_MODEL": )"kimi-k2.6"/,
      '"haiku"',
    ],
    ['aider', '.aider.conf.yml', 'model: gpt # mine\n', 'gpt', /"openai\/kimi-k2.6"/, 'claude'],
    ['codex', '.codex/config.toml', 'model = "gpt"\n', '"gpt"', /"kimi-k2.6"/, '"o9"'],
  ])('gives back the value that the user chose between them (%s)', async (tool, name, text, old, ours, chosen) => {
    const customer = await keyCustomer(two);
    const file = customer.write(name, text);
    await customer.connect(`${tool} --model kimi-k2.6`);
    writeFileSync(file, readFileSync(file, 'utf8').replace(ours, chosen));
    expect(readFileSync(file, 'utf8')).toContain(chosen);
    await customer.connect(`${tool} --model glm-5.1`);
    const second = readFileSync(file, 'utf8');
    expect(second).not.toContain(chosen);
    // An edit elsewhere rules out the backup.
    writeFileSync(file, `${second}\n`);
    await undo(customer, tool);
    expect(readFileSync(file, 'utf8')).toBe(`${text.replace(old, chosen)}\n`);
  });

  test.each([
    ['opencode', opencode, '{\n  "model": "openai/gpt"\n}\n', '// added\n'],
    ['aider', '.aider.conf.yml', 'model: gpt # mine\n', '# added\n'],
    ['codex', '.codex/config.toml', 'model = "gpt"\n', '# added\n'],
    ['crush', 'config/crush/crushrc', 'model large mine/model\n', '# added\n'],
    ['cline', '.cline/data/settings/providers.json', '{"version": 1, "lastUsedProvider": "mine"}\n', '\n'],
  ])(
    'removes the values of the first, too, as a killed second one leaves them (%s)',
    async (tool, name, text, added) => {
      const customer = await keyCustomer(two);
      const file = customer.write(name, text);
      await customer.connect(`${tool} --model kimi-k2.6`);
      const first = readFileSync(file, 'utf8');
      await customer.connect(`${tool} --model glm-5.1`);
      writeFileSync(file, `${added}${first}`);
      await undo(customer, tool);
      expect([readFileSync(file, 'utf8'), connectionFiles(customer.me)]).toEqual([`${added}${text}`, []]);
    },
  );

  test.each(['cline', 'llm'])('removes the secrets of two keys (%s)', async (tool) => {
    const customer = await keyCustomer();
    const before = treeOf(customer.me.home);
    const { id, apiKey } = await poolKey(customer.api.box, ['europe']);
    const keys = [storedKey('app', customer.keyId, customer.secret), storedKey('second', id, apiKey)];
    storeKeys(customer.me, keys, customer.api.url);
    const [file = ''] = listAt(await customer.connect(`${tool} --key app`), 'files').map(String);
    const first = readFileSync(file, 'utf8');
    await customer.connect(`${tool} --key second`);
    const state = customer.at('.local/state/cheapestinference/connections', tool);
    for (const secret of [customer.secret, apiKey])
      expect(filesWith(secret, state).filter((name) => name === 'connection.json')).toEqual([]);
    writeFileSync(file, `\n${first}`);
    await undo(customer, tool);
    expect(treeOf(customer.me.home)).toEqual(before);
  });

  test('records the texts of each, so that a killed one can be undone byte for byte', async () => {
    const customer = await keyCustomer(two);
    const texts: string[] = [];
    for (const model of ['kimi-k2.6', 'glm-5.1']) {
      await customer.connect(`opencode --model ${model}`);
      texts.unshift(readFileSync(customer.at(opencode), 'utf8'));
    }
    const file = customer.at('.local/state/cheapestinference/connections/opencode/connection.json');
    const [recorded] = listAt(JSON.parse(readFileSync(file, 'utf8')), 'files');
    expect(at(recorded, 'digests')).toEqual(texts.map((text) => createHash('sha256').update(text).digest('hex')));
  });

  test('keeps the edits of the user between them', async () => {
    const customer = await keyCustomer(two);
    const file = customer.write(opencode, '{\n  "theme": "dark"\n}\n');
    await customer.connect('opencode --model kimi-k2.6');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"dark"', '"light"'));
    await customer.connect('opencode --model glm-5.1');
    await undo(customer, 'opencode');
    expect(readFileSync(file, 'utf8')).toBe('{\n  "theme": "light"\n}\n');
  });

  test('gives back both files after the settings moved from one to the other', async () => {
    const customer = await keyCustomer();
    const before = customer.write(opencode, '{"theme": "dark"}\n');
    await customer.connect('opencode');
    const other = customer.write('config/opencode/opencode.jsonc', '{\n  // mine\n}\n');
    const moved = await customer.connect('opencode');
    expect([listAt(moved, 'files'), readFileSync(before, 'utf8')]).toEqual([[other, before], '{"theme": "dark"}\n']);
    await undo(customer, 'opencode');
    expect([before, other].map((file) => readFileSync(file, 'utf8'))).toEqual([
      '{"theme": "dark"}\n',
      '{\n  // mine\n}\n',
    ]);
  });

  test('gives back a file that was reached through different links', async () => {
    const customer = await keyCustomer();
    const text = '{\n  "theme": "dark"\n}\n';
    const file = customer.write('real/opencode/opencode.json', text);
    symlinkSync(customer.at('real'), customer.at('link'));
    const through = (name: string, line: string) =>
      customer.me.ci(`connect opencode --yes --json${line}`, { env: { XDG_CONFIG_HOME: customer.at(name) } });
    const keys = customer.at('config/cheapestinference');
    mkdirSync(path.dirname(keys), { recursive: true });
    symlinkSync(keys, customer.at('real/cheapestinference'));
    expect((await through('link', '')).code).toBe(0);
    const connected = readFileSync(file, 'utf8');
    const again = await through('real', '');
    expect([again.code, at(json(again), 'status'), readFileSync(file, 'utf8')]).toEqual([0, 'unchanged', connected]);
    expect((await through('link', ' --undo')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
