import { expect, test } from 'vitest';
import { nearest } from '../../src/domain/nearest.ts';

test.each([
  ['kimi27', ['glm5', 'kimi26', 'minimax-m3'], undefined, ['kimi26', 'glm5', 'minimax-m3']],
  ['pols', ['pools', 'plans', 'sandbox'], 3, ['pools', 'plans']],
  ['zzz', ['pools', 'plans'], 2, []],
  ['x', [], undefined, []],
])('nearest to %j of %j, within %s letters', (word, words, furthest, near) => {
  expect(nearest(word, words, furthest)).toEqual(near);
});
