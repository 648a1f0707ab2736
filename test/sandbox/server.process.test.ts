import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { emptyFolder } from '../support/folder.ts';
import { creditKey, failure, machineStart, sandbox } from '../support/sandbox.ts';
import { bundleSandbox } from '../support/sandbox-bundle.ts';

describe('the management key', () => {
  test.each(['mk_sandbox', 'mk_your_management_key', 'mk_A-z_09'])('is accepted: %s', async (key) => {
    const { call } = await sandbox();
    expect((await call('GET', '/api/billing/status', { key })).status).toBe(200);
  });

  test.each(['mk_invalid', 'mk_invalid_1', 'mk_revoked', 'mk_revoked2', 'mk_', 'mk_a.b', 'key', 'xmk_a'])(
    'is refused: %s',
    async (key) => {
      const { call } = await sandbox();
      expect(await call('GET', '/api/billing/status', { key })).toEqual(failure(401, 'Invalid management key'));
    },
  );

  test('is refused if it is missing', async () => {
    const { call } = await sandbox();
    const missing = failure(401, 'Missing management key: send it as "Authorization: Bearer mk_..."');
    expect(await call('GET', '/api/keys', { key: null })).toEqual(missing);
    expect(await call('GET', '/api/keys', { key: null, headers: { Authorization: 'mk_sandbox' } })).toEqual(missing);
    expect(await call('GET', '/api/pools/kimi26/my-keys', { key: null })).toEqual(missing);
    expect(await call('DELETE', '/api/pools/kimi26/pledge', { key: null })).toEqual(missing);
    expect(await call('POST', '/api/pools', { key: null })).toEqual(missing);
  });

  test('is refused if it is an API key, with what is needed', async () => {
    const box = await sandbox();
    const { apiKey } = await creditKey(box);
    expect(await box.call('GET', '/api/keys', { key: apiKey })).toEqual(
      failure(401, 'This needs a management key (mk_). API keys (sk_) are for /v1 and /anthropic.'),
    );
  });

  test('serves public requests without a key', async () => {
    const { call } = await sandbox();
    for (const path of ['/api/plans', '/api/pools', '/api/pools/kimi26']) {
      expect((await call('GET', path, { key: null })).status).toBe(200);
      expect((await call('HEAD', path, { key: null })).status).toBe(200);
    }
  });
});

test('responds to an unknown path with 404 in the format of its API', async () => {
  const { call } = await sandbox();
  expect(await call('GET', '/api/nothing')).toEqual(failure(404, 'Not found'));
  expect(await call('PUT', '/api/keys')).toEqual(failure(404, 'Not found'));
  expect(await call('GET', '/')).toEqual(failure(404, 'Not found'));
  expect((await call('GET', '/v1/nothing')).body).toEqual({
    error: { message: 'Not found', type: 'invalid_request_error', param: null, code: null },
  });
  expect((await call('GET', '/anthropic/v1/nothing')).body).toEqual({
    type: 'error',
    error: { type: 'not_found_error', message: 'Not found' },
  });
});

test("responds with 400 to a body that isn't JSON", async () => {
  const { call } = await sandbox();
  for (const path of ['/api/pools/kimi26/subscribe', '/api/keys/credit', '/api/billing/topup', '/api/billing/cancel']) {
    expect(await call('POST', path, { text: '{"name":' })).toEqual(failure(400, 'Malformed JSON body'));
    expect(await call('POST', path, { body: [] })).toEqual(failure(400, 'The body must be a JSON object'));
    expect(await call('POST', path, { text: 'null' })).toEqual(expect.objectContaining({ status: 400 }));
  }
});

test("sends the sandbox's time with every response", async () => {
  const { call, advance } = await sandbox();
  const dates = async () => [
    (await call('GET', '/api/pools')).headers.get('date'),
    (await call('GET', '/api/nothing', { key: null })).headers.get('date'),
    (await call('POST', '/v1/chat/completions', { key: null })).headers.get('date'),
    (await call('GET', '/sandbox/state', { key: null })).headers.get('date'),
  ];
  expect(new Set(await dates())).toEqual(new Set(['Tue, 14 Apr 2026 09:00:00 GMT']));
  await advance(90_000);
  expect(new Set(await dates())).toEqual(new Set(['Tue, 14 Apr 2026 09:01:30 GMT']));
});

test('keeps a state folder and files that only their owner can access', async () => {
  const folder = join(emptyFolder(), 'deep', 'sandbox');
  await sandbox({ folder });
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, 'state.1.json')).mode & 0o777).toBe(0o600);
});

test('reports a port that is in use as an error of listen', async () => {
  const { url, folder } = await sandbox();
  const port = Number(new URL(url).port);
  await expect(startSandbox({ folder, port, now: () => machineStart })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('closes kept-alive connections and open streams immediately', async () => {
  const box = await sandbox({ pause: () => new Promise(() => {}) });
  const { apiKey } = await creditKey(box);
  const response = await fetch(`${box.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hi' }], stream: true }),
  });
  await box.close();
  await expect(response.text()).rejects.toThrow();
  await expect(fetch(`${box.url}/api/pools`)).rejects.toThrow();
  await box.close();
});

test('keeps no process alive', async () => {
  const folder = emptyFolder();
  const script = await bundleSandbox(join(folder, 'server.mjs'));
  const source = `
    import { startSandbox } from ${JSON.stringify(script)};
    const { url } = await startSandbox({ folder: ${JSON.stringify(join(folder, 'state'))} });
    console.log((await (await fetch(url + '/api/pools')).json()).data[0].slug);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
  expect(stdout).toBe('kimi26\n');
}, 60_000);
