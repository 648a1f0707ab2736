import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lines, userOf } from '../support/cli.ts';
import { undeliveredIn } from '../support/lost.ts';
import { listAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';

describe.skipIf(!existsSync('/dev/full'))('a full disk behind stdout', () => {
  test('is reported in one line with exit code 1, also after a change', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).sh('ci pools subscribe kimi26 --blocks europe --yes >/dev/full');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ci: Can't write the result: no space left on device\.?\n$/);
    expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
  });

  test.each([
    ['keys create k --credit --secret-only'],
    ['pools subscribe kimi26 --blocks europe --create-key k --yes'],
    ['api POST /api/keys/credit -f name=k --yes'],
  ])('is detected before ci %s creates something that is shown only once', async (line) => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).sh(`ci ${line} >/dev/full`);
    expect([code, api.changes]).toEqual([1, []]);
    expect(stderr).toMatch(/^ci: Can't write to standard output: no space left on device\. Nothing was created\.\n$/);
  });

  test('is reported as a JSON error with --json', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).sh('ci pools list --json >/dev/full');
    expect([code, JSON.parse(stderr)]).toMatchObject([1, { error: { code: 'file_error' } }]);
  });
});

test('continues if stderr is closed', async () => {
  const api = await recordedSandbox();
  const { code } = await userOf(api).sh('ci pools subscribe kimi26 --blocks europe --yes --debug 2>&-');
  expect([code, listAt(await api.box.seen(), 'charges').length]).toEqual([0, 1]);
});

test('continues if the reader of stderr leaves', async () => {
  const api = await recordedSandbox();
  const line = '{ ci pools subscribe kimi26 --blocks europe --yes --debug 2>&1 >/dev/null; echo $? >code; } | head -1';
  const { stdout } = await userOf(api).sh(`${line}; cat code`);
  expect(stdout).toMatch(/^> GET .*\n0\n$/);
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
});

test('reports that a raw change went through before a jq error, and where its secret is kept', async () => {
  const api = await recordedSandbox();
  const line = `ci api POST /api/keys/credit -f name=z --yes --jq 'error("x")'`;
  const { code, stdout, stderr } = await userOf(api).sh(line);
  const [error = '', ...more] = lines(stderr);
  const file = undeliveredIn(error);
  expect([code, stdout, more]).toEqual([1, '', []]);
  expect(JSON.parse(error)).toMatchObject({ error: { code: 'filter_failed', outcome: 'applied' } });
  expect(readFileSync(file, 'utf8')).toMatch(/^sk_sandbox_[A-Za-z0-9_-]{32}\n$/);
  expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
});

test('keeps nothing of a raw change without a secret before a jq error', async () => {
  const api = await recordedSandbox();
  const me = userOf(api);
  const line = `ci api POST /api/billing/topup -F amount=25 -f method=usdc --yes --jq 'error("x")'`;
  const { code, stderr } = await me.sh(line);
  expect([code, JSON.parse(stderr)]).toMatchObject([1, { error: { code: 'filter_failed', outcome: 'applied' } }]);
  expect((await me.sh('cd .local/state/cheapestinference && find . -type f')).stdout).toBe('./history.jsonl\n');
});
