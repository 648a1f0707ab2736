import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { durationInWords } from '../../domain/duration.ts';
import { CommandError } from '../../domain/errors.ts';
import { isIdPrefix } from '../../domain/id-prefix.ts';
import type { Rotation } from '../../state/rotation.ts';
import { checkedPool } from '../choose-pool.ts';
import { ageOf, keysOlderThan } from '../keys/age.ts';
import { keyChoices, keyFinder, keyLabel } from '../keys/find.ts';
import { PoolCatalog } from '../pool-catalog.ts';
import { poolSubscriptions } from '../subscriptions.ts';

/** Which keys to rotate. */
export interface KeyChoice {
  /** Names, IDs, or beginnings of IDs; none: those of the pool, or of that age, or as the user picks. */
  readonly typed: readonly string[];
  /** The slug of their pool. */
  readonly pool?: string | undefined;
  /** Their minimum age, in milliseconds. */
  readonly olderThan?: number | undefined;
}

/** The keys to rotate. */
export interface ChosenKeys {
  /** Active keys without a rotation. */
  readonly keys: readonly Key[];
  /** Rotations that were begun earlier, and aren't finished. */
  readonly begun: readonly Rotation[];
}

/**
 * Returns the keys to rotate, each once. A key whose rotation was begun earlier isn't rotated a second time.
 *
 * @param all - the keys of the account
 * @param begun - the rotations of the account that aren't finished
 * @throws CommandError (not_found), (unavailable), (usage), (input_required)
 */
export async function chooseKeys(
  context: Pick<Context, 'api' | 'connections' | 'output' | 'prompts'>,
  all: readonly Key[],
  begun: readonly Rotation[],
  choice: KeyChoice,
): Promise<ChosenKeys> {
  const { typed, pool, olderThan } = choice;
  const taken = new Set(begun.flatMap(({ newId, stale, old }) => [old.id, ...(newId ? [newId] : []), ...stale]));
  const free = all.filter(({ id }) => !taken.has(id));
  if (typed.length === 0 && pool === undefined && olderThan === undefined) return pick(context, free, begun);
  const named = typed.length > 0 ? byName(typed, free, begun) : await ofPool(context, pool, { keys: free, begun }, all);
  if (olderThan === undefined) return named;
  const now = await context.connections.now();
  const { older, unknown } = keysOlderThan(named.keys, olderThan, now);
  const ages = new Map(all.map((key) => [key.id, ageOf(key, now)]));
  // A rotation whose old key is gone has to be finished, whatever its age was.
  const isYounger = (id: string) => (ages.get(id) ?? Number.POSITIVE_INFINITY) <= olderThan;
  if (unknown.length > 0) {
    context.output.note(
      `The API doesn't say when ${counted(unknown.length, 'key')} were created. Rotate them by name.`,
    );
  }
  if (older.length === 0 && named.begun.length === 0)
    context.output.note(`No key is older than ${durationInWords(olderThan)}.`);
  return { keys: older, begun: named.begun.filter(({ old }) => !isYounger(old.id)) };
}

function byName(typed: readonly string[], free: readonly Key[], begun: readonly Rotation[]): ChosenKeys {
  const keys = new Set<Key>();
  const resumed = new Set<Rotation>();
  const find = keyFinder(free);
  const findRotations = rotationFinder(begun);
  for (const each of typed) {
    const found = findRotations(each);
    for (const rotation of found) resumed.add(rotation);
    if (found.length > 0) continue;
    const key = find(each);
    if (key.isActive === false) {
      throw new CommandError('unavailable', `Key ${keyLabel(key)} isn't active`, {
        hint: 'Run `ci keys list` to see your keys, and `ci pools subscriptions` to see your subscriptions.',
        outcome: 'not_applied',
      });
    }
    keys.add(key);
  }
  return { keys: [...keys], begun: [...resumed] };
}

/** Returns a function that finds rotations by the name of their keys, or by the ID of the old or the new key, or its beginning. */
export function rotationFinder(begun: readonly Rotation[]): (typed: string) => readonly Rotation[] {
  const byWord = new Map<string, Set<Rotation>>();
  const idsOf = ({ old, newId }: Rotation) => [old.id, ...(newId === undefined ? [] : [newId])];
  for (const rotation of begun) {
    const { name } = rotation.old;
    for (const word of [...idsOf(rotation), ...(name === undefined ? [] : [name])]) {
      const found = byWord.get(word);
      if (found) found.add(rotation);
      else byWord.set(word, new Set([rotation]));
    }
  }
  return (typed) => {
    const found = byWord.get(typed);
    if (found) return [...found];
    if (!isIdPrefix(typed)) return [];
    return begun.filter((rotation) => idsOf(rotation).some((id) => id.startsWith(typed)));
  };
}

/** Returns the active keys of a pool; without one, all active keys. */
async function ofPool(
  context: Pick<Context, 'api' | 'output'>,
  typed: string | undefined,
  { keys, begun }: ChosenKeys,
  all: readonly Key[],
): Promise<ChosenKeys> {
  const active = keys.filter(({ isActive }) => isActive !== false);
  if (typed === undefined) return { keys: active, begun };
  const pool = await new PoolCatalog(context).expand(checkedPool(typed));
  const subscriptions = new Set((await poolSubscriptions(context, pool)).map(({ id }) => id));
  const isOfPool = ({ subscriptionId, keyPlan }: Key) =>
    subscriptionId == null ? keyPlan === pool : subscriptions.has(subscriptionId);
  const ids = new Set(all.filter(isOfPool).map(({ id }) => id));
  const chosen = active.filter(({ id }) => ids.has(id));
  const resumed = begun.filter(
    ({ old, request }) => ids.has(old.id) || (!('credit' in request) && subscriptions.has(request.subscriptionId)),
  );
  if (chosen.length === 0 && resumed.length === 0) context.output.note(`You have no active key for pool ${pool}.`);
  return { keys: chosen, begun: resumed };
}

/** The error if no key was named and it can't prompt. */
export const missingKeys =
  "Can't ask for the keys without a terminal. Pass their IDs or names, --pool, --older-than or --resume.";

async function pick(
  context: Pick<Context, 'connections' | 'prompts'>,
  free: readonly Key[],
  begun: readonly Rotation[],
): Promise<ChosenKeys> {
  context.prompts.requirePrompt(missingKeys);
  const active = free.filter(({ isActive }) => isActive !== false);
  if (active.length === 0 && begun.length > 0) return { keys: [], begun };
  if (active.length === 0) throw new CommandError('not_found', 'You have no active keys', { outcome: 'not_applied' });
  const keys = await context.prompts.pickSeveral('Keys to rotate:', await keyChoices(context, active), missingKeys);
  return { keys, begun: [] };
}
