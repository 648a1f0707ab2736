import { describe, expect, test } from 'vitest';
import { parseProgram } from '../../../src/account/rotation/prove.ts';
import { isSecondKeyRefused } from '../../../src/account/rotation/second-key.ts';
import { errorOf } from '../../../src/api/answers.ts';

describe('isSecondKeyRefused', () => {
  const seat = { request: { name: 'a', subscriptionId: 's' } };
  const credit = { request: { name: 'a', credit: true } } as const;
  const refusal = (status: number, error: string) =>
    errorOf({ status, headers: {}, body: error === '' ? '' : JSON.stringify({ success: false, error }) });

  test.each([
    [409, ''],
    [409, 'This subscription already has an active key'],
    [400, 'Only one active key per subscription'],
    [422, 'An active key exists for this seat'],
    [400, 'Key limit reached'],
  ])('takes %d "%s" for a seat with one key', (status, message) => {
    expect(isSecondKeyRefused(refusal(status, message), seat)).toBe(true);
    expect(isSecondKeyRefused(refusal(status, message), credit)).toBe(false);
  });

  test.each([
    [409, 'This pool is paused'],
    [400, ''],
    [400, 'You need an active pool subscription to create keys'],
    [400, 'You need an active pool subscription to create keys; this one is past_due'],
    [400, 'name must be a non-empty string'],
    [429, 'Too many keys'],
    [500, 'An active key exists'],
  ])('takes %d "%s" for another refusal, so that the old key stays', (status, message) => {
    expect(isSecondKeyRefused(refusal(status, message), seat)).toBe(false);
  });
});

describe('parseProgram', () => {
  test.each([
    ['command:./check.sh', './check.sh'],
    ['command:/opt/my checks/run', '/opt/my checks/run'],
  ])('takes the program of %s', (text, program) => {
    expect(parseProgram(text, '--prove')).toBe(program);
  });

  test.each(['', 'check', 'command:', 'command:-x', 'command: x', 'program:x'])('refuses "%s"', (text) => {
    expect(() => parseProgram(text, '--prove')).toThrow(`"${text}" is not a valid value for --prove`);
  });
});
