import { expect, test } from 'vitest';
import { formats } from '../../src/domain/formats.ts';

test('supports four output formats', () => {
  expect(formats).toEqual(['table', 'json', 'csv', 'yaml']);
});
