import { expect, test } from 'vitest';
import { broughtHere, staysThere } from '../../../src/account/rotation/machine-places.ts';
import type { Rotation, RotationPlace } from '../../../src/state/rotation.ts';

const cwd = '/home/ada';
const here: RotationPlace = { saveTo: 'mine.ndjson', cwd: '/home/bob' };

function rotation(place: RotationPlace, changes: Partial<Rotation> = {}): Rotation {
  return {
    account: 'acme',
    old: { id: 'a' },
    request: { name: 'a', credit: true },
    place,
    overlap: 0,
    allowsGap: false,
    startedAt: 1,
    claim: 'c1',
    step: 'planned',
    stale: [],
    hasGap: false,
    ...changes,
  };
}

const elsewhere = (each: Rotation) => ({ rotation: each, worker: '1', state: 'free', host: 'build-1' }) as const;

test.each([
  [{ store: true }, true],
  [{ save: '.env' }, true],
  [{ saveTo: 'secrets.ndjson' }, true],
  [{ to: ['github:acme/api@production'] }, false],
  [{ to: ['kubernetes:production/api'] }, false],
  [{ to: ['fly:my-app', 'cloudflare:my-worker'] }, false],
  // The repository, or the project, is that of the directory.
  [{ to: ['github'] }, true],
  [{ to: ['gitlab'] }, true],
  [{ to: ['vercel:production'] }, true],
  [{ to: ['systemd:/etc/credstore/api'] }, true],
  [{ to: ['command:./store.sh'] }, true],
  [{ to: ['github:acme/api'], save: '.env' }, true],
] as const)('a rotation with the place %j stays with its machine: %s', (place, stays) => {
  const { to, ...rest } = { to: undefined, ...place };
  const each = rotation({ ...rest, ...(to && { to: [...to] }), cwd });
  expect(staysThere(elsewhere(each), {}, undefined)).toBe(stays);
  expect(staysThere(elsewhere(each), {}, here)).toBe(false);
  expect(staysThere({ ...elsewhere(each), host: undefined }, {}, undefined)).toBe(false);
});

test('a rotation with a program stays with its machine unless the command names another', () => {
  const place = { to: ['github:acme/api'], cwd };
  const proven = elsewhere(rotation(place, { proof: './check.sh' }));
  expect(staysThere(proven, {}, undefined)).toBe(true);
  expect(staysThere(proven, { proof: './check.sh' }, undefined)).toBe(false);
  const waiting = elsewhere(rotation(place, { overlap: './over.sh' }));
  expect(staysThere(waiting, {}, undefined)).toBe(true);
  expect(staysThere(waiting, { overlap: 1000 }, undefined)).toBe(false);
});

test('a new key that is not proven is delivered to the place of the machine that takes over', () => {
  const there = { saveTo: 'secrets.ndjson', cwd };
  expect(broughtHere(rotation(there, { step: 'created' }), here, '/tmp')).toEqual({ place: here });
  expect(broughtHere(rotation(there, { step: 'delivered' }), here, '/tmp')).toEqual({
    place: here,
    step: 'delivering',
  });
  expect(broughtHere(rotation(there, { step: 'proven' }), here, '/tmp')).toEqual({});
  const shared = { to: ['github:acme/api'], cwd };
  expect(broughtHere(rotation(shared), undefined, '/tmp')).toEqual({ place: { ...shared, cwd: '/tmp' } });
});
