import type { CommandError } from '../../domain/errors.ts';
import type { Rotation } from '../../state/rotation.ts';

/** Matches what a server may say that allows one active key per seat. The wording isn't documented. */
const aboutOtherKey =
  /\b(?:active|existing|another|one|second|only|already|limit|maximum|per (?:seat|subscription))\b.*\bkeys?\b|\bkeys?\b.*\b(?:active|exists?|already|limit|maximum|per (?:seat|subscription))\b/i;

/** Returns whether the API refused a new key because the subscription has another one. A 409 without a message counts, too. */
export function isSecondKeyRefused({ status, message }: CommandError, { request }: Pick<Rotation, 'request'>): boolean {
  if ('credit' in request) return false;
  if (status === 409) return aboutOtherKey.test(message) || /^The API returned 409\b/.test(message);
  // A missing subscription is refused with 400, too: "You need an active pool subscription to create keys".
  return (status === 400 || status === 422) && aboutOtherKey.test(message) && !/^You need\b/i.test(message);
}
