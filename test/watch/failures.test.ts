import { expect, test } from 'vitest';
import { CommandError, type ErrorCode } from '../../src/domain/errors.ts';
import { endsWatch, isTaken, isTemporary } from '../../src/watch/failures.ts';

const codes: readonly (readonly [
  ErrorCode,
  { readonly ends?: true; readonly temporary?: true; readonly taken?: true },
])[] = [
  ['unauthorized', { ends: true }],
  ['forbidden', { ends: true }],
  ['not_signed_in', { ends: true }],
  ['usage', { ends: true }],
  ['interrupted', { ends: true }],
  ['file_error', { ends: true }],
  ['internal', { ends: true }],
  ['timeout', { temporary: true }],
  ['unreachable', { temporary: true }],
  ['server_error', { temporary: true }],
  ['unexpected_response', { temporary: true }],
  ['rate_limited', { temporary: true }],
  ['busy', { temporary: true }],
  ['unavailable', { taken: true }],
  ['not_found', {}],
  ['invalid_request', {}],
  ['no_payment_method', {}],
  ['price_above_maximum', {}],
];

test.each(codes)('classifies %s', (code, { ends = false, temporary = false, taken = false }) => {
  const error = new CommandError(code, 'failed');
  expect([endsWatch(error), isTemporary(error), isTaken(error)]).toEqual([ends, temporary, taken]);
});

test.each([
  ['Block americas is sold out', true],
  ['sold-out', true],
  ['Not enough seats', true],
  ['No seats left', true],
  ['no free slot', true],
  ['the block is unavailable', true],
  ['quantity must be an integer', false],
])('recognizes whether "%s" means that the seat was sold: %s', (message, taken) => {
  expect(isTaken(new CommandError('invalid_request', message))).toBe(taken);
});
