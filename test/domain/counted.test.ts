import { expect, test } from 'vitest';
import { counted } from '../../src/domain/counted.ts';

test.each([
  [0, '0 seats'],
  [1, '1 seat'],
  [20, '20 seats'],
])('counts %i as "%s"', (count, words) => {
  expect(counted(count, 'seat')).toBe(words);
});
