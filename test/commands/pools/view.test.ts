import { describe, expect, test } from 'vitest';
import { run } from '../../../src/main.ts';
import { emptyFolder } from '../../support/folder.ts';
import { worldWith } from '../../support/world.ts';

/**
 * Returns what `ci pools view` shows in a time zone, on a day, at 09:00 UTC.
 *
 * @param terminal - its width and environment
 */
async function viewed(
  day: string,
  timeZone: string,
  {
    verb = 'view',
    pool = 'kimi26',
    columns,
    env = {},
  }: { verb?: string; pool?: string; columns?: number; env?: Record<string, string> } = {},
): Promise<string[]> {
  let shown = '';
  const write = (text: string, done?: () => void) => {
    shown += text;
    done?.();
  };
  const code = await run(
    ['pools', verb, pool, '--sandbox', '-o', 'table'],
    worldWith({
      stdout: { write, ...(columns === undefined ? {} : { isTTY: true, columns }) },
      env: { HOME: emptyFolder(), NO_COLOR: '1', LANG: 'C.UTF-8', ...env },
      now: () => Date.parse(`${day}T12:00:00Z`),
      timeZone,
    }),
  );
  expect(code).toBe(0);
  return shown.split('\n');
}

const blockLines = (lines: readonly string[]) => lines.filter((line) => /^(asia|europe|americas) /.test(line));
const localRow = (lines: readonly string[]) => lines.find((line) => line.startsWith('local'));

describe('local time next to UTC', () => {
  test('skips an hour when daylight saving time begins', async () => {
    const lines = await viewed('2026-03-29', 'Europe/Berlin');
    expect(blockLines(lines)).toEqual([
      'asia      00:00–08:00  02:00–10:00  $39.00       7',
      'europe    08:00–16:00  10:00–18:00  $49.00       8           now',
      'americas  16:00–24:00  18:00–02:00  $45.00       6',
    ]);
    expect(localRow(lines)).toBe('local 01 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01');
  });

  test('repeats an hour when daylight saving time ends', async () => {
    const lines = await viewed('2026-10-25', 'Europe/Berlin');
    expect(blockLines(lines)).toEqual([
      'asia      00:00–08:00  01:00–09:00  $39.00       7',
      'europe    08:00–16:00  09:00–17:00  $49.00       8           now',
      'americas  16:00–24:00  17:00–01:00  $45.00       6',
    ]);
    expect(localRow(lines)).toBe('local 02 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00');
  });

  test('changes within a block', async () => {
    // In Santiago the clocks go forward at 04:00 UTC on 6 September 2026, within the next asia block.
    const lines = await viewed('2026-09-05', 'America/Santiago');
    expect(blockLines(lines)[0]).toBe('asia      00:00–08:00  20:00–05:00  $39.00       7');
  });

  test.each([
    ['Asia/Kolkata', ':30', '05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01 02 03 04', '13:30–21:30'],
    ['Asia/Kathmandu', ':45', '05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 00 01 02 03 04', '13:45–21:45'],
  ])('in %s has hours that start at %s', async (timeZone, minutes, hours, europe) => {
    const lines = await viewed('2026-06-01', timeZone);
    expect(lines).toContain(`Seats left by hour. Local time is ${timeZone}, and hours start at ${minutes}.`);
    expect(localRow(lines)).toBe(`local ${hours}`);
    expect(blockLines(lines)[1]).toContain(` ${europe} `);
  });
});

test('shows the same as `ci pools show`', async () => {
  const shown = await viewed('2026-06-01', 'UTC', { verb: 'show' });
  expect(shown).toEqual(await viewed('2026-06-01', 'UTC'));
});

test('shows the hardware, which only the list of pools has', async () => {
  expect(await viewed('2026-06-01', 'UTC')).toContain('Hardware  8x NVIDIA B200');
});

describe('the chart of the day', () => {
  const chartOf = (lines: readonly string[]) =>
    lines.slice(lines.findIndex((line) => line.startsWith('Seats left by')));

  test('has a line of 24 hours at 80 columns, with numbers, bars and the current hour', async () => {
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

  test('has a line per block at 40 columns', async () => {
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

  test('has full times at 150 columns', async () => {
    const [title, utc, local] = chartOf(await viewed('2026-06-01', 'Asia/Kolkata', { columns: 150 }));
    expect(title).toBe('Seats left by hour. Local time is Asia/Kolkata.');
    expect(utc).toMatch(/^UTC {3}00:00 01:00 .* 23:00$/);
    expect(local).toMatch(/^local 05:30 06:30 .* 04:30$/);
    expect(local).toHaveLength(149);
  });

  test('has no bars without UTF-8', async () => {
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
