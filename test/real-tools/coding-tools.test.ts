// Runs coding tools from npm. crush, goose, zed, aider, llm and litellm aren't in npm, or download their programs from elsewhere.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'jsonc-parser';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Environment } from '../support/cli.ts';
import { modeOf } from '../support/folder.ts';
import { newNode, programsOf, sentence, toolUser } from '../support/real-tools.ts';
import { responses } from '../support/responses.ts';
import { listAt, textAt } from '../support/sandbox.ts';
import { filesWith } from '../support/secret-search.ts';
import type { Instead } from '../support/servers.ts';

interface RealTool {
  /** As `ci connect` takes it, with options. */
  readonly tool: string;
  /** As `ci doctor` names it. */
  readonly title: string;
  /** The packages that it needs. */
  readonly packages: readonly string[];
  /** The arguments after the command that starts it. */
  readonly args: string;
  readonly env?: Environment;
  /** The user's own files by their path in the home directory: all that `ci connect` changes. */
  readonly own: Readonly<Record<string, string>>;
  /** The file that `ci connect` creates if it is another one. */
  readonly created?: string;
  /** What the tool itself adds to its file. */
  readonly adds?: Readonly<Record<string, unknown>>;
  /** The paths of its requests to a model, and how they are answered. By default, one chat completion. */
  readonly calls?: readonly (readonly [path: string, status: number])[];
  /** The files that hold the secret of the key, besides those of `ci`. */
  readonly secretFiles?: readonly string[];
  readonly instead?: Instead;
}

const pi = {
  tool: 'pi',
  title: 'pi',
  args: '-p "hi"',
  env: { PI_OFFLINE: '1' },
  own: {
    '.pi/agent/models.json': `{
  // My models
  "providers": {
    "mine": { "baseUrl": "https://example.com/v1", "api": "openai-completions", "apiKey": "x", "models": [{ "id": "m" }] }
  }
}
`,
    '.pi/agent/settings.json': '{ "theme": "dark",\n  "defaultProvider": "mine" }\n',
  },
};

const claudeSettings =
  '{\n  "model": "haiku",\n  "env": { "MINE": "1", "ANTHROPIC_BASE_URL": "https://example.com" }\n}';

/** Claude Code's file allows no comments. */
const claudeCode = {
  tool: 'claude-code',
  title: 'Claude Code',
  packages: [newNode, '@anthropic-ai/claude-code@2.1.330'],
  args: '-p "say hi"',
  env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' },
  own: { '.claude/settings.json': claudeSettings },
  // It first sends a message with the role "system", which models other than Anthropic's refuse.
  calls: [
    ['/anthropic/v1/messages?beta=true', 400],
    ['/anthropic/v1/messages?beta=true', 200],
  ],
} satisfies RealTool;

const tools: Readonly<Record<string, RealTool>> = {
  'claude-code 2.1.330': claudeCode,
  'claude-code 2.1.330 with --project': {
    ...claudeCode,
    tool: 'claude-code --project',
    title: 'Claude Code in ~/project',
    own: { 'project/.claude/settings.local.json': claudeSettings },
  },
  'claude-code 2.1.330 with CLAUDE_CODE_USE_BEDROCK': {
    ...claudeCode,
    env: { ...claudeCode.env, CLAUDE_CODE_USE_BEDROCK: '1' },
  },
  'opencode 1.18.33': {
    tool: 'opencode',
    title: 'opencode',
    packages: ['opencode-ai@1.18.33'],
    args: 'run --title smoke "say hi"',
    own: {
      'config/opencode/opencode.json': `{
  "$schema": "https://opencode.ai/config.json",
  // My settings
  "model": "anthropic/claude-sonnet-5", // mine
  "provider": { "mine": { "npm": "@ai-sdk/openai-compatible", "options": { "baseURL": "https://example.com/v1" } } },
}
`,
    },
    adds: { $schema: 'https://opencode.ai/config.json' },
  },
  'kilo 7.7.7': {
    tool: 'kilo',
    title: 'Kilo Code',
    packages: ['@kilocode/cli@7.7.7'],
    args: 'run "say hi"',
    env: { KILO_TELEMETRY_LEVEL: 'off' },
    own: {
      // Kilo Code drops the comments of a `kilo.json`.
      'config/kilo/kilo.jsonc': `{
  // My settings
  "model": "anthropic/claude-sonnet-5", // mine
  "provider": { "mine": { "npm": "@ai-sdk/openai-compatible", "options": { "baseURL": "https://example.com/v1" } } }
}
`,
    },
    created: 'config/kilo/kilo.json',
    adds: { $schema: 'https://app.kilo.ai/config.json', permission: { bash: 'allow' } },
  },
  'pi 0.74.2': { ...pi, packages: ['@earendil-works/pi-coding-agent@0.74.2'] },
  'pi 0.84.4': { ...pi, packages: [newNode, '@earendil-works/pi-coding-agent@0.84.4'] },
  'qwen-code 0.24.4': {
    tool: 'qwen-code',
    title: 'Qwen Code',
    packages: [newNode, '@qwen-code/qwen-code@0.24.4'],
    args: '-p "say hi"',
    own: {
      '.qwen/settings.json':
        '{\n  // My settings\n  "ui": { "theme": "GitHub" },\n  "model": { "name": "qwen3-max" } // mine\n}\n',
    },
    adds: { $version: 4 },
    calls: [
      ['/v1/chat/completions', 200],
      ['/v1/chat/completions', 200],
    ],
  },
  'cline 3.0.65': {
    tool: 'cline',
    title: 'Cline CLI',
    packages: ['cline@3.0.65'],
    args: '"say hi"',
    own: {
      '.cline/data/settings/providers.json': `{
  "version": 1,
  "lastUsedProvider": "anthropic",
  "providers": {
    "anthropic": {
      "settings": { "provider": "anthropic", "apiKey": "mine", "model": "claude-sonnet-5" },
      "updatedAt": "2026-01-01T00:00:00.000Z",
      "tokenSource": "manual"
    }
  }
}
`,
    },
    // The version stays as long as the file has anything else.
    adds: { modes: {}, version: 1 },
    secretFiles: ['.cline/data/settings/providers.json'],
  },
  'codex 0.169.0': {
    tool: 'codex',
    title: 'Codex',
    packages: ['@openai/codex@0.169.0'],
    args: 'exec --skip-git-repo-check "say hi"',
    own: {
      '.codex/config.toml':
        '# My settings\nmodel = "gpt-6" # mine\n\n[model_providers.mine]\nname = "Mine"\nbase_url = "https://example.com/v1"\n',
    },
    calls: [['/v1/responses', 200]],
    instead: responses,
  },
};

