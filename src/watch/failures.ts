import type { CommandError, ErrorCode } from '../domain/errors.ts';

const final: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'not_signed_in',
  'usage',
  'interrupted',
  'file_error',
  'internal',
];

const temporary: readonly ErrorCode[] = [
  'timeout',
  'unreachable',
  'server_error',
  'unexpected_response',
  'rate_limited',
  'busy',
];

/** Returns whether a failed check ends the watch. A revoked key, for example, stays revoked. */
export function endsWatch({ code }: CommandError): boolean {
  return final.includes(code);
}

/** Returns whether a purchase that failed with this error may succeed at the next check. */
export function isTemporary({ code }: CommandError): boolean {
  return temporary.includes(code);
}

/** Returns whether the seat was sold to someone else. Older versions of the API don't answer 409 in that case. */
export function isTaken({ code, message }: CommandError): boolean {
  if (code === 'unavailable') return true;
  return (
    code === 'invalid_request' && /sold.?out|not enough|no (?:free |more )?(?:seat|slot)|unavailable/i.test(message)
  );
}
