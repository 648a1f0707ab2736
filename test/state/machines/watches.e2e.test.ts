import { expect, test } from 'vitest';
import { type Ended, jsonLines } from '../../support/cli.ts';
import { dropping } from '../../support/drops.ts';
import { fleet, freshState, purchases } from '../../support/fleet.ts';
import { lagging } from '../../support/lagging.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { at } from '../../support/sandbox.ts';
import { appliedThen, type Received, silence } from '../../support/servers.ts';

const size = 10;
const watch = 'pools watch minimax-m3 --blocks americas --subscribe --max-price 45 --yes --json --interval 300ms';
/** The request for the list of pools at which seats open: all machines have asked for it before. */
const opening = 35;
const seats = 5;
const postgres = sharedPostgres({ fsync: false });
const machines = fleet(size);

const isPurchase = ({ method, path }: Received) => method === 'POST' && path.endsWith('/subscribe');

/** Returns what each command says that it was charged, or its exit code if it failed, in ascending order. */
function charges(ended: readonly Ended[]): (number | string)[] {
  return ended
    .map((each) => {
      const bought = jsonLines(each).find((event) => at(event, 'event') === 'subscribed');
      return bought === undefined || each.code !== 0 ? `exit ${each.code}` : Number(at(bought, 'charge'));
    })
    .sort((one, other) => (one < other ? -1 : 1));
}

test('buys once if ten machines watch, and the others end because of it', async () => {
  const api = await dropping({ at: [opening], seats });
  const all = machines(size, { api, stateUrl: await freshState(postgres()) });
  const ended = await Promise.all(all.map((each) => each.ci(watch)));
  expect(await purchases(api.box)).toBe(1);
  expect(api.received.filter(isPurchase)).toHaveLength(1);
  expect(ended.map(({ code }) => code).sort()).toEqual([0, ...Array.from({ length: size - 1 }, () => 2)]);
  for (const { code, stderr } of ended) {
    // One that starts late can find the purchase under way.
    if (code === 2)
      expect(stderr).toMatch(
        /"message":"You (?:bought the same thing just now: |may have bought the same thing just now")/,
      );
  }
});

test.for([
  { title: 'at once', lag: 0 },
  { title: 'two seconds later', lag: 2000 },
])('buys once with --ensure if the account shows the purchase $title, and all end well', async ({ lag }) => {
  const api = await dropping({ at: [opening], seats, instead: lagging(lag) });
  const all = machines(size, { api, stateUrl: await freshState(postgres()), settlingTime: '60s' });
  const ended = await Promise.all(all.map((each) => each.ci(`${watch} --ensure`)));
  expect(await purchases(api.box)).toBe(1);
  expect(api.received.filter(isPurchase)).toHaveLength(1);
  expect(charges(ended), ended.map(({ stderr }) => stderr).join('')).toEqual([
    ...Array.from({ length: size - 1 }, () => 0),
    45,
  ]);
});

test('buys once if the watch that buys is killed before the response arrives', async () => {
  let isBought = false;
  const api = await dropping({
    at: [15],
    seats,
    instead(request, box) {
      if (!isPurchase(request) || isBought) return undefined;
      isBought = true;
      return appliedThen(box, silence);
    },
  });
  const stateUrl = await freshState(postgres());
  const all = machines(4, { api, stateUrl });
  const schema = new URL(stateUrl).searchParams.get('schema');
  const running = all.map((each) => each.start(`${watch} --ensure --timeout 2s`));
  await api.got('POST');
  const [holder] = await postgres().query(
    `select pid from ${schema}.sessions join ${schema}.locks on sessions.id = any (locks.sessions)`,
  );
  process.kill(Number(holder?.pid), 'SIGKILL');
  const ended = await Promise.all(running.map((each) => each.ended));
  expect(ended.map(({ code }) => code).sort()).toEqual([0, 0, 0, null]);
  expect(await purchases(api.box)).toBe(1);
  expect(api.received.filter(isPurchase)).toHaveLength(1);
});
