import { CommandError, messageOf } from '../../domain/errors.ts';
import type { Clipboard } from '../../output/clipboard.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';

/** Copies the secrets to the system's clipboard, one per line. */
export class SystemClipboard implements Destination {
  readonly #clipboard: Clipboard;

  constructor(clipboard: Clipboard) {
    this.#clipboard = clipboard;
  }

  /** Copies a placeholder. Only copying shows that the clipboard works: the display may be gone, for example. */
  async prove(): Promise<Reservation> {
    await this.#copy('(CheapestInference API key)');
    return { release: async () => {} };
  }

  write(keys: readonly NewKey[]): Promise<void> {
    return this.#copy(keys.map(({ apiKey }) => apiKey).join('\n'));
  }

  describe(count: number): Description {
    return { count, words: 'in the clipboard', savedTo: 'the clipboard', shownAs: 'the clipboard' };
  }

  async #copy(text: string): Promise<void> {
    try {
      await this.#clipboard.copy(text);
    } catch (error) {
      throw new CommandError('file_error', `Can't write to the clipboard: ${messageOf(error)}`, { cause: error });
    }
  }
}
