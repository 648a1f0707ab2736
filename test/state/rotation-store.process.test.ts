import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { RotationFiles } from '../../src/state/files/rotation-files.ts';
import type { Rotation } from '../../src/state/rotation.ts';
import type { RotationStore, SharedRotations } from '../../src/state/rotation-store.ts';
import { emptyFolder } from '../support/folder.ts';
import { sharedPostgres } from '../support/postgres.ts';
import { freshState, type OpenedState, opened, quickClocks, sessionElsewhere } from './postgres/opened-state.ts';

const server = sharedPostgres({ fsync: false });

function rotation(id: string, changes: Partial<Rotation> = {}): Rotation {
  return {
    account: 'acme',
    old: { id, name: id },
    request: { name: id, credit: true },
    place: { saveTo: 'secrets.ndjson', cwd: '/home/ada' },
    overlap: 0,
    allowsGap: false,
    startedAt: Date.now(),
    claim: 'c1',
    step: 'planned',
    stale: [],
    hasGap: false,
    ...changes,
  };
}

function ids(rotations: readonly Rotation[]): string[] {
  return rotations.map(({ old }) => old.id);
}

/** A store, and how a process gets a rotation there to work on. */
interface Opened {
  readonly store: RotationStore;
  readonly begin: (rotation: Rotation) => Promise<void>;
}

/** The stores, each with what opens it. */
const stores: readonly (readonly [string, () => Promise<Opened>])[] = [
  [
    'files',
    async () => {
      const store = new RotationFiles(emptyFolder(), {});
      return { store, begin: (each) => store.save(each) };
    },
  ],
  [
    'PostgreSQL',
    async () => {
      const { store, shared } = await process((await freshState(server())).url);
      return {
        store,
        async begin(each) {
          await shared.add([each]);
          await shared.take([{ rotation: each, worker: undefined }], 1);
        },
      };
    },
  ],
];

describe.each(stores)('unfinished rotations in %s', (_name, open) => {
  test('are returned for their account, oldest first, as they were saved last', async () => {
    const { store, begin } = await open();
    await begin(rotation('b', { startedAt: Date.now() - 2000 }));
    await begin(rotation('a', { startedAt: Date.now() - 1000 }));
    await begin(rotation('c', { account: 'globex' }));
    await store.save(rotation('b', { startedAt: Date.now() - 2000, step: 'created', newId: 'n1', stale: ['s1'] }));
    const found = await store.of('acme');
    expect(ids(found)).toEqual(['b', 'a']);
    expect(found[0]).toMatchObject({ step: 'created', newId: 'n1', stale: ['s1'], place: { cwd: '/home/ada' } });
    expect(ids(await store.of('globex'))).toEqual(['c']);
  });

  test('are gone once they are removed', async () => {
    const { store, begin } = await open();
    await begin(rotation('a'));
    await begin(rotation('b'));
    await store.remove(rotation('a'));
    expect(ids(await store.of('acme'))).toEqual(['b']);
  });
});

/** The rotations in a database, as one process of a machine has them. */
async function process(
  url: string,
  options: Parameters<typeof opened>[1] = {},
): Promise<OpenedState & { readonly store: RotationStore; readonly shared: SharedRotations }> {
  const own = opened(url, options);
  const store = await own.state.rotations();
  if (!store.shared) throw new Error('it is shared');
  return { ...own, store, shared: store.shared };
}

const untouched = (rotations: readonly Rotation[]) => rotations.map((each) => ({ rotation: each, worker: undefined }));

