import type { Key } from '../../api/keys.ts';
import { CommandError } from '../../domain/errors.ts';
import { couldBe } from '../../domain/reconcile.ts';
import type { RecordedChange } from '../../state/history.ts';
import { createKey, type KeyContext, keyIntent } from '../keys/create.ts';
import { revokeKey } from '../keys/revoke.ts';
import type { Rotation } from './rotation.ts';

/** A key that was created. */
interface ReplacementKey {
  readonly id: string;
  readonly apiKey: string;
}

/** Creates and revokes the keys of rotations. */
export interface KeyChanges {
  /**
   * Creates the new key of a rotation, exactly once. If its secret is lost with the response, that key is revoked and another created.
   *
   * @throws CommandError with its outcome
   */
  create(rotation: Rotation): Promise<ReplacementKey>;
  /** Revokes a key. Succeeds if it no longer exists. */
  revoke(key: Pick<Key, 'id' | 'name' | 'apiKey'>): Promise<void>;
  /** Returns the keys that were created for a rotation from this machine. */
  createdFor(rotation: Rotation): Promise<CreatedFor>;
}

/** The keys that were created for a rotation. */
interface CreatedFor {
  /** The ids of all that are known. */
  readonly ids: readonly string[];
  /** Whether there may be another one: the outcome of a request isn't known. */
  readonly isOpen: boolean;
}

/** Returns what creates and revokes keys one by one. */
export function keyChanges(context: KeyContext): KeyChanges {
  return {
    async create({ request, old, newId, stale }) {
      const { id, apiKey } = await createKey(context, request, () => {}, { replaces: old.id });
      if (id != null) return { id, apiKey };
      const { keys } = await context.connections.looking();
      const known = [old.id, newId, ...stale];
      const intent = keyIntent(request);
      const found = (await keys.list()).filter((key) => !known.includes(key.id) && couldBe(intent, key));
      const [only, second] = found.filter((key) => key.apiKey === apiKey).concat(found);
      if (only && (only.apiKey === apiKey || !second)) return { id: only.id, apiKey };
      throw new CommandError('unexpected_response', `A key "${request.name}" was created, but the API sent no ID`, {
        hint: 'Run `ci keys list` to find it, and `ci keys delete ID` to revoke it.',
        outcome: 'applied',
      });
    },
    revoke: ({ id, name, apiKey }) => revokeKey(context, id, name ?? undefined, apiKey),
    async createdFor({ old, startedAt }) {
      const history = await context.record.history();
      const isMeant = ({ intent }: RecordedChange) => intent.action === 'create-key' && intent.replaces === old.id;
      const isOpen = history.open().some((change) => isMeant(change) && !isKnown(change));
      const created = history.since(startedAt).filter((change) => isMeant(change) && isKnown(change));
      return { ids: created.flatMap(({ settled }) => settled?.ids ?? []), isOpen };
    },
  };
}

function isKnown({ settled }: RecordedChange): boolean {
  return settled?.outcome === 'applied' || settled?.outcome === 'not_applied';
}
