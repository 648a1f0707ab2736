import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, type User } from '../../support/cli.ts';
import { treeOf } from '../../support/connections.ts';
import { modeOf } from '../../support/folder.ts';
import { keyFileOf, storeKeys } from '../../support/key-store.ts';
import { at, listAt, textAt } from '../../support/sandbox.ts';
import {
  gatewayPids,
  reserveDefaultAddress,
  type SeatHolder,
  seatHolder,
  serveGateway,
} from '../../support/seat-holder.ts';
import { filesWith } from '../../support/secret-search.ts';

/** Connects a tool with `--yes`, which must work. @returns what was printed as JSON */
async function connect({ me }: Pick<SeatHolder, 'me'>, line: string): Promise<unknown> {
  const ended = await me.ci(`connect ${line} --yes --json`);
  expect([line, ended.code]).toEqual([line, 0]);
  return json(ended);
}

/** Returns what `ci doctor` says about connected tools. */
async function doctor({ me }: Pick<SeatHolder, 'me'>): Promise<unknown[]> {
  const rows = listAt({ rows: json(await me.ci('doctor --json')) }, 'rows');
  return rows.slice(rows.findIndex((row) => at(row, 'check') === 'signed in') + 1);
}

/** Returns the text of a file in the home directory. */
function textOf({ home }: User, name: string): string {
  return readFileSync(path.join(home, name), 'utf8');
}

const tools = [
  ['opencode', 'opencode', 'ci run --gateway --for none -- opencode', 'config/opencode/opencode.json', '/v1'],
  ['claude-code', 'Claude Code', 'ci run --gateway --for none -- claude', '.claude/settings.json', '/anthropic'],
  ['cline', 'Cline CLI', 'ci run --gateway --for none -- cline', '.cline/data/settings/providers.json', '/v1'],
] as const;

describe.each(tools)('ci connect %s --gateway', (tool, title, start, file, format) => {
  test('writes the address of the gateway, and no real key', async () => {
    const holder = await seatHolder();
    const { me, seats } = holder;
    const { url } = await serveGateway(me);
    expect(await connect(holder, `${tool} --gateway`)).toMatchObject({
      ...{ tool, status: 'connected', key: null, gateway: true, model: 'kimi-k2.6', baseUrl: url },
      ...{ start, works: true, files: [path.join(me.home, file)] },
    });
    expect(textOf(me, file)).toContain(`"${url}${format}"`);
    expect(filesWith(seats[0].secret, me.home)).toEqual([path.relative(me.home, keyFileOf(me))]);
  });

  test('keeps the gateway when it is connected again, and leaves it with --key', async () => {
    const holder = await seatHolder();
    const { url } = await serveGateway(holder.me);
    await connect(holder, `${tool} --gateway`);
    expect(await connect(holder, tool)).toMatchObject({ status: 'unchanged', gateway: true, baseUrl: url });
    expect(await connect(holder, `${tool} --key seat-1`)).toMatchObject({
      ...{ status: 'connected', gateway: false, key: 'seat-1', baseUrl: holder.api.url },
    });
    expect(textOf(holder.me, file)).not.toContain(url);
    expect(textOf(holder.me, file)).not.toContain('gw_');
    expect(await connect(holder, tool)).toMatchObject({ status: 'unchanged', gateway: false, key: 'seat-1' });
    expect(await connect(holder, `${tool} --gateway`)).toMatchObject({ status: 'connected', gateway: true });
    expect(textOf(holder.me, file)).not.toContain(holder.seats[0].secret);
  });

  test('is undone completely', async () => {
    const holder = await seatHolder();
    await serveGateway(holder.me);
    const before = treeOf(holder.me.home);
    await connect(holder, `${tool} --gateway`);
    expect(await connect(holder, `${tool} --undo`)).toMatchObject({ status: 'disconnected', gateway: true });
    const after = Object.entries(treeOf(holder.me.home)).filter(([, entry]) => !entry.endsWith('/'));
    expect(after).toEqual(Object.entries(before).filter(([, entry]) => !entry.endsWith('/')));
  });

  test('changes nothing with --dry-run', async () => {
    const holder = await seatHolder();
    const { token } = await serveGateway(holder.me);
    const before = treeOf(holder.me.home);
    const ended = await holder.me.ci(`connect ${tool} --gateway --dry-run`);
    expect([ended.code, treeOf(holder.me.home)]).toEqual([0, before]);
    expect(ended.stdout + ended.stderr).not.toContain(token);
  });

  test('is checked by `ci doctor`', async () => {
    const holder = await seatHolder();
    const gateway = await serveGateway(holder.me);
    await connect(holder, `${tool} --gateway`);
    expect(await doctor(holder)).toEqual([{ check: title, status: 'ok', detail: 'Uses kimi-k2.6 with the gateway' }]);
    await gateway.stop();
    expect(await doctor(holder)).toEqual([
      { check: title, status: 'ok', detail: "Uses kimi-k2.6 with the gateway, which isn't running now" },
    ]);
  });
});

