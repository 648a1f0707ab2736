import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, lines, oneLine, sandboxUser, secret, user } from '../../support/cli.ts';
import { crowd } from '../../support/crowd.ts';
import { at, hello, listAt, textAt } from '../../support/sandbox.ts';
import { served, server, silence } from '../../support/servers.ts';
import { onTerminal, shown } from '../../support/terminal.ts';
import { realTime } from '../../support/world.ts';

describe('`ci sandbox serve`', () => {
  test('prints its URL, a key and its directory, and serves until SIGINT', async () => {
    const me = user();
    const serving = me.start('sandbox serve --port 0');
    const [, url = ''] = await serving.stdout(/^url\t(http:\/\/127\.0\.0\.1:\d+)\nmanagementKey\tmk_\S+\nfolder\t.+\n/);
    expect((await fetch(`${url}/api/pools`)).status).toBe(200);
    serving.kill('SIGINT');
    const { code, stdout, stderr } = await serving.ended;
    expect([code, lines(stdout).slice(3)]).toEqual([0, ['rpcUrl\t']]);
    expect(stderr).toMatch(/^Sandbox: /);
    await expect(fetch(`${url}/api/pools`)).rejects.toThrow();
  });

  test('stops at SIGTERM, too', async () => {
    const serving = user().start('sandbox serve --port 0 --json');
    await serving.stdout(/"url"/);
    serving.kill('SIGTERM');
    expect(await serving.ended).toMatchObject({ code: 0, signal: null });
  });

  test('refuses a port that is in use, and says how to choose another', async () => {
    const { url } = await server(silence);
    const { code, stdout, stderr } = await user().ci(`sandbox serve --port ${new URL(url).port}`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/--port/);
  });

  test.each(['65536', '-1', 'http', '1.5', ''])('refuses the port "%s"', async (port) => {
    const { code, stderr } = await user().ci(['sandbox', 'serve', '--port', port]);
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
  });

  test('shares its state with commands that use --sandbox', async () => {
    const me = sandboxUser();
    const { url, state } = await served(me);
    expect(await state()).toMatchObject({ card: true, charges: [], keys: [], subscriptions: [] });
    await me.ci('pools subscribe kimi26 --blocks europe --create-key prod --yes');
    expect(await state()).toMatchObject({ charges: [{ amount: '49.00' }], keys: [{ name: 'prod', isActive: true }] });
    await fetch(`${url}/api/keys/credit`, {
      method: 'POST',
      headers: { Authorization: 'Bearer mk_anything', 'Content-Type': 'application/json' },
      body: '{"name":"by-curl"}',
    });
    expect((await me.ci('keys list --fields name')).stdout).toBe('by-curl\nprod\n');
    await me.ci('sandbox reset');
    expect(await state()).toMatchObject({ charges: [], keys: [] });
  });
});

