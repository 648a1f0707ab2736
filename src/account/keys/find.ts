import type { Api } from '../../api/index.ts';
import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { groupBy } from '../../domain/group-by.ts';
import { findByIdPrefix } from '../../domain/id-prefix.ts';
import { isWholeKey, masked } from '../../domain/secrets.ts';
import { distanceTo } from '../../output/time.ts';
import type { Choice } from '../../prompts/question.ts';
import { fetchSubscriptions } from '../subscriptions.ts';

/** Returns a key as {@link keyFinder}. For several keys, use one finder. @throws CommandError (not_found), (usage) */
export function findKey(keys: readonly Key[], typed: string): Key {
  return keyFinder(keys)(typed);
}

/**
 * Returns a function that finds a key by its id, its name, or the beginning of its id, in this order.
 *
 * @returns a function that throws CommandError (not_found); (usage) if several keys have the name, or if several ids begin with it
 */
export function keyFinder(keys: readonly Key[]): (typed: string) => Key {
  const byId = new Map<string, Key>();
  for (const key of keys) if (!byId.has(key.id)) byId.set(key.id, key);
  const byName = groupBy(keys, ({ name }) => name ?? undefined);
  return (typed) => {
    const identified = byId.get(typed);
    if (identified) return identified;
    const named = byName.get(typed) ?? [];
    if (named.length > 1) throw severalNamed(typed, named);
    const found = named[0] ?? findByIdPrefix(keys, typed, 'keys', keyLabel);
    if (found) return found;
    throw new CommandError('not_found', `Key "${typed}" doesn't exist`, {
      hint: 'Run `ci keys list` to see your keys.',
    });
  };
}

/** Returns the error for a name that several keys have. */
export function severalNamed(name: string, keys: readonly Key[]): CommandError {
  return usageError(`${keys.length} keys are named "${name}"`, 'Use one of their IDs:').with({
    lines: keys.map(keyLabel),
  });
}

/** Returns a key in one line, with its secret masked. */
export function keyLabel({ id, name, apiKey }: Key): string {
  return [name, id, apiKey && masked(apiKey)].filter(Boolean).join('  ');
}

/** Returns the choices of a list of keys: what each is for, its masked secret, and when it was used. */
export async function keyChoices(
  context: Pick<Context, 'connections' | 'prompts'>,
  keys: readonly Key[],
): Promise<Choice<Key>[]> {
  const now = await context.connections.now();
  const cells = (cell: (key: Key) => string) => keys.map(cell);
  const names = await context.prompts.rows([
    { cells: cells(({ name, id }) => name ?? id) },
    { cells: cells(({ keyType }) => keyType ?? ''), optional: 2 },
    { cells: cells(({ isActive }) => (isActive === false ? 'inactive' : '')), optional: 3 },
    { cells: cells(({ apiKey }) => (apiKey ? masked(apiKey) : '')), optional: 5 },
    {
      cells: cells(({ lastUsedAt }) => (lastUsedAt ? `used ${distanceTo(lastUsedAt, now)}` : 'never used')),
      optional: 4,
    },
    { cells: cells(({ id }) => id), optional: 6, hasIds: true },
  ]);
  return keys.map((key, at) => ({ name: names[at] ?? '', value: key, short: key.name ?? key.id }));
}

/**
 * Returns the secret of an existing key if the API shows it again: in the list of keys, else among the keys of a pool
 * (Unlimited Subscriptions API, "Get keys").
 */
export async function secretOf(api: Api, { id, apiKey, subscriptionId }: Key): Promise<string | undefined> {
  if (isWholeKey(apiKey)) return apiKey;
  const mine = await fetchSubscriptions(api);
  const pools = mine
    .filter((each) => subscriptionId == null || each.id === subscriptionId)
    .map(({ poolSlug }) => poolSlug);
  for (const pool of new Set(pools)) {
    const found = (await api.pools.keys(pool)).find((key) => key.id === id);
    if (isWholeKey(found?.apiKey)) return found?.apiKey ?? undefined;
  }
  return undefined;
}
