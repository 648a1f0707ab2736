import type { Key } from '../../api/keys.ts';
import type { KeyStore } from '../../config/stored-keys.ts';
import type { StoredKey } from '../../domain/stored-key.ts';
import type { Description, Destination, NewKey, Reservation } from '../secrets/destination.ts';
import { isMaskOf } from '../stored-keys/store.ts';

/** The store of keys on this machine, in which a new key takes the place of an old one: a name stands for one key. */
export class StoredReplacement implements Destination {
  readonly #store: KeyStore;
  readonly #old: Pick<Key, 'id' | 'name' | 'apiKey'>;
  readonly #stale: readonly string[];

  /** @param stale - the ids of earlier new keys */
  constructor(store: KeyStore, old: Pick<Key, 'id' | 'name' | 'apiKey'>, stale: readonly string[]) {
    this.#store = store;
    this.#old = old;
    this.#stale = stale;
  }

  async prove(): Promise<Reservation> {
    this.#store.requirePlace(1);
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const replaced = this.#store
      .list()
      .filter((each) => isStoredAs(each, this.#old) || this.#stale.some((id) => id === each.id));
    const { keyType, poolSlug, subscription } = replaced[0] ?? {};
    await this.#store.add(
      keys.map(({ id, name, apiKey, subscriptionId }) => ({
        id: id ?? undefined,
        name: name ?? undefined,
        subscriptionId: subscriptionId ?? undefined,
        ...(keyType !== undefined && { keyType }),
        ...(poolSlug !== undefined && { poolSlug }),
        ...(subscription !== undefined && { subscription }),
        secret: apiKey,
      })),
      replaced,
    );
  }

  describe(count: number): Description {
    return {
      count,
      words: 'stored on this machine',
      savedTo: this.#store.usesKeychain ? 'keychain' : this.#store.file,
      shownAs: 'this machine, for `ci run` and `ci env`',
      options: '--store',
      isStored: true,
    };
  }
}

/** Returns whether a stored key is a key of the account. Without an ID, its name and the end of its secret tell. */
export function isStoredAs(stored: StoredKey, { id, name, apiKey }: Pick<Key, 'id' | 'name' | 'apiKey'>): boolean {
  return stored.id === undefined ? stored.name === name && isMaskOf(stored, apiKey) : stored.id === id;
}