/** Runs the command with which Claude Code gets its key. */
function helperOf(me: User) {
  const command = textAt(JSON.parse(textOf(me, '.claude/settings.json')), 'apiKeyHelper');
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd: '/',
    env: { ...me.env },
    encoding: 'utf8',
  });
  return { command, ended: [status, stdout, stderr] };
}

describe('ci connect --gateway', () => {
  test('lets Claude Code run a command that prints the token', async () => {
    const holder = await seatHolder();
    const { token } = await serveGateway(holder.me);
    await connect(holder, 'claude-code --gateway');
    const { command, ended } = helperOf(holder.me);
    expect(command).toBe(`ci gateway token --profile default --api-url ${holder.api.url}`);
    expect(ended).toEqual([0, `${token}\n`, '']);
  });

  test('names the file of the token if it is not the usual one', async () => {
    const holder = await seatHolder();
    const file = path.join(holder.me.home, 'own', 'token');
    const gateway = holder.me.start('gateway --listen 127.0.0.1:0 --json --token-file own/token');
    await gateway.stdout(/"started"/);
    await connect(holder, 'claude-code --gateway');
    const { command, ended } = helperOf(holder.me);
    expect(command).toContain(` --token-file ${file} `);
    expect(ended).toEqual([0, readFileSync(file, 'utf8'), '']);
  });

  test('says which address a gateway needs that is not at the usual one', async () => {
    const holder = await seatHolder();
    const { url } = await serveGateway(holder.me);
    const { code, stderr } = await holder.me.ci('connect claude-code --gateway --yes');
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(
        `Claude Code uses the gateway at ${url}, but \`ci run --gateway\` starts one at http://127.0.0.1:8788 if none is running. Start yours again with the same options before you start Claude Code.\n`,
      ),
    ]);
  });

  test('keeps the token that Cline has in plain text from other users', async () => {
    const holder = await seatHolder();
    const { token } = await serveGateway(holder.me);
    const { stderr } = await holder.me.ci('connect cline --gateway --yes');
    const file = '.cline/data/settings/providers.json';
    expect([modeOf(path.join(holder.me.home, file)), textOf(holder.me, file)]).toEqual([
      '600',
      expect.stringContaining(token),
    ]);
    expect(stderr).toContain(
      'Cline CLI takes the token of the gateway only in plain text. It will be in a file that only you can read.\n',
    );
    chmodSync(path.join(holder.me.home, file), 0o644);
    expect(await doctor(holder)).toMatchObject([{ check: 'Cline CLI', status: 'warning' }]);
  });

  test('prints how to start a program with an SDK', async () => {
    const holder = await seatHolder();
    const { url } = await serveGateway(holder.me);
    const before = treeOf(holder.me.home);
    expect(await connect(holder, 'openai-sdk --gateway')).toMatchObject({
      ...{ gateway: true, baseUrl: url, files: [], start: 'ci run --gateway --for openai -- python app.py' },
    });
    expect(treeOf(holder.me.home)).toEqual(before);
  });

  test('finds the models of all seats', async () => {
    const holder = await seatHolder();
    await holder.buy('mini', 'minimax-m3');
    await serveGateway(holder.me);
    expect(await connect(holder, 'opencode --gateway --model MiniMax-M3')).toMatchObject({ model: 'MiniMax-M3' });
    const ended = await holder.me.ci('connect opencode --gateway --model glm-5 --yes');
    expect([ended.code === 0, ended.stdout]).toEqual([false, '']);
  });

  test('is found broken by `ci doctor` if no seat offers the model any longer', async () => {
    const holder = await seatHolder();
    const { buy, me } = holder;
    await buy('mini', 'minimax-m3');
    const gateway = await serveGateway(me);
    await connect(holder, 'opencode --gateway --model kimi-k2.6');
    await holder.api.box.call('DELETE', `/api/keys/${holder.seats[0].id}`);
    gateway.kill('SIGHUP');
    await gateway.next('seat_left');
    expect(await doctor(holder)).toEqual([
      {
        ...{ check: 'opencode', status: 'failed' },
        detail: "the gateway doesn't offer kimi-k2.6. Run `ci connect opencode` with --model.",
      },
    ]);
  });

  test.each([
    ['--key seat-1', '--key'],
    ['--pool kimi26', '--pool'],
  ])('refuses %s', async (flags) => {
    const { me } = await seatHolder();
    const ended = await me.ci(`connect opencode --gateway ${flags} --yes`);
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toContain("can't be combined");
  });

  test('reports that no gateway starts, and changes nothing', async () => {
    const { me } = await seatHolder();
    storeKeys(me, []);
    const before = treeOf(me.home);
    const ended = await me.ci('connect opencode --gateway --yes');
    expect([ended.code, ended.stdout, treeOf(me.home)]).toEqual([5, '', before]);
  });

  test('starts a gateway for the connection if none runs, which ends with the command', async (context) => {
    await reserveDefaultAddress(context);
    const holder = await seatHolder();
    expect(await connect(holder, 'opencode --gateway')).toMatchObject({
      ...{ baseUrl: 'http://127.0.0.1:8788', works: true },
    });
    await expect.poll(() => gatewayPids(holder.me)).toEqual([]);
    expect(existsSync(path.join(holder.me.home, 'config/opencode/opencode.json'))).toBe(true);
  });
});
