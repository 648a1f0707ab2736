import type { Key } from '../../api/keys.ts';
import { CommandError } from '../../domain/errors.ts';
import { groupBy } from '../../domain/group-by.ts';
import type { RecordedChange } from '../../state/change-log.ts';
import type { Rotation } from '../../state/rotation.ts';
import { type ChangeLimits, KeyChanges } from '../bulk/key-changes.ts';
import { KeyList } from '../bulk/key-lists.ts';
import { type KeyContext, keyIntent } from '../keys/create.ts';
import { forgetKey, storedKeys } from '../stored-keys/store.ts';

/** A key that was created. */
interface ReplacementKey {
  readonly id: string;
  readonly apiKey: string;
}

/** The keys that were created for a rotation. */
interface CreatedFor {
  /** The ids of all that are known. */
  readonly ids: readonly string[];
  /** Whether there may be another one: the outcome of a request isn't known. */
  readonly isOpen: boolean;
}

/** What is known when the rotations begin. */
interface KnownKeys {
  /** The keys of the account. */
  readonly all: readonly Key[];
  /** When the first unfinished rotation began, epoch milliseconds. */
  readonly since: number;
}

/** Creates and revokes the keys of rotations. */
export class RotationKeys {
  readonly #context: KeyContext;
  readonly #changes: KeyChanges;
  readonly #listed: KeyList;
  /** The ids of the keys that were created for a rotation, by the id of the old key. */
  readonly #created = new Map<string, string[]>();
  /** The creations without an outcome, by the id of the old key. */
  readonly #open = new Map<string, readonly RecordedChange[]>();

  private constructor(context: KeyContext, changes: KeyChanges, listed: KeyList) {
    this.#context = context;
    this.#changes = changes;
    this.#listed = listed;
  }

  /** Reads the record. @throws CommandError (file_error) */
  static async open(context: KeyContext, limits: ChangeLimits, { all, since }: KnownKeys): Promise<RotationKeys> {
    const changes = await KeyChanges.open(context, limits);
    const keys = new RotationKeys(context, changes, new KeyList(all));
    const history = await context.record.history();
    for (const { intent, settled } of await history.since(since)) {
      if (intent.action !== 'create-key' || intent.replaces === undefined) continue;
      if (settled?.outcome === 'applied') keys.#add(intent.replaces, settled.ids);
    }
    const replacing = groupBy(await history.open(), ({ intent }) =>
      intent.action === 'create-key' ? intent.replaces : undefined,
    );
    for (const [old, changes] of replacing) keys.#open.set(old, changes);
    return keys;
  }

  /**
   * Creates the new key of a rotation, exactly once. If its secret is lost with the response, that key is revoked and another created.
   *
   * @throws CommandError with its outcome
   */
  async create({ request, old, newId, stale }: Rotation): Promise<ReplacementKey> {
    const earlier = this.#open.get(old.id) ?? [];
    try {
      const intent = keyIntent(request, { replaces: old.id });
      const recovered = await this.#changes.recover(intent, { changes: earlier, hasSecret: () => false });
      this.#open.delete(old.id);
      const revoked = recovered.key ? [] : recovered.revoked;
      const known = [...this.#listed.named(request.name).map(({ id }) => id), old.id, ...stale, ...revoked];
      const before = new Set(newId === undefined ? known : [...known, newId]);
      const isFound = recovered.key !== undefined && recovered.key.how !== 'delivered';
      const key = isFound
        ? recovered.key
        : await this.#changes.create(request, [...before], 'created', undefined, old.id);
      // The rotation itself is stored, too, and says whether the secret was delivered.
      await key.delivered();
      if (key.id === undefined) throw withoutId(request.name);
      this.#add(old.id, [key.id]);
      return { id: key.id, apiKey: key.apiKey };
    } catch (error) {
      if (error instanceof CommandError && error.outcome === 'unknown') this.#open.set(old.id, earlier);
      throw error;
    }
  }

  /** Why no more requests are sent; see {@link KeyChanges.end}. */
  get end(): CommandError | undefined {
    return this.#changes.end;
  }

  /** Revokes a key. Succeeds if it no longer exists. @throws CommandError */
  async revoke({ id, name, apiKey }: Pick<Key, 'id' | 'name' | 'apiKey'>): Promise<void> {
    await this.#changes.revoke({ id, name });
    const stored = await storedKeys(this.#context);
    const isStored = stored.some((key) => key.id === id || (key.id === undefined && key.name === name));
    if (isStored) await forgetKey(this.#context, { id, name: name ?? undefined, apiKey });
  }

  /** Returns whether an earlier command began to revoke a key, which may still take effect. */
  mayBeRevoked(id: string): boolean {
    return this.#changes.mayBeRevoked(id);
  }

  /** Returns the keys that were created for a rotation from this machine. */
  createdFor({ old }: Rotation): CreatedFor {
    return { ids: this.#created.get(old.id) ?? [], isOpen: this.#open.has(old.id) };
  }

  #add(old: string, ids: readonly string[]): void {
    this.#created.set(old, [...(this.#created.get(old) ?? []), ...ids]);
  }
}

function withoutId(name: string): CommandError {
  return new CommandError('unexpected_response', `A key "${name}" was created, but the API sent no ID`, {
    hint: 'Run `ci keys list` to find it, and `ci keys delete ID` to revoke it.',
    outcome: 'applied',
  });
}
