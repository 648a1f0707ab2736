import { Argument, Option } from 'commander';
import { type CommandError, usageError } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';

/** Where values come from that only the account, the machine or the command itself knows. */
export type Source = 'pools' | 'keys' | 'subscriptions' | 'profiles' | 'files' | 'fields';

/** A word that can be typed. */
export interface Word {
  readonly name: string;
  /** Empty where the word says it all. */
  readonly description: string;
}

/** What can be typed for an option's value or an argument. */
export interface Values {
  /** These words and no others. */
  readonly words: readonly Word[];
  /** In place of words: what they are the names of. */
  readonly source: Source | null;
  /** Whether several are taken, with commas between. */
  readonly list: boolean;
  /** Of the words of a list those that go with no other. */
  readonly alone: readonly Word[];
}

/** An option that declares what can be typed for its value; help, completion and the parser read it from here. */
export class ValueOption extends Option {
  readonly values: Values;

  constructor(flags: string, description: string, values: Values) {
    super(flags, description);
    this.values = values;
  }
}

/** An argument that declares what can be typed for it; help, completion and the parser read it from here. */
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
  const names = values.words.map(({ name }) => name);
  const choose = names.length > 2 ? `Choose one of ${names.join(', ')}.` : `Choose ${inWords(names, 'or')}.`;
  const option = new ValueOption(flags, description, values);
  return option.argParser((text) =>
    checked(values, text, (typed) => usageError(`${option.long} is "${typed}"`, choose)),
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

function checked({ words }: Values, text: string, mistake: (typed: string) => CommandError): string {
  if (words.some(({ name }) => name === text)) return text;
  throw mistake(text);
}
