import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { json } from '../../support/cli.ts';
import { type KeyCustomer, keyCustomer, offering, outsideHours, storedKey } from '../../support/connections.ts';
import { storeKeys } from '../../support/key-store.ts';
import { at, listAt, poolKey } from '../../support/sandbox.ts';
import { deadUrl, type Instead } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

const opencode = 'config/opencode/opencode.json';

/** Returns the exit code of `ci doctor`, and what it says about connected tools. */
async function doctor({ me }: KeyCustomer, options: Parameters<typeof me.ci>[1] = {}) {
  const ended = await me.ci('doctor --json', options);
  const rows = listAt({ rows: json(ended) }, 'rows');
  return [ended.code, rows.slice(rows.findIndex((row) => at(row, 'check') === 'signed in') + 1)] as const;
}

/** Offers one model, and another one later. */
function changing(first: string) {
  const offered = { model: first };
  const instead: Instead = (request) => offering([offered.model])(request);
  return { offered, instead };
}

describe('ci doctor', () => {
  test('says nothing about tools if none is connected', async () => {
    const customer = await keyCustomer();
    expect(await doctor(customer)).toEqual([0, []]);
  });

  test('checks each connected tool with one request per key', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    await customer.connect('claude-code');
    await customer.connect('opencode --project');
    const { length } = customer.api.requests;
    const ok = { status: 'ok', detail: 'Uses kimi-k2.6 with key "app"' };
    expect(await doctor(customer)).toEqual([
      0,
      [
        { check: 'Claude Code', ...ok },
        { check: 'opencode', ...ok },
        { check: `opencode in ${customer.me.home}`, ...ok },
      ],
    ]);
    expect(customer.api.requests.slice(length).filter((name) => name === 'GET /v1/models')).toHaveLength(1);
  });

  test('writes the name of a tool on a terminal as its makers do', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    const { screen } = await shown(customer.me, 'doctor', { columns: 120 });
    expect(screen).toMatch(/^✓ Signed in {2,}The API accepts the key$/m);
    expect(screen).toMatch(/^✓ opencode {2,}Uses kimi-k2\.6 with key "app"$/m);
  });

  test('names the project below the home directory', async () => {
    const customer = await keyCustomer();
    const project = customer.at('project');
    mkdirSync(project);
    await customer.me.ci('connect opencode --project --yes', { cwd: project });
    expect(await doctor(customer)).toMatchObject([0, [{ check: 'opencode in ~/project', status: 'ok' }]]);
  });

  test.each([
    ['opencode', ''],
    ['opencode --project', ' --project'],
  ])('fails if a file of %s is missing', async (line, flag) => {
    const customer = await keyCustomer();
    const [file] = listAt(await customer.connect(line), 'files').map(String);
    rmSync(file ?? '');
    expect(await doctor(customer)).toMatchObject([
      1,
      [{ status: 'failed', detail: `${file} is missing. Run \`ci connect opencode${flag}\` again.` }],
    ]);
  });

  test.each([
    ['changed', '{}', 'settings have changed since it was connected'],
    ['damaged', '{', "settings can't be read"],
  ])('warns about settings that were %s', async (_how, text, problem) => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    writeFileSync(customer.at(opencode), text);
    expect(await doctor(customer)).toMatchObject([
      0,
      [
        {
          check: 'opencode',
          status: 'warning',
          detail: `Its ${problem}. To connect it again, run \`ci connect opencode\`. To undo the rest, run \`ci connect opencode --undo\`.`,
        },
      ],
    ]);
  });

  test("accepts the user's own edits elsewhere in the file", async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    const file = customer.at(opencode);
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), theme: 'dark' }));
    expect(await doctor(customer)).toMatchObject([0, [{ check: 'opencode', status: 'ok' }]]);
  });

  test.each(['cline', 'llm'])('warns if %s has another secret than the stored key', async (tool) => {
    const customer = await keyCustomer();
    await customer.connect(tool);
    expect(await doctor(customer)).toMatchObject([0, [{ status: 'ok' }]]);
    const { apiKey } = await poolKey(customer.api.box, ['europe']);
    storeKeys(customer.me, [storedKey('app', customer.keyId, apiKey)], customer.api.url);
    expect(await doctor(customer)).toMatchObject([
      0,
      [
        {
          status: 'warning',
          detail: `It has another secret than key "app". Run \`ci connect ${tool}\` again.`,
        },
      ],
    ]);
    await customer.connect(tool);
    expect(await doctor(customer)).toMatchObject([0, [{ status: 'ok' }]]);
  });

  test('says nothing about a project whose directory is gone', async () => {
    const customer = await keyCustomer();
    const project = customer.at('project');
    mkdirSync(project);
    expect((await customer.me.ci('connect opencode --project --yes', { cwd: project })).code).toBe(0);
    rmSync(project, { recursive: true });
    expect(await doctor(customer)).toEqual([0, []]);
  });

  test('warns if the key cannot be checked outside its hours', async () => {
    const hours = { isOver: false };
    const customer = await keyCustomer({ instead: (request) => (hours.isOver ? outsideHours(request) : undefined) });
    await customer.connect('opencode');
    hours.isOver = true;
    expect(await doctor(customer)).toMatchObject([
      0,
      [
        {
          status: 'warning',
          detail: 'Uses kimi-k2.6 with key "app", which can\'t be checked outside its hours',
        },
      ],
    ]);
  });

  test('fails if the key was revoked', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    await customer.api.box.call('DELETE', `/api/keys/${customer.keyId}`);
    const [code, [finding]] = await doctor(customer);
    expect([code, finding]).toMatchObject([1, { check: 'opencode', status: 'failed' }]);
    expect(at(finding, 'detail')).toMatch(/key/i);
  });

  test('fails if the key no longer offers the model', async () => {
    const { offered, instead } = changing('kimi-k2.6');
    const customer = await keyCustomer({ instead });
    await customer.connect('opencode');
    offered.model = 'kimi-k3';
    expect(await doctor(customer)).toMatchObject([
      1,
      [
        {
          status: 'failed',
          detail: 'key "app" doesn\'t offer kimi-k2.6. Run `ci connect opencode` with --model.',
        },
      ],
    ]);
  });

  test('fails if the stored key is gone', async () => {
    const customer = await keyCustomer({ name: 'my key' });
    await customer.connect('opencode');
    storeKeys(customer.me, [], customer.api.url);
    expect(await doctor(customer)).toMatchObject([
      1,
      [
        {
          status: 'failed',
          detail:
            "Its key is missing on this machine. Store it with `ci keys secret 'my key' --add`, or connect it to another key.",
        },
      ],
    ]);
  });

  test('fails if the key was from the environment and is no longer there', async () => {
    const customer = await keyCustomer();
    storeKeys(customer.me, [], customer.api.url);
    const env = { CHEAPESTINFERENCE_API_KEY: customer.secret };
    expect((await customer.me.ci('connect opencode --yes', { env })).code).toBe(0);
    expect(await doctor(customer, { env })).toMatchObject([0, [{ status: 'ok' }]]);
    expect(await doctor(customer)).toMatchObject([
      1,
      [
        {
          status: 'failed',
          detail: 'Its key is missing on this machine. Set CHEAPESTINFERENCE_API_KEY, or connect it to a stored key.',
        },
      ],
    ]);
  });

  test('says nothing about tools that are connected to another account', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    const [, elsewhere] = await doctor(customer, { env: { CHEAPESTINFERENCE_API_URL: deadUrl } });
    expect(elsewhere.filter((each) => at(each, 'check') === 'opencode')).toEqual([]);
    const [, sandbox] = await doctor(customer, { env: { CHEAPESTINFERENCE_SANDBOX: '1' } });
    expect(sandbox).toEqual([]);
  });

  test('fails if a record is damaged, without an internal error', async () => {
    const customer = await keyCustomer();
    await customer.connect('opencode');
    customer.write('.local/state/cheapestinference/connections/opencode/connection.json', '{');
    const [code, [finding]] = await doctor(customer);
    expect([code, finding]).toMatchObject([1, { check: 'connected tools', status: 'failed' }]);
    expect(at(finding, 'detail')).toMatch(/connection\.json is damaged\. Remove it: `rm -r /);
  });
});
