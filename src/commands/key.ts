import type { Key } from '../api/keys.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';

/** A key by its id, else by its name. @throws CommandError (not_found); (usage) when several bear the name */
export function findKey(keys: readonly Key[], typed: string): Key {
  const byId = keys.find(({ id }) => id === typed);
  if (byId) return byId;
  const named = keys.filter(({ name }) => name === typed);
  const [first, second] = named;
  if (!first) {
    throw new CommandError('not_found', `there is no key "${typed}"`, { hint: '`ci keys list` shows your keys.' });
  }
  if (second) {
    throw usageError(`${named.length} keys are named "${typed}"`, `Name one by id: ${named.map(keyLabel).join('; ')}.`);
  }
  return first;
}

/** A key in one line. */
export function keyLabel({ id, name, apiKey }: Key): string {
  return [name, id, apiKey && masked(apiKey)].filter(Boolean).join('  ');
}
