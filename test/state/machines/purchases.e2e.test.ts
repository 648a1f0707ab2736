import { expect, test } from 'vitest';
import { type Ended, settlesIn, userOf } from '../../support/cli.ts';
import { fleet, freshState, purchases } from '../../support/fleet.ts';
import { lagging } from '../../support/lagging.ts';
import { lacksPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { listAt, textAt } from '../../support/sandbox.ts';
import { recordedSandbox } from '../../support/servers.ts';

/** How often twenty machines want the same seat. `MACHINE_ROUNDS=100` takes five minutes. */
const rounds = Number(process.env.MACHINE_ROUNDS ?? 3);
const size = 20;
/** The timeout limits how long the last of the machines waits for its turn, too. */
const seat = 'pools subscribe kimi26 --blocks europe --yes --timeout 60s';
const postgres = sharedPostgres({ fsync: false });
const machines = fleet(size);

/** Returns how many commands ended with each exit code. */
function codes(ended: readonly Ended[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of ended) counts[String(code)] = (counts[String(code)] ?? 0) + 1;
  return counts;
}

const words = (ended: readonly Ended[]) => ended.map(({ stderr }) => stderr).join('\n');

test('buys a seat once if twenty machines ensure it at once', async () => {
  for (let round = 1; round <= rounds; round += 1) {
    const api = await recordedSandbox();
    const all = machines(size, { api, stateUrl: await freshState(postgres()) });
    const ended = await Promise.all(all.map((each) => each.ci(`${seat} --ensure --json`)));
    expect([round, codes(ended), await purchases(api.box)], words(ended)).toEqual([round, { 0: size }, 1]);
    expect(new Set(ended.map(({ stdout }) => textAt(JSON.parse(stdout), 'id'))).size).toBe(1);
  }
});

test('refuses to repeat what another machine bought moments ago', async () => {
  const api = await recordedSandbox();
  const all = machines(size, { api, stateUrl: await freshState(postgres()) });
  const ended = await Promise.all(all.map((each) => each.ci(seat)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: 1, 2: size - 1 }, 1]);
  // While the outcome isn't recorded yet, it may have been bought.
  for (const { code, stderr } of ended)
    if (code === 2) expect(stderr).toMatch(/^ci: You (?:may have )?bought the same thing just now/m);
});

test('buys as often as machines ask for it with --again', async () => {
  const api = await recordedSandbox();
  const all = machines(6, { api, stateUrl: await freshState(postgres()) });
  const ended = await Promise.all(all.map((each) => each.ci(`${seat} --again`)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: 6 }, 6]);
});

test.for([
  { lag: 0, title: 'at once' },
  { lag: 2000, title: 'two seconds late' },
])('keeps max-monthly-spend if twenty machines buy, and the account lists purchases $title', async ({ lag }) => {
  const api = await recordedSandbox({ instead: lagging(lag) });
  const all = machines(size, { api, stateUrl: await freshState(postgres()), settlingTime: '120s' });
  await Promise.all(all.map((each) => each.ci('config set max-monthly-spend 200')));
  const ended = await Promise.all(all.map((each) => each.ci(`${seat} --again`)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: 4, 8: size - 4 }, 4]);
  const sum = listAt(await api.box.seen(), 'charges').reduce<number>(
    (all, each) => all + Number(textAt(each, 'amount')),
    0,
  );
  expect(sum).toBeLessThanOrEqual(200);
});

test('keeps max-monthly-spend with files, too, if the account lists purchases late', async () => {
  const api = await recordedSandbox({ instead: lagging(2000) });
  const me = userOf(api);
  settlesIn(me, '120s');
  await me.ci('config set max-monthly-spend 100');
  const ended = await Promise.all(Array.from({ length: 5 }, () => me.process(`${seat} --again`)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: 2, 8: 3 }, 2]);
});

test.skipIf(lacksPgBouncer)('buys a seat once through a transaction pooler', async () => {
  const api = await recordedSandbox();
  const pooler = await startPgBouncer(postgres());
  const all = machines(size, { api, stateUrl: pooler.urlOf(await freshState(postgres())) });
  const ended = await Promise.all(all.map((each) => each.ci(`${seat} --ensure`)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: size }, 1]);
});

test('buys a seat once with --ensure if the account lists it seconds later', async () => {
  const api = await recordedSandbox({ instead: lagging(2000) });
  const all = machines(6, { api, stateUrl: await freshState(postgres()), settlingTime: '120s' });
  const ended = await Promise.all(all.map((each) => each.ci(`${seat} --ensure`)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: 6 }, 1]);
});

test('refuses to repeat a purchase that the account lists seconds later', async () => {
  const api = await recordedSandbox({ instead: lagging(2000) });
  const all = machines(6, { api, stateUrl: await freshState(postgres()), settlingTime: '120s' });
  const ended = await Promise.all(all.map((each) => each.ci(seat)));
  expect([codes(ended), await purchases(api.box)], words(ended)).toEqual([{ 0: 1, 2: 5 }, 1]);
});