describe('rotations that machines share', () => {
  test('are handed out once each, to all that ask', async () => {
    const { url } = await freshState(server());
    const processes = await Promise.all(Array.from({ length: 4 }, () => process(url)));
    const all = Array.from({ length: 50 }, (_, index) => rotation(`key-${index}`));
    await Promise.all(processes.map(({ shared }) => shared.add(all)));
    const take = async ({ shared }: (typeof processes)[number]) => {
      const next = await shared.take(untouched(all), 3);
      expect(next.length).toBeLessThanOrEqual(3);
      return next.map((each) => each.rotation.old.id);
    };
    // All of them, before a fast one can take the rest.
    const first = await Promise.all(processes.map(take));
    expect(Math.min(...first.map(({ length }) => length))).toBeGreaterThan(0);
    const rest = await Promise.all(
      processes.map(async (each) => {
        const mine: string[] = [];
        for (let next = await take(each); next.length > 0; next = await take(each)) mine.push(...next);
        return mine;
      }),
    );
    expect([first, rest].flat(2).sort()).toEqual(ids(all).sort());
  });

  test('are taken together if their new keys could not be told apart', async () => {
    const { url } = await freshState(server());
    const [one, two] = await Promise.all([process(url), process(url)]);
    const alike = ['a', 'b', 'c'].map((id) => rotation(id, { request: { name: 'app', credit: true } }));
    await one.shared.add(alike);
    const taken = await Promise.all([one, two].map(({ shared }) => shared.take(untouched(alike), 1)));
    expect(taken.map(({ length }) => length).sort()).toEqual([0, 3]);
    await one.shared.add([rotation('d', { request: { name: 'app', credit: true } })]);
    expect(await two.shared.take(untouched([rotation('d')]), 1)).toEqual([]);
  });

  test('are left to a process that took them after the caller had looked', async () => {
    const { url } = await freshState(server());
    const [one, two] = await Promise.all([process(url), process(url)]);
    await one.shared.add([rotation('a')]);
    expect(await one.shared.take(untouched([rotation('a')]), 1)).toHaveLength(1);
    await one.shared.stop(rotation('a'));
    expect(await two.shared.take(untouched([rotation('a')]), 1)).toEqual([]);
    const [stopped] = await two.shared.of('acme');
    expect(stopped).toMatchObject({ state: 'stopped' });
    expect(await two.shared.take(stopped ? [stopped] : [], 1)).toHaveLength(1);
    await expect(one.store.save(rotation('a', { step: 'created' }))).rejects.toMatchObject({ code: 'busy' });
  });

  test('are taken over from a machine whose lease has expired, and not before', async () => {
    const state = await freshState(server());
    const own = await process(state.url, { clocks: quickClocks() });
    await own.shared.add([rotation('a')]);
    const other = await sessionElsewhere(state);
    await state.query('update SCHEMA.rotations set session = $1', [other]);
    const [running] = await own.shared.of('acme');
    expect(running).toMatchObject({ state: 'running', worker: other });
    expect(await own.shared.take(running ? [running] : [], 1)).toEqual([]);
    const waitedFor: number[] = [];
    await own.shared.awaitOthers('acme', ['a'], (count) => {
      waitedFor.push(count);
      void state.query("update SCHEMA.sessions set expires_at = now() - interval '1 ms' where id = $1", [other]);
    });
    expect(waitedFor).toEqual([1]);
    const [free] = await own.shared.of('acme');
    expect(free).toMatchObject({ state: 'free', worker: other });
    expect(await own.shared.take(free ? [free] : [], 1)).toHaveLength(1);
  });

  test('are withdrawn unless someone has taken them', async () => {
    const { url } = await freshState(server());
    const folder = emptyFolder();
    const [one, two] = await Promise.all([process(url, { folder }), process(url)]);
    const all = [rotation('a'), rotation('b')];
    await one.shared.add(all);
    await two.shared.take(untouched([rotation('a')]), 1);
    await one.shared.withdraw(all);
    expect(ids(await two.store.of('acme'))).toEqual(['a']);
  });

  test('say which machine has their files', async () => {
    const { url } = await freshState(server());
    const folder = path.join(emptyFolder(), 'state');
    const [one, again, two] = await Promise.all([process(url, { folder }), process(url, { folder }), process(url)]);
    await one.shared.add([rotation('a')]);
    const hosts = async () => [
      (await again.shared.of('acme'))[0]?.host === undefined,
      (await two.shared.of('acme'))[0]?.host === undefined,
    ];
    expect(await hosts()).toEqual([true, false]);
    await two.shared.take(untouched([rotation('a')]), 1);
    await two.store.save(rotation('a', { step: 'created' }));
    expect(await hosts()).toEqual([true, false]);
    await two.shared.saveHere(rotation('a'));
    expect(await hosts()).toEqual([false, true]);
  });
});
