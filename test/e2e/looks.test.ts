import { describe, expect, test } from 'vitest';
import { type User, userOf } from './cli.ts';
import { recordedSandbox } from './servers.ts';
import { shown } from './terminal.ts';

const commands = ['pools list', 'pools view kimi26', 'pools subscriptions', 'keys list', 'billing status'] as const;

/** Somebody with two subscriptions, one of which ends, and two keys; it is 09:00 UTC of 14 April 2026. */
async function customer(env: Record<string, string> = {}): Promise<User> {
  const api = await recordedSandbox();
  const { box } = api;
  await box.data('POST', '/api/pools/kimi26/subscribe', { blocks: ['asia', 'europe', 'americas'] });
  await box.data('POST', '/api/keys/subscription', { name: 'a-rather-long-name-of-a-key' });
  await box.data('POST', '/api/pools/minimax-m3/subscribe', { blocks: ['asia', 'europe'] });
  await box.data('DELETE', '/api/pools/minimax-m3/pledge');
  await box.data('POST', '/api/keys/credit', { name: 'client-acme', maxBudget: 25 });
  return userOf(api, env);
}

/** How many columns a line takes on a terminal. */
function widthOf(line: string): number {
  return [...line].length;
}

describe.each(commands)('ci %s on a terminal of 80 columns', (line) => {
  test.each(['UTC', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'])('fits, in %s', async (TZ) => {
    const { code, rows } = await shown(await customer({ TZ }), line);
    expect(code).toBe(0);
    expect(rows.length).toBeGreaterThan(2);
    expect(rows.filter((row) => widthOf(row) > 80)).toEqual([]);
  });

  test('is in colour, unless it is told not to be', async () => {
    const me = await customer();
    const [inColour, ...plain] = await Promise.all([
      shown(me, line),
      shown(me, line, { env: { NO_COLOR: '1' } }),
      shown(me, `${line} --no-color`),
      shown(me, line, { env: { TERM: 'dumb' } }),
    ]);
    expect(inColour?.written).toMatch(/\x1b\[\d+m/);
    for (const { written } of plain) expect(written).not.toContain('\x1b');
    for (const { rows } of plain) expect(rows).toEqual(inColour?.rows);
  });

  test('writes no control sequence into a pipe, unless FORCE_COLOR asks for colour', async () => {
    const me = await customer();
    for (const args of [line, `${line} -o table`]) {
      const { code, stdout, stderr } = await me.ci(args);
      expect([code, stdout.includes('\x1b'), stderr.includes('\x1b')]).toEqual([0, false, false]);
    }
    const forced = await me.ci(`${line} -o table`, { env: { FORCE_COLOR: '1' } });
    expect(forced.stdout).toMatch(/\x1b\[\d+m/);
    const both = await me.ci(`${line} -o table`, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(both.stdout).not.toContain('\x1b');
  });
});

describe('local time stands beside UTC', () => {
  test.each([
    ['Asia/Kolkata', ['05:30–13:30', '13:30–21:30', '21:30–05:30']],
    ['Europe/Berlin', ['02:00–10:00', '10:00–18:00', '18:00–02:00']],
    ['America/New_York', ['20:00–04:00', '04:00–12:00', '12:00–20:00']],
  ])('in %s', async (TZ, local) => {
    const me = await customer({ TZ });
    for (const line of ['pools view kimi26', 'pools quote kimi26 --blocks all']) {
      const { code, screen } = await shown(me, line);
      expect(code).toBe(0);
      for (const span of ['00:00–08:00', '08:00–16:00', '16:00–24:00', ...local]) expect(screen).toContain(span);
    }
  });

  test('in a pipe there is UTC alone, whatever the time zone', async () => {
    const me = await customer({ TZ: 'Asia/Kolkata' });
    for (const line of ['pools subscriptions', 'keys list', 'pools view kimi26', 'billing status --json']) {
      const { stdout } = await me.ci(line);
      expect(stdout).toBe((await me.ci(line, { env: { TZ: 'UTC' } })).stdout);
    }
    expect((await me.ci('pools subscriptions kimi26 --fields currentPeriodEnd')).stdout).toBe(
      '2026-05-14T09:00:00.000Z\n',
    );
  });
});

test('pools list shows prices, what is sold out, and the words of its columns', async () => {
  const { rows } = await shown(await customer(), 'pools list');
  expect(rows[0]).toMatch(/^POOL +MODEL +STATUS +.*ASIA +EUROPE +AMERICAS$/);
  expect(rows.find((row) => row.startsWith('kimi26'))).toMatch(/Kimi K2\.6 +active.*\$39\.00.*\$49\.00.*\$45\.00/);
  expect(rows.find((row) => row.startsWith('minimax-m3'))).toMatch(/sold out/);
});

test('pools view draws the day hour by hour', async () => {
  const { screen } = await shown(await customer(), 'pools view kimi26');
  const hours = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'));
  expect(screen).toContain(hours.join(' '));
  expect(screen).toMatch(/free( +\d){24}/);
});

test('pools subscriptions tells what is live now and what ends', async () => {
  const { screen } = await shown(await customer(), 'pools subscriptions');
  expect(screen).toContain('live now');
  expect(screen).toMatch(/ends/);
});

test('on a wide terminal an id is shown whole, on a narrow one nothing breaks', async () => {
  const me = await customer();
  for (const line of commands) {
    const wide = await shown(me, line, { columns: 200 });
    expect([line, wide.code, wide.rows.some((row) => widthOf(row) > 200)]).toEqual([line, 0, false]);
    const narrow = await shown(me, line, { columns: 40 });
    expect([line, narrow.code]).toEqual([line, 0]);
  }
  const { screen } = await shown(me, 'keys list', { columns: 200 });
  expect(screen.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)).toHaveLength(2);
});

test('--json on a terminal is laid out, in a pipe it is one line', async () => {
  const me = await customer();
  const { rows } = await shown(me, 'keys list --json');
  expect(rows[0]).toBe('[');
  expect(JSON.parse(rows.join('\n'))).toEqual(JSON.parse((await me.ci('keys list --json')).stdout));
});
