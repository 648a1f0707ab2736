import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { planSettings } from '../../src/tools/changes.ts';
import { limitsOf } from '../../src/tools/models.ts';
import type { Connection, Place, Tool } from '../../src/tools/tool.ts';
import { tools } from '../../src/tools/tools.ts';
import { emptyFolder } from '../support/folder.ts';

const examples = path.resolve('test/tools/examples');
const known = { id: 'kimi-k2.6', limits: limitsOf('kimi-k2.6') };
const unknown = { id: 'acme/new-model' };
const secret = 'sk_live_0123456789abcdefghijklmnopqrstuv';

const connection: Connection = {
  baseUrl: 'https://api.cheapestinference.com',
  model: known,
  models: [known, unknown],
  keyWords: ['ci', 'keys', 'secret', 'my key'],
  keyCommand: "ci keys secret 'my key'",
  isPoolKey: true,
  now: new Date('2026-04-14T09:00:00Z'),
  secret,
};

/** A user with an empty home directory, who works in an empty project. */
function newUser() {
  const folder = emptyFolder();
  const [home, project] = ['home', 'project'].map((name) => path.join(folder, name));
  if (home === undefined || project === undefined) throw new Error('there are no directories');
  mkdirSync(home);
  mkdirSync(project);
  return { home, project };
}

/** Returns the files that a tool gets, with their texts and their paths below a directory. */
function filesOf(tool: Tool, place: Place, more: Partial<Connection> = {}): { name: string; text: string }[] {
  const { home, project } = newUser();
  const files = tool.files(place, { ...connection, ...more }, { env: { HOME: home }, cwd: project });
  return files.map((settings) => ({
    name: path.relative(place === 'user' ? home : project, settings.file),
    text: planSettings(settings).after ?? '',
  }));
}

const places = tools.flatMap((tool) =>
  (['user', 'project'] as const).flatMap((place) =>
    place === 'project' && tool.noProject !== undefined ? [] : [[tool.name, place, tool] as const],
  ),
);

/** Whether a tool has its files in another directory on macOS and Windows. */
const isElsewhere = (tool: string, place: Place) =>
  process.platform !== 'linux' && place === 'user' && ['llm', 'litellm', 'goose', 'zed'].includes(tool);

