import { recordedCreations } from '../account/bulk/recorded-creations.ts';
import { hasAction } from '../account/changes/actions.ts';
import { awaitEarlier } from '../account/changes/earlier.ts';
import type { KeyContext } from '../account/keys/create.ts';
import { unfinishedRotations } from '../account/rotation/run-rotations.ts';
import type { Context } from '../context/context.ts';
import type { CurrentKey } from '../domain/account-plan.ts';
import type { DesiredAccount, DesiredKey } from '../domain/desired-account.ts';
import { groupBy } from '../domain/group-by.ts';
import { couldBe, type SeenKey } from '../domain/reconcile.ts';
import type { RecordedChange } from '../state/change-log.ts';
import type { Rotation } from '../state/rotation.ts';

/**
 * Waits for purchases and cancellations of earlier commands that have no known outcome, as far as they are of pools
 * that the file names. Call it before you read the account for a plan.
 *
 * @throws as {@link awaitEarlier}
 */
export async function settleSeats(context: KeyContext, { seats }: Pick<DesiredAccount, 'seats'>): Promise<void> {
  const pools = new Set(seats.map(({ pool }) => pool));
  const history = await context.record.history();
  const { id } = await context.record.account();
  for (const { account, intent } of await history.open()) {
    if (account.id !== id) continue;
    // The account says what is missing, so what can't be told apart doesn't matter.
    if (hasAction(intent, 'subscribe') && pools.has(intent.pool))
      await awaitEarlier(context, { action: 'subscribe', intent, ignoresUnclear: true });
    if (hasAction(intent, 'cancel') && pools.has(intent.pool))
      await awaitEarlier(context, { action: 'cancel', intent, ignoresUnclear: true });
  }
}

/**
 * Returns the keys of an account without those that earlier commands created, but whose secrets nobody has yet: a key
 * whose secret wasn't delivered, and the new key of a rotation that isn't finished. A plan then begins where the earlier command ended.
 *
 * @throws CommandError (file_error)
 */
export async function withoutUnfinished<Key extends CurrentKey>(
  context: Pick<Context, 'clocks' | 'record'>,
  { keys: desired }: Pick<DesiredAccount, 'keys'>,
  keys: readonly Key[],
): Promise<Key[]> {
  const { unfinished } = await recordedCreations(context);
  const { begun: rotations } = await unfinishedRotations(context);
  if (unfinished.size === 0 && rotations.length === 0) return [...keys];
  const active = new Set(keys.flatMap(({ id, isActive }) => (isActive === false ? [] : [id])));
  const replacing = await replacements(context);
  const wanted = new Map(desired.map((key) => [key.name.trim(), key]));
  const isNewOf = ({ old, newId, stale, request }: Rotation, key: Key) => {
    // Without the old key, the new one is all there is.
    if (!active.has(old.id) || key.id === old.id) return false;
    if (key.id === newId || stale.includes(key.id)) return true;
    if (key.name?.trim() !== request.name.trim()) return false;
    return (replacing.get(old.id) ?? []).some((change) => mayHaveCreated(change, key));
  };
  return keys.filter((key) => {
    if (rotations.some((rotation) => isNewOf(rotation, key))) return false;
    const name = key.name?.trim() ?? '';
    const asked = wanted.get(name);
    if (!asked || key.isActive === false) return true;
    const changes = unfinished.get(name) ?? [];
    return !changes.some((change) => isOfType(asked, key) && mayHaveCreated(change, key));
  });
}

/** Returns the creations of keys for rotations, by the ID of the old key. */
async function replacements({ record }: Pick<Context, 'record'>): Promise<ReadonlyMap<string, RecordedChange[]>> {
  const history = await record.history();
  return groupBy(await history.open(), ({ intent }) => (intent.action === 'create-key' ? intent.replaces : undefined));
}

/** Returns whether a change may have created a key. */
function mayHaveCreated({ intent, before, settled }: RecordedChange, key: SeenKey): boolean {
  if (intent.action !== 'create-key' || !couldBe(intent, key)) return false;
  if (settled?.outcome === 'applied') return settled.ids.includes(key.id);
  return before.ids?.includes(key.id) !== true;
}

/** Returns whether a key can be the one that the file asks for. What the API doesn't state can't rule it out. */
function isOfType({ type }: DesiredKey, { keyType }: SeenKey): boolean {
  return keyType == null || keyType === type;
}
