import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { json, oneLine, user } from '../../support/cli.ts';
import { shown } from '../../support/terminal.ts';

test('removes a setting, so that its default applies, and keeps the others', async () => {
  const me = user();
  await me.ci('config set timeout 45s');
  await me.ci('config set max-monthly-spend 200');
  expect(await me.ci('config unset timeout')).toMatchObject({
    code: 0,
    stdout: 'key\ttimeout\nvalue\t30s\norigin\tdefault\n',
  });
  expect(json(await me.ci('config unset max-monthly-spend --json'))).toEqual({
    key: 'max-monthly-spend',
    value: 'none',
    origin: 'default',
  });
  await me.ci('config set timeout 45s');
  await me.ci('config unset output');
  expect((await me.ci('config get timeout')).stdout).toBe('45s\n');
});

test('says on a terminal what the default is', async () => {
  const me = user();
  await me.ci('config set timeout 45s');
  const { code, screen } = await shown(me, 'config unset timeout');
  expect([code, screen]).toEqual([0, '✓ timeout is no longer set in profile "default". The default is 30s.']);
});

test('says that a setting is not set, and writes nothing', async () => {
  const me = user();
  const { code, screen } = await shown(me, 'config unset timeout');
  expect([code, screen]).toEqual([0, '✓ timeout isn\'t set in profile "default".']);
  expect(existsSync(path.join(me.home, 'config'))).toBe(false);
});

test('notes that the environment overrides the setting', async () => {
  const me = user({ CHEAPESTINFERENCE_OUTPUT: 'json' });
  const set = await me.ci('config set output csv -o table');
  expect([set.code, set.stderr]).toEqual([
    0,
    '✓ output is now csv in profile "default".\nCHEAPESTINFERENCE_OUTPUT is set and overrides output.\n',
  ]);
  const { code, stderr } = await me.ci('config unset output -o table');
  expect([code, stderr]).toEqual([
    0,
    '✓ output is no longer set in profile "default".\nCHEAPESTINFERENCE_OUTPUT is set and overrides output.\n',
  ]);
});

test('refuses an unknown setting', async () => {
  const { code, stdout, stderr } = await user().ci('config unset color');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(oneLine);
  expect(stderr).toBe(
    'ci: "color" is not a setting. Choose output, timeout, max-monthly-spend, settling-time, default-key, max-key-age or state-url.\n',
  );
});
