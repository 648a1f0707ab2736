import { usageError } from '../domain/errors.ts';
import { isManagementKey, isWholeKey, masked } from '../domain/secrets.ts';

/** Refuses a secret in place of the name of a key. @throws CommandError (usage), without the secret */
export function refuseSecret(name: string | undefined): void {
  if (name === undefined || !(isWholeKey(name) || isManagementKey(name))) return;
  throw usageError(
    `${masked(name)} is a secret, not the name of a key`,
    'Arguments end up in the history of your shell. To store a secret, run `ci keys secret NAME --add`, and enter it when asked.',
  );
}
