import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockNames } from '../../src/domain/blocks.ts';
import { json, type User, userOf } from '../support/cli.ts';
import { at, listAt, type TestSandbox, textAt } from '../support/sandbox.ts';
import { recordedSandbox } from '../support/servers.ts';

const names = ['a', 'b', 'tenant-1', 'tenant-2', 'tenant-3'];
const pools = ['kimi26', 'minimax-m3'];
const someBlocks = fc.subarray([...blockNames], { minLength: 1, maxLength: 2 });
const limits = fc.record(
  { maxBudget: fc.constantFrom(5, 12.5), rpm: fc.constantFrom(10, 60) },
  { requiredKeys: ['maxBudget'] },
);

/** What an account has, and what a file asks for. */
const anySituation = fc.record({
  bought: fc.array(fc.record({ pool: fc.constantFrom(...pools), blocks: someBlocks }), { maxLength: 2 }),
  existing: fc.uniqueArray(fc.record({ name: fc.constantFrom(...names), limits }), {
    selector: ({ name }) => name,
    maxLength: 4,
  }),
  seats: fc.uniqueArray(
    fc.record({ pool: fc.constantFrom(...pools), blocks: someBlocks, quantity: fc.constantFrom(1, 1, 2) }),
    { selector: ({ pool, blocks }) => `${pool} ${blocks}`, maxLength: 2 },
  ),
  keys: fc.uniqueArray(
    fc.record({ name: fc.constantFrom(...names), limits, isProtected: fc.constantFrom(false, true) }),
    {
      selector: ({ name }) => name,
      maxLength: 4,
    },
  ),
  isManaged: fc.boolean(),
});

type Situation = typeof anySituation extends fc.Arbitrary<infer Value> ? Value : never;

async function prepare(me: User, box: TestSandbox, { bought, existing, seats, keys, isManaged }: Situation) {
  // Those that are sold out aren't bought.
  for (const { pool, blocks } of bought) await box.call('POST', `/api/pools/${pool}/subscribe`, { body: { blocks } });
  for (const { name, limits: own } of existing) await box.data('POST', '/api/keys/credit', { name, ...own });
  const file = {
    version: 1,
    ...(isManaged && { managed: { prefix: 'tenant-' } }),
    seats: seats.map((each) => ({ ...each, onSoldOut: 'skip' })),
    keys: keys.map(({ name, limits: own, isProtected }) => ({ name, type: 'credit', ...own, protected: isProtected })),
  };
  writeFileSync(path.join(me.home, 'account.yaml'), JSON.stringify(file));
}

/** Returns the keys and subscriptions that the sandbox has. */
async function stateOf(box: TestSandbox): Promise<unknown> {
  const { keys, subscriptions } = Object(await box.seen());
  return { keys, subscriptions };
}

test('makes any account as any file says, once', async () => {
  await fc.assert(
    fc.asyncProperty(anySituation, async (situation) => {
      const api = await recordedSandbox({ card: true });
      const me = userOf(api);
      await prepare(me, api.box, situation);
      const options = '--update-existing --allow-destroy';
      const planned = json(await me.ci(`plan ${options} --json`));
      const apply = `apply ${options} --yes --max-charge 10000 --save-to secrets.ndjson --json`;
      const first = await me.ci(apply);
      const blocked = listAt(planned, 'changes').filter(
        (change) => at(change, 'willApply') !== true || at(change, 'soldOut') === true,
      );
      expect(first.code === 0 || (first.code === 6 && blocked.length > 0), first.stderr).toBe(true);
      expect(at(json(first), 'charged')).toBe(at(planned, 'dueToday'));
      // What is left is only what can't be changed.
      const left = json(await me.ci(`plan ${options} --json`));
      const what = (change: unknown) => [textAt(change, 'action'), at(change, 'id') ?? null];
      expect(listAt(left, 'changes').map(what)).toEqual(blocked.map(what));
      expect((await me.ci(`plan ${options} --detailed-exitcode`)).code).toBe(blocked.length > 0 ? 3 : 0);
      const before = await stateOf(api.box);
      const changes = api.changes.length;
      await me.ci(apply);
      expect(await stateOf(api.box)).toEqual(before);
      expect(api.changes.length).toBe(changes);
    }),
    { numRuns: 40 },
  );
}, 120_000);
