import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../../src/main.ts';
import { worldWith } from '../../support/world.ts';

let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ci-view-'));
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

/**
 * What `ci pools view` shows a person in a time zone, on a day; the sandbox's clock says 09:00 UTC.
 *
 * @param terminal - how wide it is and what it has, for a person who has one
 */
async function viewed(
  day: string,
  timeZone: string,
  { pool = 'kimi26', columns, env = {} }: { pool?: string; columns?: number; env?: Record<string, string> } = {},
): Promise<string[]> {
  let shown = '';
  const write = (text: string, done?: () => void) => {
    shown += text;
    done?.();
  };
  const code = await run(
    ['pools', 'view', pool, '--sandbox', '-o', 'table'],
    worldWith({
      stdout: { write, ...(columns === undefined ? {} : { isTTY: true, columns }) },
      env: { HOME: home, NO_COLOR: '1', LANG: 'C.UTF-8', ...env },
      now: () => Date.parse(`${day}T12:00:00Z`),
      timeZone,
    }),
  );
  expect(code).toBe(0);
  return shown.split('\n');
}

const blockLines = (lines: readonly string[]) => lines.filter((line) => /^(asia|europe|americas) /.test(line));
const localRow = (lines: readonly string[]) => lines.find((line) => line.startsWith('local'));

describe('local time beside UTC', () => {
  test('when summer time begins: an hour is left out, and blocks are longer by the clock', async () => {
    const lines = await viewed('2026-03-29', 'Europe/Berlin');
    expect(blockLines(lines)).toEqual([
      'asia      00:00–08:00  02:00–10:00  $39.00       7',
      'europe    08:00–16:00  10:00–18:00  $49.00       8           now',
      'americas  16:00–24:00  18:00–02:00  $45.00       6',
    ]);
    expect(localRow(lines)).toBe('local 01 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01');
  });

  test('when summer time ends: an hour comes twice', async () => {
    const lines = await viewed('2026-10-25', 'Europe/Berlin');
    expect(blockLines(lines)).toEqual([
      'asia      00:00–08:00  01:00–09:00  $39.00       7',
      'europe    08:00–16:00  09:00–17:00  $49.00       8           now',
      'americas  16:00–24:00  17:00–01:00  $45.00       6',
    ]);
    expect(localRow(lines)).toBe('local 02 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00');
  });

  test('within a block: it begins by the one time and ends by the other', async () => {
    // In Santiago the clocks go forward at 04:00 UTC on 6 September 2026, within the next asia block.
    const lines = await viewed('2026-09-05', 'America/Santiago');
    expect(blockLines(lines)[0]).toBe('asia      00:00–08:00  20:00–05:00  $39.00       7');
  });

  test.each([
    ['Asia/Kolkata', ':30', '05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01 02 03 04', '13:30–21:30'],
    ['Asia/Kathmandu', ':45', '05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01 02 03 04', '13:45–21:45'],
  ])('in %s, whose hours begin at %s', async (timeZone, minutes, hours, europe) => {
    const lines = await viewed('2026-06-01', timeZone);
    expect(lines).toContain(`Seats left by hour. Local time is ${timeZone}, and hours start at ${minutes}.`);
    expect(localRow(lines)).toBe(`local ${hours}`);
    expect(blockLines(lines)[1]).toContain(` ${europe} `);
  });
});

test('shows the hardware, which only the list of pools has', async () => {
  expect(await viewed('2026-06-01', 'UTC')).toContain('Hardware  8x NVIDIA B200');
});

describe('the day on a terminal', () => {
  const chartOf = (lines: readonly string[]) =>
    lines.slice(lines.findIndex((line) => line.startsWith('Seats left by')));

  test('of 80 columns has a line of 24 hours, what is free as figures and as bars, and the hour it is', async () => {
    expect(chartOf(await viewed('2026-06-01', 'Asia/Kolkata', { columns: 80, pool: 'minimax-m3' }))).toEqual([
      'Seats left by hour. Local time is Asia/Kolkata, and hours start at :30.',
      'UTC   00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23',
      'local 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01 02 03 04',
      'left   2  2  2  2  2  2  2  2  7  7  7  7  7  7  7  7  ·  ·  ·  ·  ·  ·  ·  ·',
      '      ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆',
      'now                              ^^',
      '',
    ]);
  });

  test('of 40 columns has a line for each block', async () => {
    const lines = await viewed('2026-06-01', 'UTC', { columns: 40, pool: 'minimax-m3' });
    expect(chartOf(lines)).toEqual([
      'Seats left by hour. Local time is UTC.',
      'UTC   00 01 02 03 04 05 06 07',
      'local 00 01 02 03 04 05 06 07',
      'left   2  2  2  2  2  2  2  2',
      '      ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▂▂ ▂▂',
      '',
      'UTC   08 09 10 11 12 13 14 15',
      'local 08 09 10 11 12 13 14 15',
      'left   7  7  7  7  7  7  7  7',
      '      ▆▆ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆ ▆▆',
      'now      ^^',
      '',
      'UTC   16 17 18 19 20 21 22 23',
      'local 16 17 18 19 20 21 22 23',
      'left   ·  ·  ·  ·  ·  ·  ·  ·',
      '',
    ]);
    expect(lines.filter((line) => line.length > 40)).toEqual([]);
  });

  test('of 150 columns has whole times', async () => {
    const [title, utc, local] = chartOf(await viewed('2026-06-01', 'Asia/Kolkata', { columns: 150 }));
    expect(title).toBe('Seats left by hour. Local time is Asia/Kolkata.');
    expect(utc).toMatch(/^UTC {3}00:00 01:00 .* 23:00$/);
    expect(local).toMatch(/^local 05:30 06:30 .* 04:30$/);
    expect(local).toHaveLength(149);
  });

  test('that has ASCII alone has no bars, and no other character', async () => {
    const lines = await viewed('2026-06-01', 'UTC', { columns: 80, pool: 'minimax-m3', env: { LANG: 'C' } });
    expect(chartOf(lines).slice(3)).toEqual([
      'left   2  2  2  2  2  2  2  2  7  7  7  7  7  7  7  7  .  .  .  .  .  .  .  .',
      'now                              ^^',
      '',
    ]);
    expect(lines.join('')).toMatch(/^[\x20-\x7e]*$/);
    expect(lines).toContain('asia      00:00-08:00  00:00-08:00  $39.00       2');
  });
});
