import type { KeyStore } from '../../config/stored-keys.ts';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError } from '../../domain/errors.ts';
import { keyStoreOf, readStoredKeys, type StoreContext } from '../stored-keys/store.ts';
import type { Description, Destination, ExpectedKeys, NewKey, Reservation } from './destination.ts';

/** The parts of the context that storing keys uses. */
export type KeyStoreContext = StoreContext & Pick<Context, 'connections' | 'output'>;

/** The store of keys on this machine, from which `ci run`, `ci env` and `ci keys secret` take them. */
export class LocalKeyStore implements Destination {
  readonly #context: KeyStoreContext;
  readonly #isDefault: boolean;
  #store: KeyStore | undefined;

  /** @param isDefault - whether the user didn't name a destination; a program then gets the secrets with the result, too */
  constructor(context: KeyStoreContext, { isDefault = false }: { readonly isDefault?: boolean } = {}) {
    this.#context = context;
    this.#isDefault = isDefault;
  }

  async prove({ count }: ExpectedKeys): Promise<Reservation> {
    try {
      const store = await keyStoreOf(this.#context);
      store.requirePlace(count);
      this.#store = store;
    } catch (error) {
      // The result shows the secrets, and the user didn't ask for the store.
      if (!(error instanceof CommandError) || !this.#isPrinted) throw error;
      this.#context.output.note(`The keys aren't stored on this machine: ${asClause(error.message)}.`);
    }
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    if (!this.#store) return;
    await this.#store.add(
      keys.map(({ id, name, apiKey, subscriptionId }) => ({
        id: id ?? undefined,
        name: name ?? undefined,
        subscriptionId: subscriptionId ?? undefined,
        secret: apiKey,
      })),
    );
    await readStoredKeys(this.#context);
  }

  describe(count: number): Description {
    return {
      count,
      words: 'stored on this machine',
      shownAs: 'this machine, for `ci run` and `ci env`',
      options: '--store',
      isStored: true,
      isPrinted: this.#isPrinted,
      ...(this.#store && { savedTo: this.#store.usesKeychain ? 'keychain' : this.#store.file }),
    };
  }

  /** Whether the result shows the secrets, too. */
  get #isPrinted(): boolean {
    return this.#isDefault && !this.#context.output.isForPeople;
  }
}
