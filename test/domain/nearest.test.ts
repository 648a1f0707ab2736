import { expect, test } from 'vitest';
import { nearest } from '../../src/domain/nearest.ts';

const pools = ['glm5', 'kimi26', 'minimax-m3', 'qwen35'];

test.each([
  ['kimi', pools, ['kimi26']],
  ['KIMI', pools, ['kimi26']],
  ['kimi27', pools, ['kimi26']],
  ['kmi26', pools, ['kimi26']],
  ['glm', ['glm5-air', 'glm5', 'kimi26'], ['glm5', 'glm5-air']],
  ['minimax', pools, ['minimax-m3']],
  ['pols', ['pools', 'plans', 'sandbox'], ['pools']],
  ['zzz', pools, []],
  ['x', [], []],
  ['', pools, []],
])('suggests for %j of %j: %j', (word, words, near) => {
  expect(nearest(word, words)).toEqual(near);
});
