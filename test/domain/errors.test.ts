import { describe, expect, test } from 'vitest';
import { asClause, CommandError, errorCodeOf, failures, messageOf, usageError } from '../../src/domain/errors.ts';

test('keeps the exit codes that scripts rely on', () => {
  expect(Object.fromEntries(Object.entries(failures).map(([code, { exitCode }]) => [code, exitCode]))).toEqual({
    server_error: 1,
    unexpected_response: 1,
    invalid_request: 1,
    file_error: 1,
    secret_lost: 1,
    partly_failed: 1,
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
    state_unreachable: 9,
    timeout: 9,
    outcome_unknown: 10,
    command_not_executable: 126,
    command_not_found: 127,
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
])('maps a response %i with the message "%s" to %s', (status, message, code) => {
  expect(errorCodeOf(status, message)).toBe(code);
});

describe('CommandError', () => {
  test('has the exit code of its error code, and no other details by default', () => {
    const error = new CommandError('not_found', `Pool "x" doesn't exist`);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('CommandError');
    expect(error.exitCode).toBe(5);
    expect({ ...error }).toEqual({
      name: 'CommandError',
      code: 'not_found',
      hint: undefined,
      lines: [],
      status: undefined,
      retryable: false,
      outcome: undefined,
    });
  });

  test('copies a failure with some details changed', () => {
    const cause = new Error('reset');
    const before = new CommandError('timeout', 'no response', {
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
      message: 'no response',
      hint: undefined,
      lines: [],
      status: 504,
      retryable: true,
      outcome: 'unknown',
      cause,
      exitCode: 10,
    });
    expect(before.with({ message: 'late' })).toMatchObject({ code: 'timeout', message: 'late', hint: 'wait' });
    expect(before).toMatchObject({ code: 'timeout', message: 'no response', outcome: 'not_applied' });
  });
});

test('returns a usage error with exit code 2 and a hint', () => {
  const error = usageError('"mars" is not a valid block', 'Use asia, europe or americas.');
  expect([error.code, error.exitCode, error.message, error.hint, error.outcome]).toEqual([
    'usage',
    2,
    '"mars" is not a valid block',
    'Use asia, europe or americas.',
    undefined,
  ]);
});

test.each([
  [Object.assign(new Error("EACCES: permission denied, open '/x, y'"), { code: 'EACCES' }), 'permission denied'],
  [
    Object.assign(new Error("EXDEV: cross-device link not permitted, rename '/a' -> '/b'"), { code: 'EXDEV' }),
    'cross-device link not permitted',
  ],
  [Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }), 'no space left on device'],
  [Object.assign(new Error('EISDIR: illegal operation on a directory, read'), { code: 'EISDIR' }), 'it is a directory'],
  [new Error('the disk is full'), 'the disk is full'],
  ['text', 'text'],
])('describes %s without a system code', (error, words) => {
  expect(messageOf(error)).toBe(words);
});

test.each([
  ['The response was lost.', 'the response was lost'],
  ["Can't read /x", "can't read /x"],
  ['No response from host', 'no response from host'],
  ['Interrupted', 'interrupted'],
  ['No payment method found', 'No payment method found'],
  ['GET /api failed', 'GET /api failed'],
  ['kimi26 is sold out', 'kimi26 is sold out'],
])('makes a clause of %j: %j', (message, clause) => {
  expect(asClause(message)).toBe(clause);
});
