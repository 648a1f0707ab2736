import { resolved } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { Dotenv } from '../../output/dotenv.ts';
import { inWords } from '../../output/text.ts';
import type { Description, Destination, ExpectedKeys, NewKey, Reservation } from './destination.ts';
import { agreeToReplace } from './replacement.ts';

/** The parts of the context that writing a dotenv file uses. */
export type DotenvContext = Pick<Context, 'clocks' | 'output' | 'prompts' | 'world'>;

/** The variable of a secret, unless the user names another. */
export const defaultVariable = 'CHEAPESTINFERENCE_API_KEY';

/** How to write to a dotenv file. */
export interface DotenvOptions {
  /** The variable of the first key; those of the others end in `_2`, `_3`… */
  readonly variable?: string | undefined;
  /** Whether to replace other values without asking. */
  readonly force?: boolean | undefined;
}

/** A dotenv file. Gets a variable for each key, all at once. */
export class DotenvFile implements Destination {
  readonly #context: DotenvContext;
  readonly #named: string;
  readonly #variable: string;
  readonly #force: boolean;
  #dotenv: Dotenv | undefined;
  /** The values that may be replaced, by variable; undefined until the user was asked. */
  #replaceable: ReadonlyMap<string, string> | undefined;

  /** @param file - as the user named it */
  constructor(context: DotenvContext, file: string, { variable = defaultVariable, force = false }: DotenvOptions = {}) {
    this.#context = context;
    this.#named = file;
    this.#variable = variable;
    this.#force = force;
  }

  async prove(keys: ExpectedKeys): Promise<Reservation> {
    const dotenv = await this.#open();
    try {
      // Asked only once: when a watch proves it again, the user may be away. Writing detects later changes.
      if (!this.#force) this.#replaceable ??= await this.#agree(dotenv, keys);
    } catch (error) {
      await dotenv.discard();
      throw error;
    }
    this.#dotenv = dotenv;
    return { release: () => dotenv.discard() };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    this.#dotenv ??= await this.#open();
    const values = Object.fromEntries(keys.map(({ apiKey }, at) => [this.#variableOf(at), apiKey]));
    await this.#dotenv.set(values, this.#replaceable);
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
      dotenvFile: file,
      options: `--save ${shellWord(this.#named)}${option}`,
    };
  }

  /** Asks whether other values may be replaced. @returns those that may be */
  async #agree(dotenv: Dotenv, { count, existing = [], replaced }: ExpectedKeys): Promise<ReadonlyMap<string, string>> {
    const others = new Map<string, string>();
    const agreed = new Map<string, string>();
    for (let at = 0; at < count; at++) {
      const value = dotenv.get(this.#variableOf(at));
      if (value === undefined || value === existing[at]?.apiKey) continue;
      (value === replaced ? agreed : others).set(this.#variableOf(at), value);
    }
    await agreeToReplace(this.#context, this.#named, others);
    return new Map([...agreed, ...others]);
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
