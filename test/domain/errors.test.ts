import { describe, expect, test } from 'vitest';
import { CommandError, errorCodeOf, failures, usageError } from '../../src/domain/errors.ts';

test('every error code has the exit code that scripts rely on', () => {
  expect(Object.fromEntries(Object.entries(failures).map(([code, { exitCode }]) => [code, exitCode]))).toEqual({
    server_error: 1,
    unexpected_response: 1,
    invalid_request: 1,
    file_error: 1,
    secret_lost: 1,
    keychain_error: 1,
    filter_failed: 1,
    declined: 1,
    internal: 1,
    usage: 2,
    confirmation_required: 2,
    input_required: 2,
    not_signed_in: 4,
    unauthorized: 4,
    forbidden: 4,
    not_found: 5,
    unavailable: 6,
    not_final: 6,
    busy: 6,
    rate_limited: 7,
    payment_required: 8,
    no_payment_method: 8,
    price_above_maximum: 8,
    unreachable: 9,
    timeout: 9,
    outcome_unknown: 10,
    interrupted: 130,
  });
});

test.each([
  [200, 'Sold out', 'server_error'],
  [200, 'No payment method found — add a card first', 'no_payment_method'],
  [400, 'No payment method found — add a card first', 'no_payment_method'],
  [422, 'Please ADD A CARD', 'no_payment_method'],
  [402, 'add a card', 'payment_required'],
  [500, 'add a card', 'server_error'],
  [400, 'The transaction is not final yet', 'not_final'],
  [409, 'Transaction not confirmed', 'not_final'],
  [409, 'Sold out', 'unavailable'],
  [400, 'blocks is required', 'invalid_request'],
  [401, '', 'unauthorized'],
  [403, '', 'forbidden'],
  [404, '', 'not_found'],
  [405, '', 'invalid_request'],
  [410, '', 'unavailable'],
  [418, '', 'invalid_request'],
  [425, '', 'invalid_request'],
  [429, '', 'rate_limited'],
  [500, '', 'server_error'],
  [520, '', 'server_error'],
  [302, '', 'server_error'],
])('an answer %i that says "%s" is %s', (status, message, code) => {
  expect(errorCodeOf(status, message)).toBe(code);
});

describe('a CommandError', () => {
  test('has the exit code of its code, and nothing that was not said', () => {
    const error = new CommandError('not_found', 'there is no pool "x"');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('CommandError');
    expect(error.exitCode).toBe(5);
    expect({ ...error }).toEqual({
      name: 'CommandError',
      code: 'not_found',
      hint: undefined,
      status: undefined,
      retryable: false,
      outcome: undefined,
    });
  });

  test('is told again with something changed, and all else kept', () => {
    const cause = new Error('reset');
    const before = new CommandError('timeout', 'no answer', {
      hint: 'wait',
      status: 504,
      retryable: true,
      outcome: 'not_applied',
      cause,
    });
    const after = before.with({ code: 'outcome_unknown', outcome: 'unknown', hint: undefined });
    expect({ ...after, message: after.message, cause: after.cause, exitCode: after.exitCode }).toEqual({
      name: 'CommandError',
      code: 'outcome_unknown',
      message: 'no answer',
      hint: undefined,
      status: 504,
      retryable: true,
      outcome: 'unknown',
      cause,
      exitCode: 10,
    });
    expect(before.with({ message: 'late' })).toMatchObject({ code: 'timeout', message: 'late', hint: 'wait' });
    expect(before).toMatchObject({ code: 'timeout', message: 'no answer', outcome: 'not_applied' });
  });
});

test('a usage error exits 2 and carries its hint', () => {
  const error = usageError('there is no block "mars"', 'The blocks are asia, europe, americas.');
  expect([error.code, error.exitCode, error.message, error.hint, error.outcome]).toEqual([
    'usage',
    2,
    'there is no block "mars"',
    'The blocks are asia, europe, americas.',
    undefined,
  ]);
});
