import { shellWord } from '../../domain/shell-word.ts';
import type { Description, Destination, NewKey, Reservation } from '../secrets/destination.ts';
import type { SecretsFile } from './secrets-file.ts';

/** A file with the secrets of many keys, as the destination of each of them. */
export class SecretsFileDestination implements Destination {
  readonly #path: string;
  readonly #open: () => Promise<SecretsFile>;

  /** @param path - absolute @param open - returns the file, which is opened once */
  constructor(path: string, open: () => Promise<SecretsFile>) {
    this.#path = path;
    this.#open = open;
  }

  async prove(): Promise<Reservation> {
    await this.#open();
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const file = await this.#open();
    for (const { id, name, apiKey, subscriptionId } of keys) {
      // An earlier process may have written it.
      if (id != null && file.has(id)) continue;
      await file.add({ id: id ?? undefined, name: name ?? '', apiKey, subscriptionId: subscriptionId ?? undefined });
    }
  }

  describe(count: number): Description {
    const path = this.#path;
    return { count, words: `in ${path}`, savedTo: path, shownAs: path, options: `--save-to ${shellWord(path)}` };
  }
}
