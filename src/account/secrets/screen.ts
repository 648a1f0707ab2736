import type { Context } from '../../context/context.ts';
import { framedKey } from '../../output/frame.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';

/** Shows each secret in a frame on the terminal. */
export class Screen implements Destination {
  readonly #output: Context['output'];

  constructor({ output }: Pick<Context, 'output'>) {
    this.#output = output;
  }

  /** The delivery itself checks stdout, as every command prints its result there. */
  async prove(): Promise<Reservation> {
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const { style, width } = this.#output;
    this.#output.raw(`\n${keys.map((key) => framedKey(key, style, width)).join('\n')}`);
    await this.#output.written();
  }

  describe(count: number): Description {
    return { count, words: 'on the screen' };
  }
}