describe('`ci sandbox reset`', () => {
  test('starts with a saved card and nothing else', async () => {
    const me = sandboxUser();
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    const { code, stdout } = await me.ci('sandbox reset --json');
    expect([code, json({ stdout })]).toEqual([0, { folder: (await me.ci('sandbox path')).stdout.trim(), card: true }]);
    expect((await me.ci('pools subscriptions --json')).stdout).toBe('[]\n');
    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
  });

  test('starts without a card with --no-card, until one is saved', async () => {
    const me = sandboxUser();
    expect((await me.ci('sandbox reset --no-card')).code).toBe(0);
    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(8);
    const { url } = await served(me);
    const { stdout } = await me.ci('api POST /api/billing/setup-intent --yes', {
      env: { CHEAPESTINFERENCE_SANDBOX: '0', CHEAPESTINFERENCE_API_URL: url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_x' },
    });
    await fetch(textAt(JSON.parse(stdout), 'data', 'url'), { method: 'POST', body: 'card=good' });
    expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
  });

  test('replaces a state that cannot be read, which every command reports', async () => {
    const me = sandboxUser();
    const folder = (await me.ci('sandbox path')).stdout.trim();
    await me.ci('sandbox reset');
    writeFileSync(path.join(folder, 'state.99.json'), '{"version":1,');
    const { code, stdout, stderr } = await me.ci('pools list');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('state.99.json');
    expect(stderr).toContain('ci sandbox reset');
    expect(stderr).not.toMatch(/\n\s+at /);
    expect((await me.ci('sandbox reset')).code).toBe(0);
    expect((await me.ci('pools list')).code).toBe(0);
  });
});

test('`ci sandbox path` prints only the directory, even if it does not exist yet', async () => {
  const me = user();
  const { code, stdout, stderr } = await me.ci('sandbox path');
  expect([code, stdout, stderr]).toEqual([0, `${path.join(me.home, 'data', 'cheapestinference', 'sandbox')}\n`, '']);
  expect(existsSync(stdout.trim())).toBe(false);
  expect(json(await me.ci('sandbox path --json'))).toEqual({ folder: stdout.trim() });
});

describe('`ci sandbox advance`', () => {
  test('moves the clock, and prints the new time', async () => {
    const me = user();
    await me.ci('sandbox reset');
    const { state } = await served(me);
    const before = Date.parse(textAt(await state(), 'now'));
    const { code, stdout } = await me.ci('sandbox advance 8h --json', realTime);
    const moved = Date.parse(textAt(json({ stdout }), 'now'));
    expect([code, Math.floor((moved - before) / 3_600_000)]).toEqual([0, 8]);
    expect(Date.parse(textAt(await state(), 'now'))).toBeGreaterThanOrEqual(moved);
  });

  test('charges a subscription again after 31 days', async () => {
    const me = sandboxUser();
    const { state } = await served(me);
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    expect((await me.ci('sandbox advance 31d')).code).toBe(0);
    expect(listAt(await state(), 'charges')).toMatchObject([
      { amount: '49.00', reason: 'subscribe' },
      { amount: '49.00', reason: 'renewal' },
    ]);
  });

  test('ends a canceled subscription, whose key then answers 403', async () => {
    const me = sandboxUser();
    const { url, state } = await served(me);
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    const apiKey = (await me.ci('keys create prod --secret-only')).stdout.trim();
    await me.ci('api DELETE /api/pools/kimi26/pledge --yes');
    expect((await me.ci('pools subscriptions --fields cancelAtPeriodEnd,status')).stdout).toBe('true\tactive\n');
    const chat = () =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(hello),
      });
    expect((await chat()).status).toBe(200);
    await me.ci('sandbox advance 31d');
    expect((await chat()).status).toBe(403);
    expect(listAt(await state(), 'charges')).toHaveLength(1);
    expect(await state()).toMatchObject({ subscriptions: [{ status: 'canceled' }], keys: [{ isActive: false }] });
    expect((await me.ci('pools subscriptions --json')).stdout).toBe('[]\n');
  });

  test('delivers the key of a pool that sends it by email', async () => {
    const me = sandboxUser();
    await me.ci('pools subscribe glm5 --blocks europe --yes');
    expect((await me.ci('pools subscriptions --fields status')).stdout).toBe('pending_key\n');
    await me.ci('sandbox advance 2h');
    expect((await me.ci('pools subscriptions --fields status')).stdout).toBe('active\n');
    expect(json(await me.ci('keys list --json'))).toMatchObject([{ keyPlan: 'glm5', isActive: true }]);
  });

  test('makes a key fail with 429 outside its hours', async () => {
    const me = sandboxUser();
    const { url } = await served(me);
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    const apiKey = (await me.ci('keys create prod --secret-only')).stdout.trim();
    await me.ci('sandbox advance 8h');
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(hello),
    });
    expect(answer.status).toBe(429);
  });

  test.each([['3x'], ['-1d'], ['0h'], ['']])('refuses the duration "%s"', async (duration) => {
    const me = user();
    const { code, stdout, stderr } = await me.ci(['sandbox', 'advance', duration]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(oneLine);
    expect(existsSync((await me.ci('sandbox path')).stdout.trim())).toBe(false);
  });

  test('refuses a time after the year 9999', async () => {
    const { code, stdout, stderr } = await user().ci('sandbox advance 9000000d');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).not.toMatch(/Internal error/);
  });
});

