import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cells, json, type User, user } from '../../support/cli.ts';
import { keyCustomer } from '../../support/connections.ts';
import { keyHolder } from '../../support/key-store.ts';
import { at, listAt } from '../../support/sandbox.ts';
import { shown } from '../../support/terminal.ts';

const names = [
  ...['claude-code', 'opencode', 'kilo', 'pi', 'qwen-code', 'cline', 'codex', 'crush', 'goose', 'zed', 'aider', 'llm'],
  ...['litellm', 'openai-sdk', 'anthropic-sdk'],
];

/** A path on which only what the test puts there is found. */
const onlyOwn = ({ home }: User) => ({ PATH: path.join(home, 'bin') });

/** Puts a program where the user's programs are. */
function install({ home }: User, name: string, mode = 0o755): void {
  const file = path.join(home, 'bin', name);
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, mode);
}

const rowOf = (rows: unknown, tool: string) => listAt(rows, 'rows').find((row) => at(row, 'tool') === tool);

describe('ci connect without a tool', () => {
  test('lists all tools in a pipe, without a header or a note', async () => {
    const me = user();
    const { code, stdout, stderr } = await me.ci('connect', { env: onlyOwn(me) });
    const isLibrary = (name: string) => name.endsWith('-sdk');
    expect([code, cells(stdout), stderr]).toEqual([
      0,
      names.map((name) => [name, isLibrary(name) ? '' : 'false', 'false', '', '', '', '', '', 'false']),
      '',
    ]);
  });

  test('prints the members that scripts rely on as JSON', async () => {
    const me = user();
    install(me, 'claude');
    const rows = listAt({ rows: json(await me.ci('connect --json', { env: onlyOwn(me) })) }, 'rows');
    expect(rows[0]).toEqual({
      ...{ tool: 'claude-code', title: 'Claude Code', installed: true, connected: false },
      ...{ place: null, model: null, key: null, account: null, files: [], problem: null, gateway: false },
    });
    expect(rows.at(-1)).toMatchObject({ tool: 'anthropic-sdk', installed: null });
    expect(rows).toHaveLength(names.length);
  });

  test('draws a table on a terminal, and says how to connect one', async () => {
    const me = user();
    install(me, 'opencode');
    const { code, rows } = await shown(me, 'connect', { env: onlyOwn(me) });
    const line = (name: string) => rows.find((row) => row.startsWith(`${name} `))?.split(/\s+/);
    expect(code).toBe(0);
    expect(rows[0]?.split(/\s+/)).toEqual(['TOOL', 'INSTALLED', 'CONNECTED', 'MODEL', 'KEY', 'ACCOUNT', 'PLACE']);
    expect(line('opencode')).toEqual(['opencode', 'yes', 'no']);
    expect(line('kilo')).toEqual(['kilo', 'no', 'no']);
    expect(line('openai-sdk')).toEqual(['openai-sdk', 'no']);
    expect(rows).toContain('Connect one with `ci connect TOOL`.');
  });

  test.each([
    ['an executable file', 'qwen', 0o755, true],
    ["a file that can't be executed", 'qwen', 0o644, false],
    ['a file with another name', 'qwen-code', 0o755, false],
  ])('takes %s for an installed program or not', async (_what, name, mode, installed) => {
    const me = user();
    install(me, name, mode);
    const rows = json(await me.ci('connect --json', { env: onlyOwn(me) }));
    expect(at(rowOf({ rows }, 'qwen-code'), 'installed')).toBe(installed);
  });

  test('takes neither a directory nor another name of the program for it', async () => {
    const me = user();
    mkdirSync(path.join(me.home, 'bin', 'codex'));
    install(me, 'kilocode');
    install(me, 'zeditor');
    const rows = json(await me.ci('connect --json', { env: onlyOwn(me) }));
    const installed = ['codex', 'kilo', 'zed'].map((tool) => at(rowOf({ rows }, tool), 'installed'));
    expect(installed).toEqual([false, true, true]);
  });

  test('shows what a tool is connected to, for the user and for the project', async () => {
    const { me, at: file, connect } = await keyCustomer();
    await connect('opencode');
    await connect('opencode --project');
    const rows = listAt({ rows: json(await me.ci('connect --json')) }, 'rows');
    const both = {
      tool: 'opencode',
      connected: true,
      model: 'kimi-k2.6',
      key: 'app',
      account: 'default',
      problem: null,
    };
    expect(rows.filter((row) => at(row, 'tool') === 'opencode')).toMatchObject([
      { ...both, place: 'user', files: [file('config/opencode/opencode.json')] },
      { ...both, place: 'project', files: [file('opencode.json')] },
    ]);
    expect(rows).toHaveLength(names.length + 1);
    const elsewhere = file('elsewhere');
    mkdirSync(elsewhere);
    const others = listAt({ rows: json(await me.ci('connect --json', { cwd: elsewhere })) }, 'rows');
    expect(others.filter((row) => at(row, 'connected') === true)).toMatchObject([{ ...both, place: 'user' }]);
  });

  test.each([
    ['changed', '{}', 'settings changed'],
    ['damaged', '{"model": ', "settings can't be read"],
  ])('says that settings were %s', async (_how, text, problem) => {
    const { me, write, connect } = await keyCustomer();
    await connect('opencode');
    write('config/opencode/opencode.json', text);
    const rows = json(await me.ci('connect --json'));
    expect(rowOf({ rows }, 'opencode')).toMatchObject({ connected: true, problem });
    const { screen } = await shown(me, 'connect', { columns: 120 });
    expect(screen).toContain(problem);
  });

  test('lists the other tools if a record is damaged, and says so', async () => {
    const { me, write, connect } = await keyCustomer();
    await connect('opencode');
    await connect('kilo');
    write('.local/state/cheapestinference/connections/opencode/connection.json', '{"tool":"opencode"');
    const rows = json(await me.ci('connect --json'));
    expect(rowOf({ rows }, 'opencode')).toMatchObject({
      ...{ connected: true, place: 'user', problem: 'record is damaged' },
      ...{ model: null, key: null, account: null, files: [] },
    });
    expect(rowOf({ rows }, 'kilo')).toMatchObject({ connected: true, model: 'kimi-k2.6', problem: null });
    expect((await shown(me, 'connect', { columns: 120 })).screen).toContain('record is damaged');
  });

  test('shows the account of a key: a profile, or the sandbox', async () => {
    const { me, connect } = await keyCustomer();
    await connect('opencode');
    expect((await me.ci('--sandbox keys create box --credit --store')).code).toBe(0);
    expect((await me.ci('--sandbox connect kilo --model kimi-k2.6 --yes')).code).toBe(0);
    const rows = json(await me.ci('connect --json'));
    expect(['opencode', 'kilo'].map((tool) => at(rowOf({ rows }, tool), 'account'))).toEqual(['default', 'sandbox']);
    const { rows: drawn } = await shown(me, 'connect', { columns: 120 });
    expect(drawn.find((row) => row.startsWith('kilo '))).toMatch(/ box +sandbox +user$/);
  });
});

test.each([
  ['connect vim', '"vim" is not a tool that can be connected. Run `ci connect` to list the tools.'],
  ['connect --undo', 'No tool was given. Pass one, such as `ci connect opencode`.'],
  ['connect --project', 'No tool was given. Pass one, such as `ci connect opencode`.'],
  ['connect --key prod', 'No tool was given. Pass one, such as `ci connect opencode`.'],
  ['connect opencode --undo --key prod', "--undo and --key can't be combined. Pass one of them."],
  ['connect opencode --undo --pool kimi26', "--undo and --pool can't be combined. Pass one of them."],
  ['connect opencode --undo --model m', "--undo and --model can't be combined. Pass one of them."],
  ['connect opencode --undo --context-window 5', "--undo and --context-window can't be combined. Pass one of them."],
  ['connect opencode --key a --pool b', "--key and --pool can't be combined. Pass one of them."],
])('refuses `ci %s`', async (line, message) => {
  const { code, stdout, stderr } = await keyHolder().ci(line);
  expect([code, stdout, stderr]).toEqual([2, '', `ci: ${message}\n`]);
});
