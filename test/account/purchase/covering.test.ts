import { describe, expect, test } from 'vitest';
import { findCovering } from '../../../src/account/purchase/covering.ts';
import { type Block, hoursOf } from '../../../src/domain/blocks.ts';

/** Returns a subscription on a block. */
function on(block: Block, id: string) {
  return { id, status: 'active', hours: hoursOf(block).map((hour) => ({ hour, slotIndex: 0 })) };
}

describe('findCovering', () => {
  test('returns the subscriptions on the blocks', () => {
    const covering = findCovering('kimi26', [on('asia', 's1'), on('europe', 's2')], ['europe'], 1);
    expect(covering).toMatchObject([{ id: 's2', poolSlug: 'kimi26' }]);
    expect(findCovering('kimi26', [on('asia', 's1')], ['europe'], 1)).toBeUndefined();
  });

  test.each<[string, readonly Block[], number, string]>([
    ['another block', ['asia'], 1, '`ci pools subscribe kimi26 --blocks europe`'],
    [
      'two other blocks',
      ['asia'],
      2,
      '`ci pools subscribe kimi26 --blocks asia` and `ci pools subscribe kimi26 --blocks europe --quantity 2`',
    ],
    ['more seats', ['asia', 'europe'], 4, '`ci pools subscribe kimi26 --blocks asia,europe --quantity 3`'],
    ['more seats in one block', ['asia', 'asia', 'europe'], 2, '`ci pools subscribe kimi26 --blocks europe`'],
  ])('names the commands that buy what is missing: %s', (_what, existing, quantity, commands) => {
    const subscriptions = existing.map((block, at) => on(block, `s${at}`));
    expect(() => findCovering('kimi26', subscriptions, ['asia', 'europe'], quantity)).toThrow(
      expect.objectContaining({ hint: `Nothing was charged. Run ${commands} to add the missing seats.` }),
    );
  });

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', []],
  ])('throws if the hours of a subscription are %s', (_, hours) => {
    const unstated = { id: 's3', status: 'active', hours };
    expect(() => findCovering('kimi26', [unstated], ['europe'], 1)).toThrow(
      "The API didn't return the hours of subscription s3 on kimi26",
    );
    expect(findCovering('kimi26', [on('europe', 's2'), unstated], ['europe'], 1)).toMatchObject([{ id: 's2' }]);
    expect(findCovering('kimi26', [{ ...unstated, status: 'canceled' }], ['europe'], 1)).toBeUndefined();
  });
});
