import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { json } from '../../support/cli.ts';
import { fleet, freshState, purchases } from '../../support/fleet.ts';
import { errorOf } from '../../support/lost.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { at } from '../../support/sandbox.ts';
import { appliedThen, forward, type Received, recordedSandbox, reset } from '../../support/servers.ts';
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts';

const seat = 'pools subscribe kimi26 --blocks europe --yes --timeout 2s';
const postgres = sharedPostgres({ fsync: false });
const machines = fleet(2);

/** Starts the sandbox and two machines. The first one reaches the database through a proxy. */
async function twoMachines(setting: Parameters<typeof recordedSandbox>[0] = {}) {
  const api = await recordedSandbox(setting);
  const way = await tcpProxy(postgres().port);
  const url = await freshState(postgres());
  const [first, second] = machines(2, { api, stateUrl: (place) => (place === 0 ? way.urlOf(url) : url) });
  if (!first || !second) throw new Error('there are two machines');
  return { api, way, first, second };
}

/** Takes the database away from everyone who uses a proxy. */
function takeAway(way: TcpProxy): void {
  way.refuse();
  way.reset();
}

/** Returns the outcomes that a machine shows. */
async function outcomes(machine: Awaited<ReturnType<typeof twoMachines>>['first']): Promise<unknown[]> {
  const entries = json(await machine.ci('history --json'));
  return Array.isArray(entries) ? entries.map((each) => at(each, 'outcome')) : [];
}

test('reads without the database, and says what is missing', async () => {
  const { way, first, second } = await twoMachines();
  await second.ci('keys create shared --credit --yes');
  takeAway(way);
  writeFileSync(path.join(first.home, 'account.yaml'), 'version: 1\nkeys: []\n');
  const reads = [
    'keys list --json',
    'pools list --json',
    'status --json',
    'plan account.yaml --json',
    'history --json',
  ];
  for (const line of reads) {
    const { code, stdout, stderr } = await first.ci(line);
    expect([line, code], stderr).toEqual([line, 0]);
    if (line.startsWith('keys')) expect(stdout).toContain('"shared"');
    if (line.startsWith('history')) {
      expect(stdout).toBe('[]\n');
      expect(stderr).toMatch(
        /^Can't use the state database .*\. Showing only the changes in the files of this machine\.\n$/,
      );
    }
  }
});

test('refuses a change without the database, and sends nothing', async () => {
  const { api, way, first } = await twoMachines();
  takeAway(way);
  for (const line of [seat, `${seat} --ensure`, 'keys create app --credit --yes', 'billing topup 20 --yes']) {
    const ended = await first.ci(`${line} --json`);
    expect([line, ended.code], ended.stderr).toEqual([line, 9]);
    expect(errorOf(ended)).toMatchObject({ code: 'state_unreachable', outcome: 'not_applied' });
    expect(at(errorOf(ended), 'hint')).toContain('--offline');
  }
  expect(api.changes).toEqual([]);
});

test('buys without the database with --offline, and brings the purchase in with the next command', async () => {
  const { api, way, first, second } = await twoMachines();
  takeAway(way);
  const bought = await first.ci(`${seat} --offline`);
  expect(bought.code, bought.stderr).toBe(0);
  expect(bought.stderr).toContain("Offline: other machines don't see this change until `ci state sync`.");
  expect(await outcomes(second)).toEqual([]);
  await way.accept();
  const next = await first.ci('keys create app --credit --yes');
  expect(next.code, next.stderr).toBe(0);
  expect(next.stderr).toContain('Brought 1 change of this machine into the state database.');
  expect(await outcomes(second)).toEqual(['applied', 'applied']);
  const again = await second.ci(`${seat} --json`);
  expect([again.code, at(errorOf(again), 'code')]).toEqual([2, 'confirmation_required']);
  expect((await second.ci(`${seat} --ensure`)).code).toBe(0);
  expect(await purchases(api.box)).toBe(1);
});

test.for(['--ensure', ''])(
  'keeps the outcome if the database goes away during a purchase, and another machine finds it%s',
  async (more) => {
    const isPurchase = ({ method }: Received) => method === 'POST';
    const { api, way, first, second } = await twoMachines({
      instead: (request, box) =>
        isPurchase(request) && api.received.filter(isPurchase).length === 1
          ? async (received, response) => {
              takeAway(way);
              await forward(box.url, received, response);
            }
          : undefined,
    });
    const one = first.start(`${seat} ${more}`);
    await api.got('POST');
    const two = second.start(`${seat} ${more} --json`);
    const [oneEnded, twoEnded] = await Promise.all([one.ended, two.ended]);
    expect(oneEnded.code, oneEnded.stderr).toBe(0);
    expect(oneEnded.stderr).toMatch(
      /Can't record the outcome in .* It is kept in \S+, and the next command brings it in\./,
    );
    // The other one waits for the lease, and looks at the account.
    expect(twoEnded.code, twoEnded.stderr).toBe(0);
    expect(twoEnded.stderr).toMatch(/went through|Already covered/);
    expect(await purchases(api.box)).toBe(1);
    await way.accept();
    const next = await first.ci('history --json');
    expect(next.stderr).toContain('Brought 1 change of this machine into the state database.');
    expect(await outcomes(second)).toEqual(['applied']);
  },
);

test('buys nothing twice with --offline after a purchase whose response was lost together with the database', async () => {
  const isPurchase = ({ method }: Received) => method === 'POST';
  const { api, way, first, second } = await twoMachines({
    instead: (request, box) =>
      isPurchase(request) && api.received.filter(isPurchase).length === 1
        ? (received, response) => {
            takeAway(way);
            return appliedThen(box, reset)(received, response);
          }
        : undefined,
  });
  const lost = await first.ci(`${seat} --settle 1s`);
  expect(lost.code, lost.stderr).toBe(10);
  const next = await first.ci(`${seat} --offline`);
  expect(next.stderr).toContain('went through');
  expect(await purchases(api.box)).toBe(1);
  await way.accept();
  await first.ci('state sync');
  expect(await outcomes(second)).toEqual(['applied']);
});

test('knows what a machine has just recorded in files when it gets a state database', async () => {
  const { api, first, second } = await twoMachines();
  const bought = await first.ci(seat, { env: { CHEAPESTINFERENCE_STATE_URL: '' } });
  expect(bought.code, bought.stderr).toBe(0);
  for (const machine of [first, second]) {
    const { code, stderr } = await machine.ci(seat);
    expect([code, stderr]).toEqual([2, expect.stringContaining('You bought the same thing just now: ')]);
  }
  expect(await purchases(api.box)).toBe(1);
});
