/** The options of a simple command line, and its arguments. */
export interface SimpleLine<Name extends string> {
  readonly options: Readonly<Partial<Record<Name, string>>>;
  /** The words after `--`, or the words that aren't options. */
  readonly words: readonly string[];
}

/**
 * Parses a command line of options with a value and arguments, such as `--key prod -- node app.js`. Returns undefined for anything
 * else, which the whole program then parses.
 *
 * @param names - the options, without dashes
 * @param needsSeparator - whether `--` must precede the arguments
 */
export function parseSimple<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
  { needsSeparator = false }: { readonly needsSeparator?: boolean } = {},
): SimpleLine<Name> | undefined {
  const options: Partial<Record<Name, string>> = {};
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (word === '--') return { options, words: [...words, ...args.slice(at + 1)] };
    const name = names.find((each) => word === `--${each}`);
    const value = args[at + 1];
    if (name !== undefined) {
      if (value === undefined || value === '' || value.startsWith('-')) return undefined;
      options[name] = value;
      at++;
    } else if (needsSeparator || word === '' || word.startsWith('-')) return undefined;
    else words.push(word);
  }
  return needsSeparator ? undefined : { options, words };
}