describe.each(places)('the files of %s for the %s', (name, place, tool) => {
  test.skipIf(isElsewhere(name, place))('are these', async () => {
    const files = filesOf(tool, place);
    const folder = path.join(examples, name, place);
    for (const { name: file, text } of files) await expect(text).toMatchFileSnapshot(path.join(folder, file));
    const recorded = files.length === 0 ? [] : readdirSync(folder, { recursive: true, withFileTypes: true });
    expect(
      recorded
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .sort(),
    ).toEqual(files.map(({ name: file }) => file).sort());
  });

  test('have the secret only if the tool takes it in no other way', () => {
    const texts = filesOf(tool, place).map(({ text }) => text);
    const isInClear = tool.keyFrom === 'file' && place === 'user';
    expect(texts.filter((text) => text.includes(secret))).toHaveLength(isInClear ? 1 : 0);
    const { home, project } = newUser();
    const files = tool.files(place, connection, { env: { HOME: home }, cwd: project });
    expect(files.filter(({ holdsSecret }) => holdsSecret)).toHaveLength(isInClear ? 1 : 0);
  });

  test('are below the home directory or the project', () => {
    for (const { name: file } of filesOf(tool, place)) expect(file).not.toMatch(/^\.\.|^\//);
  });
});

test('records examples of every tool with files, and of no other', () => {
  const withFiles = tools.filter((tool) => filesOf(tool, 'user').length > 0).map(({ name }) => name);
  expect(readdirSync(examples).sort()).toEqual(withFiles.sort());
});

test('has names that can be typed, each once', () => {
  const names = tools.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
});

describe('the directory of the files', () => {
  /** Returns the paths of a tool's files with some variables, with HOME and the project in short. */
  function pathsWith(name: string, env: Readonly<Record<string, string>>): string[] {
    const { home, project } = newUser();
    const short = (file: string) => file.replace(home, '~').replace(project, '.');
    const tool = tools.find((each) => each.name === name);
    if (!tool) throw new Error(`no tool ${name}`);
    return tool.files('user', connection, { env: { HOME: home, ...env }, cwd: project }).map(({ file }) => short(file));
  }

  test.each([
    ['claude-code', 'CLAUDE_CONFIG_DIR', ['/x/settings.json']],
    ['opencode', 'XDG_CONFIG_HOME', ['/x/opencode/opencode.json']],
    ['kilo', 'XDG_CONFIG_HOME', ['/x/kilo/kilo.json']],
    ['crush', 'XDG_CONFIG_HOME', ['/x/crush/crushrc']],
    ['crush', 'CRUSH_GLOBAL_CONFIG', ['/x/crushrc']],
    ['pi', 'PI_CODING_AGENT_DIR', ['/x/models.json', '/x/settings.json']],
    ['qwen-code', 'QWEN_HOME', ['/x/settings.json']],
    ['cline', 'CLINE_DIR', ['/x/data/settings/providers.json']],
    ['cline', 'CLINE_DATA_DIR', ['/x/settings/providers.json']],
    ['codex', 'CODEX_HOME', ['/x/config.toml']],
    ['goose', 'GOOSE_PATH_ROOT', ['/x/config/custom_providers/cheapestinference.json']],
    ['llm', 'LLM_USER_PATH', ['/x/keys.json', '/x/extra-openai-models.yaml']],
    ['litellm', 'CHEAPESTINFERENCE_CONFIG_DIR', ['/x/litellm.yaml']],
  ])('of %s is chosen by %s', (tool, variable, files) => {
    expect(pathsWith(tool, { [variable]: '/x' })).toEqual(files);
    const isXdg = variable.startsWith('XDG_');
    const usual = pathsWith(tool, {});
    const relative = pathsWith(tool, { [variable]: 'x' });
    // The XDG Base Directory Specification says to ignore relative paths.
    expect(relative).toEqual(isXdg ? usual : files.map((file) => file.replace('/x', './x')));
    expect(pathsWith(tool, { [variable]: '' })).toEqual(usual);
  });

  test.skipIf(process.platform !== 'linux').each([
    ['goose', 'XDG_CONFIG_HOME', ['/x/goose/custom_providers/cheapestinference.json']],
    ['llm', 'XDG_CONFIG_HOME', ['/x/io.datasette.llm/keys.json', '/x/io.datasette.llm/extra-openai-models.yaml']],
    ['litellm', 'XDG_CONFIG_HOME', ['/x/cheapestinference/litellm.yaml']],
    ['zed', 'XDG_CONFIG_HOME', ['/x/zed/settings.json']],
    ['zed', 'FLATPAK_XDG_CONFIG_HOME', ['/x/zed/settings.json']],
  ])('of %s is chosen by %s on Linux', (tool, variable, files) => {
    expect(pathsWith(tool, { [variable]: '/x' })).toEqual(files);
    expect(pathsWith(tool, { [variable]: '' })).toEqual(pathsWith(tool, {}));
  });

  test.each([
    ['cline', { CLINE_DIR: '/a', CLINE_DATA_DIR: '/b' }, '/b/settings/providers.json'],
    ['crush', { XDG_CONFIG_HOME: '/a', CRUSH_GLOBAL_CONFIG: '/b' }, '/b/crushrc'],
    ['goose', { XDG_CONFIG_HOME: '/a', GOOSE_PATH_ROOT: '/b' }, '/b/config/custom_providers/cheapestinference.json'],
    ['llm', { XDG_CONFIG_HOME: '/a', LLM_USER_PATH: '/b' }, '/b/keys.json'],
  ])('of %s is chosen by the more specific of two variables', (tool, env, file) => {
    expect(pathsWith(tool, env)[0]).toBe(file);
  });

  test.each(['opencode', 'kilo'])('of %s has the file with comments, if it exists', (name) => {
    const { home, project } = newUser();
    const tool = tools.find((each) => each.name === name);
    const fileIn = (place: Place) => tool?.files(place, connection, { env: { HOME: home }, cwd: project })[0]?.file;
    const folders = { user: path.join(home, '.config', name), project };
    mkdirSync(folders.user, { recursive: true });
    for (const place of ['user', 'project'] as const) {
      writeFileSync(path.join(folders[place], `${name}.json`), '{}');
      expect(fileIn(place)).toBe(path.join(folders[place], `${name}.json`));
      writeFileSync(path.join(folders[place], `${name}.jsonc`), '{}');
      expect(fileIn(place)).toBe(path.join(folders[place], `${name}.jsonc`));
    }
  });
});

test('lets LiteLLM send several requests at once with a credit key', () => {
  const tool = tools.find(({ name }) => name === 'litellm');
  const [pool, credit] = [true, false].map((isPoolKey) => tool && filesOf(tool, 'user', { isPoolKey })[0]?.text);
  expect(pool?.match(/max_parallel_requests: 1\n/g)).toHaveLength(2);
  expect(credit).toBe(pool?.replaceAll('      max_parallel_requests: 1\n', ''));
});

test.each([
  ['claude-code', ['"CLAUDE_CODE_MAX_CONTEXT_TOKENS"']],
  ['codex', ['model_context_window']],
  ['cline', ['contextWindow', 'maxTokens']],
  ['opencode', ['"limit"']],
  ['pi', ['contextWindow', 'maxTokens']],
  ['qwen-code', ['generationConfig']],
  ['goose', ['context_limit']],
  ['crush', ['--context-window']],
  ['aider', ['max_input_tokens']],
  ['litellm', ['max_input_tokens']],
])('writes no limits for %s that are not known', (name, words) => {
  const tool = tools.find((each) => each.name === name);
  if (!tool) throw new Error(`no tool ${name}`);
  const textWith = (model: Connection['model']) =>
    filesOf(tool, 'user', { model, models: [model] })
      .map(({ text }) => text)
      .join('');
  for (const word of words) {
    expect(textWith(known)).toContain(word);
    expect(textWith(unknown)).not.toContain(word);
  }
});
