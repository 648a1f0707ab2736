import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  applyAll,
  changeOf,
  changesOfAll,
  checkApplied,
  commit,
  type EarlierAccount,
  earlierAccount,
  hiding,
  writeWholeFile,
} from '../support/account-file.ts';
import { type Ended, settlesIn, type User, userOf } from '../support/cli.ts';
import { withResolvers } from '../support/resolvers.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';
import {
  answer,
  appliedThen,
  type Behavior,
  type Received,
  type RecordingServer,
  recordedSandbox,
  reset,
  silence,
} from '../support/servers.ts';
import { UserTime } from '../support/world.ts';

/** The time after which a change can no longer take effect. It passes in no time, because only the waits of commands count. */
const settling = '10m';
/** How long commands wait before late changes take effect, in milliseconds: almost until then. */
const lateness = 9 * 60_000;
/** Doesn't wait long for a request that is never answered. */
const impatient = `${applyAll} --timeout 1s`;

const broken = answer(500, { success: false, error: 'database is down' });

/** Changes that take effect once commands have waited for {@link lateness}. */
type LateChanges = (() => Promise<void>)[];

type Fault = (box: TestSandbox, late: LateChanges) => Behavior;

const faults: Readonly<Record<string, Fault>> = {
  'reset before it': () => reset,
  'reset after it': (box) => appliedThen(box, reset),
  '500 before it': () => broken,
  '500 after it': (box) => appliedThen(box, broken),
  'silence before it': () => silence,
  'silence after it': (box) => appliedThen(box, silence),
  'reset, and it takes effect late': (box, late) => (request, response) => {
    late.push(() => commit(box, request));
    return reset(request, response);
  },
};

/** Answers a request instead of the sandbox. @param change - which of {@link changesOfAll} it is @param count - from 1 */
type Watch = (request: Received, box: TestSandbox, change: string | undefined, count: number) => Behavior | undefined;

/** An account that a file changes, and its user. */
interface Customer {
  readonly api: RecordingServer & { readonly box: TestSandbox };
  readonly me: User;
  readonly late: LateChanges;
  /** Runs a command in this process. Its waits take no time. */
  run(line: string): Promise<Ended>;
}

async function customer(showsSecrets: boolean, watch: Watch): Promise<Customer> {
  let earlier: EarlierAccount | undefined;
  let count = 0;
  const api = await recordedSandbox({
    card: true,
    instead: hiding(showsSecrets, (request, box) => {
      if (!earlier) return undefined;
      count++;
      return watch(request, box, changeOf(earlier, request), count);
    }),
  });
  earlier = await earlierAccount(api.box);
  const me = userOf(api);
  settlesIn(me, settling);
  writeWholeFile(me);
  const late: LateChanges = [];
  return { api, me, late, run: runner(me, late) };
}

/** Returns {@link Customer.run}. */
function runner(me: User, late: LateChanges): Customer['run'] {
  const time = new UserTime();
  let waited = 0;
  return async (line) => {
    const interrupt = new AbortController().signal;
    const clocks = time.start(interrupt);
    const sleep: typeof clocks.sleep = async (milliseconds, signal) => {
      await clocks.sleep(milliseconds, signal);
      if (signal !== interrupt || late.length === 0) return;
      waited += milliseconds;
      if (waited >= lateness) await takeEffect(late);
    };
    return await me.ci(line, { ...clocks, sleep, interrupt });
  };
}

async function takeEffect(late: LateChanges): Promise<void> {
  for (const change of late.splice(0)) await change();
}

/** Applies the file again, and checks that nothing is left to do. */
async function checkAgain({ me, api, late, run }: Customer, label: string): Promise<void> {
  const again = await run(applyAll);
  // Those that no command waited for.
  await takeEffect(late);
  expect([label, again.code, again.code === 0 ? '' : again.stderr]).toEqual([label, 0, '']);
  await checkApplied(me, api.box);
  const plan = await run('plan --update-existing --allow-destroy --detailed-exitcode --json');
  expect([label, plan.code, plan.stdout]).toEqual([label, 0, expect.stringContaining('"changes":[]')]);
  const before = api.changes.length;
  expect(await run(applyAll)).toMatchObject({ code: 0 });
  expect([label, api.changes.slice(before)]).toEqual([label, []]);
}

/** Checks that a command that failed says what it did. */
function checkEnd(label: string, { code, stdout, stderr }: Ended): void {
  if (code === 0) return;
  const { error } = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '');
  const outcomes = listAt(JSON.parse(stdout), 'changes').map((change) => textAt(change, 'outcome'));
  expect([label, outcomes.length]).toEqual([label, 7]);
  const outcome = ['unknown', 'applied'].find((each) => outcomes.includes(each)) ?? 'not_applied';
  expect([label, error.outcome, code === 10]).toEqual([label, outcome, outcome === 'unknown']);
}

test('sends the changes in the order in which the file can be applied', async () => {
  const seen: string[] = [];
  const { api, me } = await customer(true, (_request, _box, change) => {
    if (change !== undefined) seen.push(change);
    return undefined;
  });
  expect(await me.ci(applyAll)).toMatchObject({ code: 0 });
  expect(seen.filter((each) => !each.startsWith('POST /api/keys'))).toEqual(
    changesOfAll.filter((each) => !each.startsWith('POST /api/keys')),
  );
  expect(seen.toSorted()).toEqual([...changesOfAll].toSorted());
  await checkApplied(me, api.box);
});

/** With an API that doesn't show secrets again, only what creates keys ends in another way. */
const cases = changesOfAll.flatMap((change) => [
  [change, 'shows secrets again', true] as const,
  ...(change.startsWith('POST /api/keys') ? [[change, 'shows no secrets again', false] as const] : []),
]);

