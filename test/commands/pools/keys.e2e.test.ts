import { describe, expect, test } from 'vitest';
import { type Environment, json, oneLine, secret, userOf } from '../../support/cli.ts';
import { textAt } from '../../support/sandbox.ts';
import { recordedSandbox } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

/** Returns a user with one key on kimi26. */
async function keyHolder(env: Environment = {}) {
  const api = await recordedSandbox();
  const { box } = api;
  const subscriptionId = textAt(await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['europe'] }), 'id');
  const key = await box.data('POST', '/api/keys/subscription', { name: 'prod' });
  const apiKey = textAt(key, 'apiKey');
  const masked = `sk_sandbox_…${apiKey.slice(-4)}`;
  return { api, me: userOf(api, env), subscriptionId, id: textAt(key, 'id'), apiKey, masked };
}

describe('pools keys', () => {
  test('prints a line per key in a pipe, with the secret masked', async () => {
    const { api, me, id, masked, subscriptionId } = await keyHolder();
    const { code, stdout, stderr } = await me.ci('pools keys kimi26');
    expect([code, stdout, stderr]).toEqual([0, `${id}\tprod\ttrue\t${masked}\t${subscriptionId}\n`, '']);
    expect(api.requests).toEqual(['GET /api/pools/kimi26/my-keys']);
  });

  test('with --reveal shows the secret in full', async () => {
    const { me, id, apiKey, subscriptionId } = await keyHolder();
    const { code, stdout } = await me.ci('pools keys kimi26 --reveal');
    expect([code, stdout]).toEqual([0, `${id}\tprod\ttrue\t${apiKey}\t${subscriptionId}\n`]);
    expect(json(await me.ci('pools keys kimi26 --reveal --json'))).toMatchObject([{ apiKey }]);
  });

  test('masks the secret in every format, and in --debug', async () => {
    const { me, apiKey, masked } = await keyHolder();
    for (const flags of ['--json', '-o csv', '-o yaml', '-o table', '--fields apiKey', '--jq .[].apiKey', '--debug']) {
      const { code, stdout, stderr } = await me.ci(`pools keys kimi26 ${flags}`);
      expect([flags, code, stdout.includes(masked)]).toEqual([flags, 0, true]);
      expect(stdout + stderr).not.toContain(apiKey);
    }
  });

  test('prints the secret only on stdout with --reveal and --debug', async () => {
    const { me, apiKey } = await keyHolder();
    const { stdout, stderr } = await me.ci('pools keys kimi26 --reveal --debug');
    expect([stdout.includes(apiKey), stderr.includes(apiKey)]).toEqual([true, false]);
    expect(stderr).toContain('/api/pools/kimi26/my-keys');
  });

  test("prints JSON in the API's fields, CSV with a header, and YAML", async () => {
    const { me, id, masked, subscriptionId } = await keyHolder();
    const createdAt = '2026-04-14T09:00:00.000Z';
    expect(json(await me.ci('pools keys kimi26 --json'))).toEqual([
      { id, name: 'prod', apiKey: masked, isActive: true, subscriptionId, createdAt },
    ]);
    expect((await me.ci('pools keys kimi26 -o csv')).stdout).toBe(
      `id,name,isActive,apiKey,subscriptionId\r\n${id},prod,true,${masked},${subscriptionId}\r\n`,
    );
    expect((await me.ci('pools keys kimi26 -o yaml --fields name,apiKey')).stdout).toBe(
      `- name: prod\n  apiKey: ${masked}\n`,
    );
  });

  test('prints a table that fits the terminal', async () => {
    const { me, id, apiKey, masked } = await keyHolder();
    const { code, rows, written } = await shown(me, 'pools keys kimi26');
    expect(code).toBe(0);
    expect(rows[0]).toMatch(/^ID +NAME +STATUS +KEY +SUBSCRIPTION$/);
    expect(rows[1]).toMatch(new RegExp(`^${id.slice(0, 8)} +prod +active +${masked} +[0-9a-f]{8}$`));
    expect(written).not.toContain(apiKey);
    const revealed = await shown(me, 'pools keys kimi26 --reveal', { columns: 160 });
    expect(revealed.rows[1]).toContain(apiKey);
  });

  test('omits revoked keys, and explains how to create one if no key is left', async () => {
    const { api, me, id } = await keyHolder();
    await api.box.data('DELETE', `/api/keys/${id}`);
    expect(await me.ci('pools keys kimi26')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await me.ci('pools keys kimi26 --json')).stdout).toBe('[]\n');
    const { code, screen } = await shown(me, 'pools keys kimi26');
    expect([code, screen]).toEqual([0, expect.stringContaining('ci keys create --pool kimi26')]);
  });

  test('explains keys sent by email, and how to subscribe', async () => {
    const { api, me } = await keyHolder();
    await api.box.data('POST', '/api/pools/glm5/subscribe', { blocks: ['asia'] });
    expect((await shown(me, 'pools keys glm5')).screen).toMatch(/^No keys on glm5\. The API key will arrive by email/);
    expect((await shown(me, 'pools keys qwen35')).screen).toBe(
      'No keys on qwen35. Run `ci pools subscribe qwen35` to reserve blocks.',
    );
  });

  test('exits with 5 for an unknown pool, with suggestions', async () => {
    const { me } = await keyHolder();
    const { code, stdout, stderr } = await me.ci('pools keys kimi27 --reveal');
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/"kimi27" doesn't exist\. Did you mean kimi26\? /);
  });

  test.each([
    ['no pool', ['pools', 'keys']],
    ['an empty pool', ['pools', 'keys', '']],
    ['two pools', ['pools', 'keys', 'kimi26', 'glm5']],
    ['an unknown option', ['pools', 'keys', 'kimi26', '--show']],
  ])('exits with 2 for %s without a terminal', async (_what, args) => {
    const { api, me } = await keyHolder();
    const { code, stdout, stderr } = await me.ci(args);
    expect([code, stdout, api.requests]).toEqual([2, '', []]);
    expect(stderr).toMatch(oneLine);
  });
});

test('shows a working secret with --reveal', async () => {
  const { api, me } = await keyHolder();
  const apiKey = (await me.ci('pools keys kimi26 --reveal --jq .[0].apiKey')).stdout.trim();
  expect(apiKey).toMatch(secret);
  const models = await fetch(`${api.url}/v1/models`, { headers: { Authorization: `Bearer ${apiKey}` } });
  expect(models.status).toBe(200);
});
