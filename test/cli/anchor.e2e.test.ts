import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type User, user, userOf } from '../support/cli.ts';
import { answer, data, deadUrl, recordedSandbox, server, webPage } from '../support/servers.ts';

/** What ran in a home folder must not change what runs there next. */
function tidied({ home }: User): void {
  for (const name of readdirSync(home)) {
    if (name !== 'bin') rmSync(path.join(home, name), { recursive: true, force: true });
  }
}

/** Runs a command line in a process of its own and in this one, in the same home folder, each time without a past. */
async function bothWays(me: User, line: string | readonly string[], stdin = '') {
  const asProcess = await me.process(line, { stdin });
  tidied(me);
  const here = await me.ci(line, { stdin });
  tidied(me);
  return { asProcess, here };
}

const bought = {
  success: true,
  data: { id: 'sub_1', poolSlug: 'kimi26', status: 'active', blocks: ['asia'], priceMonthly: 39 },
};
const secret = `sk_live_${'a'.repeat(32)}`;

describe('a command run in this process', () => {
  test.each([
    ['--version', 0],
    ['', 0],
    ['--help', 0],
    ['help pools', 0],
    ['pools list --help', 0],
    ['help exit-codes', undefined],
    ['help man', 0],
    ['help --json', 0],
    ['completion bash', 0],
    ['completion fish', 0],
    ['nothing', 2],
    ['pools lst', 2],
    ['pools list --nothing', 2],
    ['pools view', 2],
    ['pools list --timeout never', 2],
    ['pools list --json --timeout never', 2],
    ['pools list --jq .[', 2],
    ['history', 0],
    ['history --json', 0],
    ['auth list', 0],
    ['auth token', 4],
    ['auth status --json', undefined],
    ['keys list', 4],
    ['keys list --json', 4],
    ['config get timeout', 0],
    ['config set timeout 45s', 0],
    ['config set timeout never', 2],
    ['sandbox path', 0],
    ['--sandbox pools list', 0],
    ['--sandbox pools list --json', 0],
    ['--sandbox pools subscribe kimi26 --blocks europe --dry-run', 0],
    ['--sandbox pools subscribe kimi26 --blocks europe', undefined],
    ['--sandbox pools subscribe kimi26 --blocks nowhere --yes', 2],
    ['open docs', 0],
  ])('prints the same bytes as in its own: ci %s', async (line, code) => {
    const { asProcess, here } = await bothWays(user(), line);
    expect(here).toEqual(asProcess);
    if (code !== undefined) expect(asProcess.code).toBe(code);
  });

  test.each([
    ['pools list', 0],
    ['pools list --json', 0],
    ['pools list -o csv', 0],
    ['pools list -o yaml', 0],
    ['pools list -o table', 0],
    ['pools list --fields slug,status --json', 0],
    ['pools list --jq .[0].slug', 0],
    ['pools list --fields nothing --json', 2],
    ['pools view kimi26', 0],
    ['pools view kimi26 -o table', 0],
    ['pools view nothing', undefined],
    ['pools view nothing --json', undefined],
    ['pools quote kimi26 --blocks europe', 0],
    ['pools quote kimi26 --blocks europe --json', 0],
    ['pools subscriptions', 0],
    ['pools cancel kimi26 --yes', undefined],
    ['keys list', 0],
    ['keys delete nothing --yes', undefined],
    ['billing status', 0],
    ['billing credits --json', 0],
    ['status', 0],
    ['status --check', undefined],
    ['usage', 0],
    ['plans list -o csv', 0],
    ['agent plans', 0],
    ['api GET /api/pools', 0],
    ['api GET /api/nothing', undefined],
    ['api GET https://elsewhere.test/', 2],
    ['auth status', 0],
  ])('prints the same bytes as in its own, using an API: ci %s', async (line, code) => {
    const { asProcess, here } = await bothWays(userOf(await recordedSandbox()), line);
    expect(here).toEqual(asProcess);
    if (code !== undefined) expect(asProcess.code).toBe(code);
  });

  test.each([
    ['a refused key', 'pools subscriptions', 4, answer(401, { success: false, error: 'Invalid key' })],
    ['a forbidden request', 'keys list --json', undefined, answer(403, { success: false, error: 'No' })],
    ['too many requests', 'keys list', 7, answer(429, { success: false, error: 'Slow down' }, { 'retry-after': '60' })],
    ['a web page', 'keys list', undefined, webPage(404)],
    ['a response other than JSON', 'keys list --json', undefined, answer(200, 'hello')],
    ['data of another shape', 'pools list', undefined, data('none')],
    ['a control sequence', 'keys list', undefined, answer(400, { success: false, error: 'no\u001b[31m red' })],
    ['a new key', 'keys create prod --credit', undefined, data({ id: 'k1', name: 'prod', apiKey: secret })],
    ['a new key', 'keys create prod --credit --json', undefined, data({ id: 'k1', name: 'prod', apiKey: secret })],
    ['a new key', 'keys create prod --credit --save .env', undefined, data({ id: 'k1', name: 'prod', apiKey: secret })],
    ['a purchase', 'api POST /api/pools/kimi26/subscribe --yes --input -', undefined, answer(200, bought)],
  ])('prints the same bytes as in its own after %s: ci %s', async (_name, line, code, behavior) => {
    const api = await server((request, response) =>
      (request.method === 'GET' && line.includes('create') ? data([]) : behavior)(request, response),
    );
    const { asProcess, here } = await bothWays(userOf(api), line, '{"blocks":["asia"]}');
    expect(here).toEqual(asProcess);
    if (code !== undefined) expect(asProcess.code).toBe(code);
  });

  test('prints the same bytes as in its own if the API is unreachable', async () => {
    const { asProcess, here } = await bothWays(userOf({ url: deadUrl }), 'keys list --json');
    expect([asProcess.code, here]).toEqual([9, asProcess]);
  });
});