describe('concurrent commands on one sandbox', () => {
  const atOnce = crowd(10);

  test('create ten keys at the same time', async () => {
    const me = sandboxUser();
    await me.ci('pools subscribe kimi26 --blocks europe --yes');
    const made = await atOnce(
      me,
      Array.from({ length: 10 }, (_, number) => `keys create key-${number} --secret-only`),
    );
    expect(made.map(({ code }) => code)).toEqual(Array(10).fill(0));
    expect(new Set(made.map(({ stdout }) => secret.exec(stdout)?.[0])).size).toBe(10);
    const names = listAt(json(await me.ci('keys list --json'))).map((key) => textAt(key, 'name'));
    expect(names.toSorted()).toEqual(Array.from({ length: 10 }, (_, number) => `key-${number}`));
  });

  test('sell eight seats to ten buyers with --again: two learn that the block is sold out', async () => {
    const me = sandboxUser();
    const line = 'pools subscribe kimi26 --blocks europe --again --yes --json';
    const bought = await atOnce(me, Array<string>(10).fill(line));
    expect(bought.map(({ code }) => code).toSorted()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 6, 6]);
    const seats = bought.filter(({ code }) => code === 0).map((each) => at(json(each), 'hours', 0, 'slotIndex'));
    expect(new Set(seats).size).toBe(8);
  });

  test('sell eight seats to ten buyers on separate machines, and report no other outcome as certain', async () => {
    const me = sandboxUser();
    const line = 'pools subscribe kimi26 --blocks europe --settle 1s --yes --json';
    const bought = await atOnce(
      me,
      Array.from({ length: 10 }, (_, number) => ({
        line,
        env: { XDG_STATE_HOME: path.join(me.home, `state-${number}`) },
      })),
    );
    const sure = bought.filter(({ code, stderr }) => code === 0 && !stderr.includes('but the change went through'));
    const others = bought.filter((each) => !sure.includes(each));
    const seats = sure.map((each) => at(json(each), 'hours', 0, 'slotIndex'));
    expect([seats.length, new Set(seats).size]).toEqual([8, 8]);
    // A refused buyer finds seats of other machines on the account, and can't read those machines' records.
    for (const { code, stderr } of others) {
      expect(code).toBeOneOf([0, 6, 10]);
      expect(stderr).toContain('sold out');
    }
    expect(listAt(json(await me.ci('pools subscriptions --json')))).toHaveLength(8);
  });

  test('buy once if the same purchase runs ten times', async () => {
    const me = sandboxUser();
    const runs = await atOnce(me, Array<string>(10).fill('pools subscribe kimi26 --blocks europe --yes --json'));
    const [bought, ...others] = runs.toSorted((a, b) => (a.code ?? 0) - (b.code ?? 0));
    const id = textAt(json(bought ?? { stdout: '' }), 'id');
    for (const { code, stdout, stderr } of others) {
      expect([code, stdout]).toEqual([2, '']);
      expect(at(JSON.parse(lines(stderr).at(-1) ?? ''), 'error')).toMatchObject({
        code: 'confirmation_required',
        // The first may still be waiting for its answer.
        message: expect.toBeOneOf([
          `You bought the same thing just now: ${id}`,
          'You may have bought the same thing just now',
        ]),
        outcome: 'not_applied',
      });
    }
    expect(listAt(json(await me.ci('pools subscriptions --json'))).map((each) => at(each, 'id'))).toEqual([id]);
  });
});

