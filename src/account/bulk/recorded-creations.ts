import type { Context } from '../../context/context.ts';
import { groupBy } from '../../domain/group-by.ts';
import type { KeyIntent } from '../../domain/reconcile.ts';
import type { RecordedChange } from '../../state/change-log.ts';

/** How far back to look for keys whose creation was found later, and for rotations, in milliseconds. */
const lookBack = 7 * 24 * 3_600_000;

/** A recorded creation of a key with a name. */
export interface RecordedCreation extends RecordedChange {
  readonly intent: KeyIntent & { readonly name: string };
}

/** What the record of this machine says about the keys that it created. */
export interface RecordedCreations {
  /** The changes that created a key, or may have, and whose secret wasn't delivered, by the name of the key. */
  readonly unfinished: ReadonlyMap<string, readonly RecordedCreation[]>;
  /** The names of keys that were rotated lately. Until the old key is revoked, each has two. */
  readonly rotated: ReadonlySet<string>;
}

/** Reads the record. @throws CommandError (file_error) */
export async function recordedCreations({
  clocks,
  record,
}: Pick<Context, 'clocks' | 'record'>): Promise<RecordedCreations> {
  const history = await record.history();
  const { id } = await record.account();
  const recent = (await history.since(clocks.wall() - lookBack)).filter((each) => isNamedCreation(each, id));
  const open = (await history.open()).filter((each) => isNamedCreation(each, id));
  const foundLater = recent.filter(({ settled }) => settled?.outcome === 'applied' && settled.by === 'later');
  const unfinished = groupBy([...open, ...foundLater], ({ intent: { name, replaces, temporary } }) =>
    // Other commands finish these.
    replaces !== undefined || temporary ? undefined : name.trim(),
  );
  const rotated = recent.filter(({ intent }) => intent.replaces !== undefined).map(({ intent }) => intent.name.trim());
  return { unfinished, rotated: new Set(rotated) };
}

function isNamedCreation(change: RecordedChange, account: string): change is RecordedCreation {
  const { intent } = change;
  return change.account.id === account && intent.action === 'create-key' && intent.name !== undefined;
}