test.each(cases)(
  'ends as the file says if %s fails once, with an API that %s',
  async (change, _shows, showsSecrets) => {
    await Promise.all(
      Object.entries(faults).map(async ([label, fault]) => {
        let hasFailed = false;
        const one = await customer(showsSecrets, (_request, box, current) => {
          if (hasFailed || current !== change) return undefined;
          hasFailed = true;
          return fault(box, one.late);
        });
        checkEnd(label, await one.run(impatient));
        await checkAgain(one, label);
      }),
    );
  },
  120_000,
);

test.each(cases)(
  'ends as the file says if the API is down from %s on, and works when it is run again, with an API that %s',
  async (change, _shows, showsSecrets) => {
    await Promise.all(
      ['reset before it', 'reset after it'].map(async (label) => {
        let state: 'up' | 'down' | 'over' = 'up';
        const one = await customer(showsSecrets, (_request, box, current) => {
          if (state === 'down') return answer(403, 'Closed for today');
          if (state === 'over' || current !== change) return undefined;
          state = 'down';
          return faults[label]?.(box, []);
        });
        // Changes of keys count as under way while their process runs.
        const first = await (change.includes('/keys') ? one.me.process(applyAll) : one.run(applyAll));
        checkEnd(label, first);
        expect([label, first.code]).not.toEqual([label, 0]);
        state = 'over';
        await checkAgain(one, label);
      }),
    );
  },
  120_000,
);

/** What becomes of the request at which a command is killed. */
type Kill = 'never carried out' | 'carried out' | 'carried out late';

/** Kills the command at a request, and checks that it ends as the file says when it is run again. @returns whether it was killed */
async function killed(
  label: string,
  isIt: (change: string | undefined, count: number) => boolean,
  kill: Kill,
  showsSecrets: boolean,
): Promise<boolean> {
  const { promise: struck, resolve: strike } = withResolvers<'struck'>();
  let isOver = false;
  const one = await customer(showsSecrets, (_request, box, change, count) => {
    if (isOver || !isIt(change, count)) return undefined;
    isOver = true;
    return async (request) => {
      if (kill === 'carried out') await commit(box, request);
      if (kill === 'carried out late') one.late.push(() => commit(box, request));
      strike('struck');
    };
  });
  const running = one.me.start(applyAll);
  const ended = await Promise.race([running.ended, struck]);
  isOver = true;
  running.kill('SIGKILL');
  await running.ended;
  await checkAgain(one, label);
  return ended === 'struck';
}

test.each(cases)(
  'ends as the file says if it is killed at %s, and run again, with an API that %s',
  async (change, _shows, showsSecrets) => {
    await Promise.all(
      (['never carried out', 'carried out', 'carried out late'] as const).map(async (kill) => {
        const wasKilled = await killed(kill, (current) => current === change, kill, showsSecrets);
        expect([kill, wasKilled]).toEqual([kill, true]);
      }),
    );
  },
  120_000,
);

test.each([true, false])(
  'ends as the file says if it is killed at any request, and run again (shows secrets: %s)',
  async (showsSecrets) => {
    const next = { count: 1, isLast: false };
    const worker = async () => {
      while (!next.isLast) {
        const at = next.count++;
        const wasKilled = await killed(
          `request ${at}`,
          (_change, count) => count === at,
          'never carried out',
          showsSecrets,
        );
        if (!wasKilled) next.isLast = true;
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(next.count).toBeGreaterThan(20);
  },
  300_000,
);

test.each([
  ['shows secrets again', true],
  ['shows no secrets again', false],
])(
  'delivers the secret of the only key of a name if it is killed while it creates and rotates one, with an API that %s',
  async (_shows, showsSecrets) => {
    await Promise.all(
      ['create', 'rotate'].map(async (what) => {
        const { promise: struck, resolve: strike } = withResolvers();
        let kills = 0;
        const api = await recordedSandbox({
          instead: hiding(showsSecrets, ({ path: url, body }, box) => {
            if (url !== '/api/keys/credit' || !body.includes('"rpm":60') || kills++ > 0) return undefined;
            return async (request) => {
              await commit(box, request);
              strike();
            };
          }),
        });
        if (what === 'rotate') await api.box.data('POST', '/api/keys/credit', { name: 'acme', rpm: 30 });
        const me = userOf(api);
        settlesIn(me, settling);
        const write = (name: string, text: string) => writeFileSync(path.join(me.home, name), text, { mode: 0o755 });
        write('store', '#!/bin/sh\ncat > stored\n');
        write('account.yaml', 'version: 1\nkeys:\n  - {name: acme, type: credit, rpm: 60, to: "command:./store"}\n');
        const line = 'apply --update-existing --yes --max-charge 0 --json';
        const running = me.start(line);
        await struck;
        running.kill('SIGKILL');
        await running.ended;
        const run = runner(me, []);
        const again = await run(line);
        expect([what, again.code, again.stderr]).toEqual([what, 0, '']);
        const keys = listAt((await api.box.call('GET', '/api/keys')).body, 'data');
        const active = keys.filter((key) => at(key, 'isActive') === true);
        expect([what, active]).toEqual([what, [expect.objectContaining({ name: 'acme', rpm: 60 })]]);
        expect(readFileSync(path.join(me.home, 'stored'), 'utf8').trim()).toBe(at(active[0], 'apiKey'));
        expect((await run(line)).stdout).toContain('"changes":[]');
      }),
    );
  },
  60_000,
);
