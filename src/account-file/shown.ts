import { shortened } from '../account/bulk/key-rows.ts';
import { redacted } from '../domain/secrets.ts';

/** How much of a value is searched for secrets, in characters. No more is shown. */
const mostSearched = 1000;

/** Returns a text of a file as a message may show it: shortened, and without secrets. */
export function shown(text: string): string {
  return shortened(redacted(text.slice(0, mostSearched)));
}
