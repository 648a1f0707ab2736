import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Ended } from '../../support/cli.ts';
import { stateFolder } from '../../support/lost.ts';
import { withResolvers } from '../../support/resolvers.ts';
import { at } from '../../support/sandbox.ts';
import { answer, type Behavior, reset, silence } from '../../support/servers.ts';
import { rotationScene, type Scene, type Strike, sent } from './scene.ts';

const line = 'keys rotate customer --save .env --yes';

/** What can happen to a request. */
const faults: Readonly<Record<string, Strike['does']>> = {
  'is reset before it is applied': () => reset,
  'is reset after it is applied': (box) => appliedThen(box, reset),
  'gets 500 before it is applied': () => answer(500, { success: false, error: 'Oops' }),
  'gets 500 after it is applied': (box) => appliedThen(box, answer(500, { success: false, error: 'Oops' })),
  'gets 429': () => answer(429, { success: false, error: 'Slow down' }, { 'Retry-After': '1' }),
  'gets 400': () => answer(400, { success: false, error: 'No' }),
  'hangs before it is applied': () => silence,
  'hangs after it is applied': (box) => appliedThen(box, silence),
  'is applied late':
    (box, { later }) =>
    (request, response) => {
      later(async () => void (await sent(box, request)));
      return reset(request, response);
    },
  'gets an answer without data': (box) => appliedThen(box, answer(200, { success: true, data: {} })),
  'gets an answer without a secret': (box) => async (request, response) => {
    const { status, body } = await sent(box, request);
    await answer(status, JSON.stringify(body).replaceAll(/"apiKey":"[^"]*"/g, '"apiKey":""'))(request, response);
  },
  'gets a masked secret': (box) => async (request, response) => {
    const { status, body } = await sent(box, request);
    await answer(status, JSON.stringify(body).replaceAll(/"apiKey":"[^"]*"/g, '"apiKey":"sk_sandbox_…abcd"'))(
      request,
      response,
    );
  },
  'gets an empty list': (box) => appliedThen(box, answer(200, { success: true, data: [] })),
};

function appliedThen(box: Scene['box'], otherwise: Behavior): Behavior {
  return async (request, response) => {
    await sent(box, request);
    await otherwise(request, response);
  };
}

/** Runs a command, and kills it when a request arrives. @param when - before or after the request is applied */
async function killed(scene: Scene, command: string, place: number, when: 'before' | 'after'): Promise<void> {
  const { promise: struck, resolve: strike } = withResolvers();
  scene.strike({
    place,
    does: (box) => async (request) => {
      if (when === 'after') await sent(box, request);
      strike();
    },
  });
  const running = scene.me.start(command);
  await struck;
  running.kill('SIGKILL');
  expect((await running.ended).signal).toBe('SIGKILL');
}

/** Runs commands until nothing is left to do, as a scheduler would. */
async function finish(scene: Scene): Promise<Ended[]> {
  scene.strike(undefined);
  const runs: Ended[] = [];
  for (let count = 0; count < 5 && scene.unfinished().length > 0; count++) {
    runs.push(await scene.me.ci('keys rotate --resume --json'));
  }
  return runs;
}

/** Checks that exactly one key is left, that `.env` has it, and that there was no moment without a key that works. */
async function expectWhole(scene: Scene, runs: readonly Ended[]): Promise<void> {
  const told = runs.map(({ code, stdout, stderr }) => ({ code, stdout, stderr }));
  expect({ told, unfinished: scene.unfinished() }).toEqual({ told, unfinished: [] });
  const keys = await scene.active();
  expect({ told, keys: keys.map(({ apiKey }) => apiKey) }).toEqual({ told, keys: [scene.saved()] });
  expect({ told, gaps: scene.gaps }).toEqual({ told, gaps: [] });
  expect(readFileSync(path.join(scene.me.home, '.env'), 'utf8')).toMatch(/^A=1\n.*\nB=2\n$/);
  const shown = told.map(({ stdout, stderr }) => stdout + stderr).join('');
  for (const { apiKey } of [scene.old, ...keys]) expect(shown).not.toContain(apiKey);
}

describe.each(['credit', 'subscription'] as const)('the rotation of a %s key', (type) => {
  describe.each([true, false])('whose API shows secrets: %s', (showsSecrets) => {
    const scenes = () => rotationScene(type, { showsSecrets });

    test('replaces the key in .env, and revokes the old one', async () => {
      const scene = await scenes();
      const force = showsSecrets ? '' : ' --force';
      const ended = await scene.me.ci(`${line}${force} --json`);
      expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
      await expectWhole(scene, [ended]);
      const [key] = await scene.active();
      expect(JSON.parse(ended.stdout)).toMatchObject({ id: key?.id, oldId: scene.old.id, name: 'customer' });
      expect(scene.api.changes.map((name) => name.replace(/[0-9a-f-]{36}/, 'ID'))).toEqual([
        `POST /api/keys/${type}`,
        'DELETE /api/keys/ID',
      ]);
    });

    test.each(Object.keys(faults))('is whole in the end if a request %s', { timeout: 240_000 }, async (name) => {
      const clean = await scenes();
      clean.strike(undefined);
      expect((await clean.me.ci(`${line} --force`)).code).toBe(0);
      const places = Array.from({ length: clean.count() }, (_, place) => place);
      for (const place of places) {
        const scene = await scenes();
        const does = faults[name];
        if (!does) throw new Error(`no fault ${name}`);
        scene.strike({ place, does });
        // Only a request that is never answered needs a short limit.
        const limit = name.startsWith('hangs') ? '--timeout 700ms' : '';
        const first = await scene.me.ci(`${line} --force --json ${limit}`);
        expect([0, 1, 4, 5, 6, 7, 9, 10]).toContain(first.code);
        await expectWhole(scene, [first, ...(await finish(scene))]);
        if (first.code === 0) expect(scene.saved()).not.toBe(scene.old.apiKey);
      }
    });

    test.each(['before', 'after'] as const)(
      'is whole in the end if ci is killed %s a request is applied',
      { timeout: 240_000 },
      async (when) => {
        const clean = await scenes();
        clean.strike(undefined);
        expect((await clean.me.ci(`${line} --force`)).code).toBe(0);
        const count = clean.count();
        for (let place = 0; place < count; place++) {
          const scene = await scenes();
          await killed(scene, `${line} --force`, place, when);
          await expectWhole(scene, await finish(scene));
        }
      },
    );
  });
});

test.each([true, false])(
  'is whole in the end if ci is killed at any step with its files (the API shows secrets: %s)',
  { timeout: 500_000 },
  async (showsSecrets) => {
    const preload = path.resolve('test/support/dying.cjs');
    let isOver = false;
    for (let step = 0; !isOver; step += 3) {
      const scene = await rotationScene('credit', { showsSecrets });
      const env = { NODE_OPTIONS: `--require ${preload}`, DIES_AFTER: String(step), DIES_AT: 'rotations|\\.env' };
      const ended = await scene.me.process(`${line} --force`, { env });
      isOver = ended.code === 0;
      await expectWhole(scene, [...(isOver ? [ended] : []), ...(await finish(scene))]);
    }
    expect(isOver).toBe(true);
  },
);

/** Other ways to rotate, whose steps come in another order. */
const ways = [
  ['with an overlap', `${line} --force --overlap 1h`, false],
  ['with a program that proves the key', `${line} --force --prove command:./check`, false],
  ['of a seat with one key', `${line} --force --allow-gap`, true],
] as const;

/** The faults that leave the most to find out. */
const decisive = [
  'is reset after it is applied',
  'gets 400',
  'is applied late',
  'gets an answer without a secret',
  'gets an empty list',
];

describe.each(ways)('a rotation %s', (_way, rotate, oneKeyPerSeat) => {
  describe.each([true, false])('whose API shows secrets: %s', (showsSecrets) => {
    const scenes = () => rotationScene('subscription', { showsSecrets, oneKeyPerSeat });

    /** Returns how many requests it makes if nothing fails. */
    async function count(): Promise<number> {
      const clean = await scenes();
      clean.strike(undefined);
      const ended = await clean.me.ci(`${rotate} --json`);
      await expectRotated(clean, [ended]);
      return clean.count();
    }

    async function expectRotated(scene: Scene, runs: readonly Ended[]): Promise<void> {
      if (oneKeyPerSeat) scene.gaps.splice(0);
      await expectWhole(scene, runs);
    }

    test.each(decisive)('is whole in the end if a request %s', { timeout: 240_000 }, async (name) => {
      const requests = await count();
      for (let place = 0; place < requests; place++) {
        const scene = await scenes();
        const does = faults[name];
        if (!does) throw new Error(`no fault ${name}`);
        scene.strike({ place, does });
        const first = await scene.me.ci(`${rotate} --json`);
        await expectRotated(scene, [first, ...(await finish(scene))]);
      }
    });

    test('is whole in the end if ci is killed after a request is applied', { timeout: 240_000 }, async () => {
      const requests = await count();
      // The overlap takes real time in a process.
      const killable = rotate.replace('1h', '1s');
      for (let place = 0; place < requests; place++) {
        const scene = await scenes();
        await killed(scene, killable, place, 'after');
        await expectRotated(scene, await finish(scene));
      }
    });
  });
});

test('the record of a rotation has no secret, and only its owner can read it', async () => {
  const scene = await rotationScene('credit', { showsSecrets: true });
  scene.strike(undefined);
  const running = scene.me.start('keys rotate customer --save .env --overlap 1h --yes');
  await running.stderr(/Waiting/);
  const folder = path.join(scene.me.home, '.local', 'state', 'cheapestinference', 'rotations');
  const [file = ''] = scene.unfinished();
  const text = readFileSync(path.join(folder, file), 'utf8');
  expect(text).not.toMatch(/sk_/);
  expect(at(JSON.parse(text), 'step')).toBe('proven');
  running.kill('SIGINT');
  const ended = await running.ended;
  expect(ended.code).toBe(130);
  expect(ended.stderr).toContain('ci keys rotate --resume');
  expect((await scene.active()).length).toBe(2);
});

test('keeps a new key that a killed process may have delivered, even if it can no longer be proven', async () => {
  const clean = await rotationScene('credit', { showsSecrets: true });
  await clean.me.ci(line);
  const scene = await rotationScene('credit', { showsSecrets: true });
  const place = clean.api.requests.findIndex((request) => request.startsWith('DELETE'));
  await killed(scene, line, place, 'before');
  // The process was killed right after the delivery.
  const [name = ''] = scene.unfinished();
  const file = path.join(stateFolder(scene.me), 'rotations', name);
  const { provenAt: _, ...rotation } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...rotation, step: 'delivering' }));
  const delivered = scene.saved();
  const count = scene.api.requests.length;
  for (const each of [1, 2]) {
    scene.strike({ place: each, does: () => answer(429, { success: false, error: 'No' }, { 'Retry-After': '60' }) });
    await scene.me.ci('keys rotate --resume');
    expect(scene.gaps).toEqual([]);
  }
  expect(scene.api.requests.slice(count)).toContain('GET /v1/models');
  expect(delivered).not.toBe(scene.old.apiKey);
  await expectWhole(scene, await finish(scene));
});
