// Runs coding tools that send several requests at once, with one seat.
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Environment } from '../support/cli.ts';
import { newNode, programsOf, sentence, toolUser } from '../support/real-tools.ts';
import { textAt } from '../support/sandbox.ts';
import { filesWith } from '../support/secret-search.ts';

interface BusyTool {
  readonly tool: string;
  readonly packages: readonly string[];
  /** Shell lines that start after the command that starts the tool. Those of one list run at the same time. */
  readonly sessions: readonly string[];
  readonly env?: Environment;
  readonly path: string;
}

const tools: Readonly<Record<string, BusyTool>> = {
  // Without a title, it asks for one beside the first request.
  'opencode 1.18.33': {
    tool: 'opencode',
    packages: ['opencode-ai@1.18.33'],
    sessions: ['run "say hi"'],
    path: '/v1/chat/completions',
  },
  'claude-code 2.1.330': {
    tool: 'claude-code',
    packages: [newNode, '@anthropic-ai/claude-code@2.1.330'],
    sessions: ['-p "say hi"', '-p "say hello"', '-p "say hey"'],
    env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' },
    path: '/anthropic/v1/messages?beta=true',
  },
};

describe.each(Object.entries(tools))('%s', (_name, { tool, packages, sessions, env = {}, path }) => {
  let programs: readonly string[];
  beforeAll(async () => {
    programs = await programsOf(packages);
  });

  /** Connects the tool, runs its sessions at the same time, and returns the requests to a model. */
  async function session(options: string) {
    // An answer takes a second, so that requests at the same time meet.
    const me = await toolUser({ programs, env, pause: () => sleep(60) });
    const connected = await me.json(`ci connect ${tool} ${options} --yes --json`);
    const start = textAt(connected, 'start');
    const lines = sessions.map((each) => `${start} ${each} </dev/null & `).join('');
    const run = await me.run(`${lines} wait`);
    return { me, ...run, prompts: run.calls.filter(({ model }) => model !== undefined) };
  }

  test('gets no 429 through the gateway with one seat, and never sees its key', async () => {
    const { me, ended, leaked, exposed, prompts } = await session('--gateway');
    expect([leaked, exposed]).toEqual([[], []]);
    expect(ended.stdout.split(sentence)).toHaveLength(sessions.length + 1);
    expect(prompts.length).toBeGreaterThan(1);
    expect(prompts.filter(({ status }) => status === 429)).toEqual([]);
    expect(new Set(prompts.map((each) => each.path))).toEqual(new Set([path]));
    for (const { keys } of prompts) expect(keys).toEqual([me.secret]);
    expect(filesWith(me.secret, me.home)).toEqual(['config/cheapestinference/secrets.json']);
    expect(await me.sh('ci gateway status')).toMatchObject({ code: 5 });
  });

  test('gets 429 without it', async () => {
    const { prompts } = await session('');
    expect(prompts.map(({ status }) => status)).toContain(429);
  });
});
