import { expect, test } from 'vitest';
import type { Kind } from './contract.ts';

const keys = [
  { id: '0000000000000001', label: 'mk_…0001 at api.example' },
  { id: '0000000000000002', label: 'mk_…0002 at api.example' },
] as const;

/** Tests how keys are assigned to accounts. */
export function testAccounts({ place, differs }: Kind): void {
  test('keys of a customer have one account if several machines share the state', async () => {
    const shared = await place();
    const customer = async () => 'customer';
    expect(await shared.open().account(keys[0], customer)).toEqual(keys[0]);
    expect(await shared.open().account(keys[1], customer)).toEqual(
      differs.mergesKeys ? { ...keys[1], id: keys[0].id } : keys[1],
    );
  });

  test('keys of different customers have accounts of their own', async () => {
    const shared = await place();
    for (const key of keys) expect(await shared.open().account(key, async () => key.id)).toEqual(key);
    for (const key of keys) expect(await shared.open().account(key, async () => undefined)).toEqual(key);
  });
}
