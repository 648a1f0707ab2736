import { expect, test } from 'vitest';
import { formats } from '../../src/domain/formats.ts';

test('results can be printed in four formats', () => {
  expect(formats).toEqual(['table', 'json', 'csv', 'yaml']);
});
