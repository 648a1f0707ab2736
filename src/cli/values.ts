import { Argument, Option } from 'commander';
import { type CommandError, usageError } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';

/** A source of values that come from the account, the machine or the command itself. */
export type Source = 'pools' | 'keys' | 'subscriptions' | 'profiles' | 'files' | 'fields';

/** A word that can be typed. */
export interface Word {
  readonly name: string;
  /** Empty if the word needs none. */
  readonly description: string;
}

/** The values that an option or argument takes. */
export interface Values {
  /** Only these words. */
  readonly words: readonly Word[];
  /** Where the names come from, instead of words. */
  readonly source: Source | null;
  /** Whether it takes several, separated by commas. */
  readonly list: boolean;
  /** Words that stand alone instead of a list. */
  readonly alone: readonly Word[];
}

/** An option that declares the values it takes, for help, completion and parsing. */
export class ValueOption extends Option {
  readonly values: Values;

  constructor(flags: string, description: string, values: Values) {
    super(flags, description);
    this.values = values;
  }
}

/** An argument that declares the values it takes, for help, completion and parsing. */
export class ValueArgument extends Argument {
  readonly values: Values;

  constructor(name: string, description: string, values: Values) {
    super(name, description);
    this.values = values;
  }
}

/** Returns values that are one of some words. */
export function oneOf(words: readonly (Word | string)[]): Values {
  const described = words.map((word) => (typeof word === 'string' ? { name: word, description: '' } : word));
  return { words: described, source: null, list: false, alone: [] };
}

/** Returns values that are the names of something. */
export function namesOf(source: Source): Values {
  return { words: [], source, list: false, alone: [] };
}

/** Returns an option that takes one of some words. Its error names the option and the words. */
export function choiceOption(flags: string, description: string, words: readonly (Word | string)[]): ValueOption {
  const values = oneOf(words);
  const option = new ValueOption(flags, description, values);
  return option.argParser((text) =>
    checked(values, text, (typed) => invalidValue(typed, `value for ${option.long}`, `Choose ${namesIn(values)}.`)),
  );
}

/**
 * Returns an argument that takes one of some words.
 *
 * @param mistake - the error for any other word
 */
export function choiceArgument(
  name: string,
  description: string,
  words: readonly (Word | string)[],
  mistake: (typed: string) => CommandError,
): ValueArgument {
  const values = oneOf(words);
  return new ValueArgument(name, description, values).argParser((text) => checked(values, text, mistake));
}

/** Returns the error for a value that can't be used. @param what - what it should be: `number of seats` */
export function invalidValue(typed: string, what: string, hint: string): CommandError {
  return usageError(`"${typed}" is not a valid ${what}`, hint);
}

/** Returns values that are words as a list for people: `asia, europe or americas`. */
function namesIn({ words }: Pick<Values, 'words'>): string {
  return inWords(
    words.map(({ name }) => name),
    'or',
  );
}

function checked({ words }: Values, text: string, mistake: (typed: string) => CommandError): string {
  if (words.some(({ name }) => name === text)) return text;
  throw mistake(text);
}
