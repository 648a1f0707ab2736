import { resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { Dotenv } from '../../output/dotenv.ts';
import { inWords } from '../../output/text.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';

/** What writing a dotenv file depends on. */
export type DotenvContext = Pick<Context, 'clocks' | 'world'>;

/** The variable that a secret is written to, unless the user names another. */
export const defaultVariable = 'CHEAPESTINFERENCE_API_KEY';

/** A dotenv file: a variable per key, all of them written at once. */
export class DotenvFile implements Destination {
  readonly #context: DotenvContext;
  readonly #named: string;
  readonly #variable: string;
  #dotenv: Dotenv | undefined;

  /**
   * @param file - as the user named it
   * @param variable - the variable of the first key; those of the others end in `_2`, `_3`…
   */
  constructor(context: DotenvContext, file: string, variable = defaultVariable) {
    this.#context = context;
    this.#named = file;
    this.#variable = variable;
  }

  async prove(): Promise<Reservation> {
    const dotenv = await this.#open();
    this.#dotenv = dotenv;
    return { release: () => dotenv.discard() };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    this.#dotenv ??= await this.#open();
    await this.#dotenv.set(Object.fromEntries(keys.map(({ apiKey }, at) => [this.#variableOf(at), apiKey])));
  }

  async warning(): Promise<string | undefined> {
    return this.#dotenv?.gitWarning();
  }

  describe(count: number): Description {
    const file = this.#file;
    const variables = Array.from({ length: count }, (_, at) => this.#variableOf(at));
    const option = this.#variable === defaultVariable ? '' : ` --var ${this.#variable}`;
    return {
      count,
      words: `in ${file}, as ${inWords(variables)}`,
      savedTo: file,
      shownAs: this.#named,
      variables,
      options: `--save ${shellWord(this.#named)}${option}`,
    };
  }

  get #file(): string {
    return resolved(this.#named, this.#context.world);
  }

  async #open(): Promise<Dotenv> {
    const { clocks, world } = this.#context;
    const { openDotenv } = await import('../../output/dotenv.ts');
    return openDotenv(this.#file, { env: world.env, monotonic: clocks.monotonic, pause: clocks.sleep });
  }

  #variableOf(at: number): string {
    return at === 0 ? this.#variable : `${this.#variable}_${at + 1}`;
  }
}
