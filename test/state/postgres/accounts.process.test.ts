import { describe, expect, test } from 'vitest';
import { CommandError } from '../../../src/domain/errors.ts';
import type { Rotation } from '../../../src/state/rotation.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { creating } from '../contract/samples.ts';
import { freshState, opened, type StateSchema } from './opened-state.ts';

const [first, second] = [
  { id: '0000000000000001', label: 'mk_…0001 at api.example' },
  { id: '0000000000000002', label: 'mk_…0002 at api.example' },
];

/** Returns a customer, and how often the API was asked for it. */
function customer(hash: string | undefined) {
  const asked = { count: 0 };
  return {
    asked,
    ask: async () => {
      asked.count += 1;
      return hash;
    },
  };
}

/** Lets the time pass after which the API is asked for an unknown customer again. */
async function passTime({ query }: StateSchema): Promise<void> {
  await query("update SCHEMA.accounts set checked_at = checked_at - interval '11 minutes'");
}

function rotationOf(account: string): Rotation {
  return {
    account,
    old: { id: 'k' },
    request: { name: 'k', credit: true },
    place: { saveTo: 'secrets.ndjson', cwd: '/home/ada' },
    overlap: 0,
    allowsGap: false,
    startedAt: Date.now(),
    claim: 'c',
    step: 'planned',
    stale: [],
    hasGap: false,
  };
}

describe.skipIf(lacksPostgres)('an account', () => {
  const server = sharedPostgres({ fsync: false });

  test('is asked for once if the API knows the customer', async () => {
    const place = await freshState(server());
    const { asked, ask } = customer('c');
    for (let turn = 0; turn < 3; turn++) {
      expect(await opened(place.url).state.account(first, ask)).toEqual(first);
      await passTime(place);
    }
    expect(asked.count).toBe(1);
  });

  test('is asked for again after a while if the API does not know the customer', async () => {
    const place = await freshState(server());
    const { asked, ask } = customer(undefined);
    const { state } = opened(place.url);
    for (let turn = 0; turn < 3; turn++) expect(await state.account(first, ask)).toEqual(first);
    expect(asked.count).toBe(1);
    await passTime(place);
    expect(await state.account(first, ask)).toEqual(first);
    expect(asked.count).toBe(2);
  });

  test('takes in the rotations of a key whose customer is known later', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await state.account(first, async () => 'c');
    await state.account(second, async () => undefined);
    const { shared } = await state.rotations();
    await shared.add([rotationOf(second.id)]);
    await passTime(place);
    await state.account(second, async () => 'c');
    expect([await shared.of(first.id), await shared.of(second.id)]).toMatchObject([
      [{ rotation: { account: first.id, old: { id: 'k' } } }],
      [],
    ]);
    const [taken] = await shared.take([{ rotation: rotationOf(first.id), worker: undefined }], 1);
    await shared.saveHere({ ...rotationOf(first.id), ...taken?.rotation, step: 'created', newId: 'n' });
    expect(await shared.of(first.id)).toMatchObject([{ rotation: { step: 'created', newId: 'n' } }]);
  });

  test('takes in the changes of a key whose customer is known later', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    await state.account(first, customer(undefined).ask);
    await state.changes.begin({ ...creating('first'), account: first });
    await state.account(second, customer('c').ask);
    await state.changes.begin({ ...creating('second'), account: second });
    await passTime(place);
    expect(await state.account(first, customer('c').ask)).toEqual({ ...first, id: second.id });
    const accounts = (await state.changes.newest(10)).map(({ account }) => account);
    expect(accounts).toEqual([{ ...first, id: second.id }, second]);
  });

  test('is the same for all keys of a customer that are used first at the same moment', async () => {
    const place = await freshState(server());
    const keys = Array.from({ length: 8 }, (_, at) => ({ id: `000000000000001${at}`, label: `mk_…001${at}` }));
    const found = await Promise.all(keys.map((key) => opened(place.url).state.account(key, async () => 'c')));
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
    expect(found.map(({ label }) => label)).toEqual(keys.map(({ label }) => label));
    const again = await Promise.all(keys.map((key) => opened(place.url).state.account(key, async () => 'c')));
    expect(again).toEqual(found);
  });

  test('is not recorded if the API does not answer', async () => {
    const place = await freshState(server());
    const { state } = opened(place.url);
    const failure = new CommandError('unreachable', 'No response');
    await expect(state.account(first, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await place.query('select from SCHEMA.accounts')).toEqual([]);
  });
});
