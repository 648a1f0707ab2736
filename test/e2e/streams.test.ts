import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { listAt } from '../sandbox/harness.ts';
import { userOf } from './cli.ts';
import { recordedSandbox } from './servers.ts';

describe.skipIf(!existsSync('/dev/full'))('a full disk behind stdout', () => {
  test('is told in one line, exit 1, after a change too', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).sh('ci keys create k --credit --secret-only >/dev/full');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ci: the result could not be written: [^\n]*ENOSPC[^\n]*\n$/);
    expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
  });

  test('is a JSON error with --json', async () => {
    const api = await recordedSandbox();
    const { code, stderr } = await userOf(api).sh('ci pools list --json >/dev/full');
    expect([code, JSON.parse(stderr)]).toMatchObject([1, { error: { code: 'file_error' } }]);
  });
});

test('a closed stderr stops nothing half-way', async () => {
  const api = await recordedSandbox();
  const { code } = await userOf(api).sh('ci pools subscribe kimi26 --blocks europe --yes --debug 2>&-');
  expect([code, listAt(await api.box.seen(), 'charges').length]).toEqual([0, 1]);
});

test('a reader of stderr that leaves stops nothing half-way', async () => {
  const api = await recordedSandbox();
  const line = '{ ci pools subscribe kimi26 --blocks europe --yes --debug 2>&1 >/dev/null; echo $? >code; } | head -1';
  const { stdout } = await userOf(api).sh(`${line}; cat code`);
  expect(stdout).toMatch(/^> GET .*\n0\n$/);
  expect(listAt(await api.box.seen(), 'charges')).toHaveLength(1);
});

test('a program that fails after a raw change tells that it was made', async () => {
  const api = await recordedSandbox();
  const line = `ci api POST /api/keys/credit -f name=z --yes --jq 'error("x")'`;
  const { code, stderr } = await userOf(api).sh(line);
  expect([code, JSON.parse(stderr)]).toMatchObject([1, { error: { code: 'filter_failed', outcome: 'applied' } }]);
  expect(listAt(await api.box.seen(), 'keys')).toHaveLength(1);
});