describe.each(Object.entries(tools))('%s', (_name, real) => {
  const { tool, title, packages, args, env, own, created, adds = {}, instead } = real;
  const { calls: requests = [['/v1/chat/completions', 200] as const], secretFiles = [] } = real;
  let programs: readonly string[];
  beforeAll(async () => {
    programs = await programsOf(packages);
  });

  test.each([
    ['without settings of their own', false],
    ['with settings of their own', true],
  ])('answers with our key only, and gives back the files of a user %s', async (_user, hasOwn) => {
    const me = await toolUser({ programs, env, instead });
    const names = created === undefined || hasOwn ? Object.keys(own) : [created];
    const files = names.map((name) => path.join(me.home, name));
    const before = Object.values(own).map((text) => (hasOwn ? text : undefined));
    for (const [number, file] of files.entries()) {
      const text = before[number];
      if (text === undefined) continue;
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }

    const connected = await me.json(`ci connect ${tool} --yes --json`);
    expect(connected).toMatchObject({ status: 'connected', works: true, key: 'tools', model: 'kimi-k2.6', files });
    const { ended, calls, leaked, exposed } = await me.run(`${textAt(connected, 'start')} ${args} </dev/null`);

    expect([leaked, exposed]).toEqual([[], []]);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining(sentence) });
    const prompts = calls.filter(({ model }) => model !== undefined);
    expect(prompts.map((call) => [call.path, call.status])).toEqual(requests);
    expect(new Set(prompts.map(({ model }) => model))).toEqual(new Set(['kimi-k2.6']));
    for (const { keys } of calls) expect(new Set(keys)).toEqual(new Set([me.secret]));
    const ours = ['config/cheapestinference/secrets.json', ...secretFiles];
    expect(filesWith(me.secret, me.home).sort()).toEqual(ours.sort());
    expect(ours.map((file) => modeOf(path.join(me.home, file)))).toEqual(ours.map(() => '600'));
    const detail = 'Uses kimi-k2.6 with key "tools"';
    expect(await me.json('ci doctor --json')).toContainEqual({ check: title, status: 'ok', detail });

    expect(await me.json(`ci connect ${tool} --undo --yes --json`)).toMatchObject({ status: 'disconnected', files });
    for (const [number, file] of files.entries()) {
      const text = before[number];
      const after = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
      const added = Object.entries(adds).filter(([name]) => !text?.includes(`"${name}"`));
      if (added.length === 0) expect(after).toBe(text);
      else {
        expect(parse(after ?? '')).toEqual({ ...parse(text ?? '{}'), ...Object.fromEntries(added) });
        expect(after?.match(/\/\/ .*$/gm)).toEqual(text?.match(/\/\/ .*$/gm) ?? null);
        expect(after).not.toMatch(/cheapestinference/i);
      }
    }
  });
});

test('refuses to connect codex to an API without /v1/responses', async () => {
  const me = await toolUser({});
  const { code, stdout, stderr } = await me.sh('ci connect codex --yes');
  expect([code, stdout]).toEqual([6, '']);
  expect(stderr).toContain('/v1/responses');
  expect(listAt(await me.json('ci connect --json'))).toContainEqual(
    expect.objectContaining({ tool: 'codex', connected: false }),
  );
  expect(existsSync(path.join(me.home, '.codex'))).toBe(false);
});