test('a command that is killed at any time leaves a valid state, with or without its change', async () => {
  const me = sandboxUser();
  const folder = (await me.ci('sandbox path')).stdout.trim();
  await me.ci('sandbox reset');
  const kills = await Promise.all(
    Array.from({ length: 8 }, async (_, number) => {
      const running = me.start(`keys create key-${number} --credit --secret-only`);
      // Killed a little later each: while Node.js starts, while the sandbox does, while the key is stored.
      const timer = setTimeout(() => running.kill('SIGKILL'), number * 15);
      const { code, stdout } = await running.ended;
      clearTimeout(timer);
      return { name: `key-${number}`, isDone: code === 0 && secret.test(stdout) };
    }),
  );
  const { code, stdout } = await me.ci('keys list --fields name');
  expect(code).toBe(0);
  const names = stdout.split('\n').filter((name) => name !== '');
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(kills.filter(({ isDone }) => isDone).map(({ name }) => name)));
  expect((await me.ci('keys create after --credit')).code).toBe(0);
  expect(readdirSync(folder).some((name) => /^state\.\d+\.json$/.test(name))).toBe(true);
});

test('a running sandbox starts with a new account if its directory is deleted', async () => {
  const me = sandboxUser();
  const { state } = await served(me);
  await me.ci('pools subscribe kimi26 --blocks europe --yes');
  rmSync((await me.ci('sandbox path')).stdout.trim(), { recursive: true });
  expect(await state()).toMatchObject({ charges: [] });
  expect((await me.ci('pools subscribe kimi26 --blocks europe --yes')).code).toBe(0);
  expect(listAt(await state(), 'charges')).toHaveLength(1);
});

test('says before a purchase in the sandbox that a simulated card is charged', async () => {
  const session = onTerminal(sandboxUser(), 'pools subscribe kimi26 --blocks europe');
  await session.shows('Charge $49.00 now?');
  expect(session.screen).toMatch(/\nCharged to +a simulated card\nAccount +the sandbox: nothing is charged\n/);
  session.type('\r');
  expect(await session.exit).toBe(1);
});

test('says on stderr with --sandbox that nothing is charged, and contacts no other host', async () => {
  const api = await server(silence);
  const me = user({ CHEAPESTINFERENCE_API_URL: api.url, CHEAPESTINFERENCE_MANAGEMENT_KEY: 'mk_real_0123456789' });
  const { code, stderr } = await me.ci('pools subscribe kimi26 --blocks europe --yes --sandbox');
  expect([code, api.requests]).toEqual([0, []]);
  expect(stderr).toMatch(/^Sandbox: nothing is charged/);
});

test('refuses --sandbox with --api-url', async () => {
  const api = await server(silence);
  const { code, stderr } = await user().ci(`pools list --sandbox --api-url ${api.url}`);
  expect([code, api.requests]).toEqual([2, []]);
  expect(stderr).toMatch(oneLine);
});

test('an invalid CHEAPESTINFERENCE_SANDBOX is refused, and the real API is not used', async () => {
  const { code, stderr } = await user({ CHEAPESTINFERENCE_SANDBOX: 'yes' }).ci('pools list');
  expect(code).toBe(2);
  expect(stderr).toMatch(oneLine);
  expect(stderr).toContain('CHEAPESTINFERENCE_SANDBOX');
});

test('`ci sandbox schedule` shows times of the sandbox clock, to the second', async () => {
  const me = sandboxUser({ TZ: 'Asia/Kolkata' });
  const drop = at(json(await me.ci('sandbox schedule minimax-m3 americas --open-in 1h --json')), 0);
  const { rows } = await shown(me, 'sandbox schedule');
  expect(rows[0]).toMatch(/^POOL +BLOCK +OPENS UTC +CLOSES UTC +SEATS/);
  const opens = textAt(drop, 'opensAt').slice(0, 19).replace('T', ' ');
  expect(rows[1]).toContain(`  ${opens}  ${textAt(drop, 'closesAt').slice(11, 19)}  `);
});
