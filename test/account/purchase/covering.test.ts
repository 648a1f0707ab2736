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
