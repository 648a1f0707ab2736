import { describe, expect, test } from 'vitest';
import { json, sandboxUser, userOf } from '../../support/cli.ts';
import { textAt } from '../../support/sandbox.ts';
import { recordedSandbox } from '../../support/servers.ts';
import { shown } from '../../support/terminal.ts';

describe('ci pools quote on a terminal', () => {
  test('shows the list price, the discount and the amount due today for a year', async () => {
    const api = await recordedSandbox();
    const { code, rows } = await shown(
      userOf(api),
      'pools quote kimi26 --blocks europe,asia --quantity 2 --billing-cycle year',
    );
    expect(code).toBe(0);
    expect(rows.slice(0, 8)).toEqual([
      'Pool        kimi26 (Kimi K2.6)',
      'Blocks      asia      $39.00  00:00–08:00 UTC, 00:00–08:00 local, 7 seats left',
      '            europe    $49.00  08:00–16:00 UTC, 08:00–16:00 local, 8 seats left',
      'Seats       2 per block',
      'List price  $2,112.00 per year (12 × $176.00)',
      'Discount    15% off, saves $316.80',
      'Due today   $1,795.20',
      'Billing     Yearly, renews until canceled',
    ]);
    expect(api.changes).toEqual([]);
  });

  test('says nothing about a charge for a month', async () => {
    const api = await recordedSandbox();
    const { rows, screen } = await shown(userOf(api), 'pools quote kimi26 --blocks europe');
    expect(rows.slice(3, 6)).toEqual([
      'List price  $49.00 per month',
      'Due today   $49.00',
      'Billing     Monthly, renews until canceled',
    ]);
    expect(screen).not.toMatch(/charged|saved card/i);
  });
});

describe('ci pools quote in a pipe', () => {
  test('states the list price and the discount of a year', async () => {
    const line = 'pools quote kimi26 --blocks europe --billing-cycle year';
    const me = sandboxUser();
    expect(json(await me.ci(`${line} --json`))).toMatchObject({
      monthlyPrice: 49,
      charge: 499.8,
      listPrice: 588,
      annualDiscount: 0.15,
    });
    expect((await me.ci(line)).stdout).toMatch(/\nlistPrice\t588\.00\nannualDiscount\t0\.15\n$/);
    expect(textAt(json(await me.ci(`${line} --json --fields pool`)), 'pool')).toBe('kimi26');
  });
});
