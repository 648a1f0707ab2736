import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { json, settlesIn, userOf } from '../../support/cli.ts';
import { keyApi } from '../../support/key-api.ts';

/** Size of the blocks in which a shell limits files, in bytes. */
const block = 512;
const create = 'keys create --from in.csv --save-to out.ndjson --yes --json';

/** A user with 40 keys to create. `limited` runs ci with a limit on the size of each file that it writes, in blocks. */
async function customer() {
  const api = await keyApi();
  const me = userOf(api);
  settlesIn(me, '1s');
  const out = path.join(me.home, 'out.ndjson');
  const names = Array.from({ length: 40 }, (_, at) => `key-${at}`);
  writeFileSync(path.join(me.home, 'in.csv'), `name,type\n${names.map((name) => `${name},credit\n`).join('')}`);
  return {
    api,
    me,
    out,
    names,
    limited: (blocks: number) => me.sh(`trap '' XFSZ; ulimit -f ${blocks}; exec ci ${create}`),
    /** The secrets in the file. */
    saved: () =>
      readFileSync(out, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"key-'))
        .map((line) => String(Object(JSON.parse(line)).apiKey)),
  };
}

test('revokes the keys whose secrets there is no room for, ends the run, and goes on when there is room', async () => {
  const { api, me, out, names, limited, saved } = await customer();
  const earlier = `{"id":"old","name":"${'x'.repeat(64 * block - 700)}","apiKey":"sk_live_aB3dE6gH9jK2mN5pQ8sT1vW4"}\n`;
  writeFileSync(out, earlier, { mode: 0o600 });
  const { code, stdout, stderr } = await limited(64);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain("Can't write to out.ndjson: ");
  expect(stderr).toMatch(/The new key was revoked/);
  expect(Object(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).error).toMatchObject({
    code: 'file_error',
    hint: expect.stringContaining('Run the same command again to continue.'),
  });
  // No half line, and no key without its secret.
  expect(readFileSync(out, 'utf8')).toMatch(/\}\n$/);
  const kept = api.active().map(({ apiKey }) => apiKey);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.filter((secret) => !saved().includes(secret))).toEqual([]);
  expect(api.changes.length).toBeLessThan(40);
  const next = await me.process(create);
  expect([next.code, json(next)]).toEqual([0, expect.objectContaining({ existing: kept.length, failed: 0 })]);
  expect(api.violations).toEqual([]);
  expect(
    api
      .active()
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...names].sort());
  expect(saved().sort()).toEqual(
    api
      .active()
      .map(({ apiKey }) => apiKey)
      .sort(),
  );
});

test.each([1, 4, 8, 16])(
  "ends the run if changes can't be recorded in %s blocks, and loses no secret",
  async (blocks) => {
    const { api, me, out, limited, saved } = await customer();
    const { code, stdout, stderr } = await limited(blocks);
    expect([code, stdout]).toEqual([expect.any(Number), '']);
    expect([1, 10]).toContain(code);
    expect(stderr).toMatch(/Can't (?:record|write to)/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(api.changes.length).toBeLessThan(60);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const next = await me.process(create);
    expect([next.code, next.stderr]).toEqual([0, '']);
    await api.settled();
    expect(api.violations).toEqual([]);
    expect(api.active()).toHaveLength(40);
    const all = saved();
    expect(api.active().filter(({ apiKey }) => !all.includes(apiKey))).toEqual([]);
  },
);
