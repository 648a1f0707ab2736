import type { CommandError, ErrorCode } from '../../domain/errors.ts';

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

/** Whether a failed check ends the watch. A refused key, for example, stays refused. */
export function endsWatch({ code }: CommandError): boolean {
  return final.includes(code);
}

/** Whether a purchase that failed with this error may succeed at the next check. */
export function isTemporary({ code }: CommandError): boolean {
  return temporary.includes(code);
}

/** Whether somebody else got the seat first. Not every generation of the API answers 409 then. */
export function isTaken({ code, message }: CommandError): boolean {
  if (code === 'unavailable') return true;
  return (
    code === 'invalid_request' && /sold.?out|not enough|no (?:free |more )?(?:seat|slot)|unavailable/i.test(message)
  );
}
