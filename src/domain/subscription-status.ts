/** What a terminal shows for a status of a subscription. */
const statusTexts = new Map([
  ['pending_key', 'key pending'],
  ['past_due', 'payment failed'],
]);

/** Returns the status of a subscription for people: `key pending`. */
export function statusText(status: string | null | undefined): string {
  return statusTexts.get(status ?? '') ?? (status ?? '').replaceAll('_', ' ');
}
