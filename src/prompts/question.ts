import { CommandError } from '../domain/errors.ts';

/** The streams of a terminal that questions go to and answers come from. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

/** An entry of a list to choose from. */
export interface Choice<Value> {
  /** The text of the entry: one line. */
  readonly name: string;
  readonly value: Value;
  /** The text that is shown once it is chosen; default: its name. */
  readonly short?: string | undefined;
  /** Why it can't be chosen, as it follows "isn't available:". Its name must say so as well. */
  readonly disabled?: string | undefined;
  /** Whether it is dimmed, although it can be chosen. */
  readonly dimmed?: boolean | undefined;
  /** Whether it is selected at first. If only one entry can be chosen, the first such entry is. */
  readonly selected?: boolean | undefined;
}

/** Returns what is wrong with an answer, in sentences; undefined if it is valid. */
export type Check = (typed: string) => string | undefined | Promise<string | undefined>;

/** The answer to a question that takes a line of text or an entry of a list. */
export type TextOrChoice<Value> = { readonly typed: string } | { readonly chosen: Value };

/** How to ask for a line of text. */
export interface TextOptions {
  readonly check: Check;
  /** The answer if the user only presses Enter. */
  readonly suggestion?: string | undefined;
  /** An earlier answer, to edit. */
  readonly earlier?: string | undefined;
}

/** How to ask for a line of text or an entry of a list. */
export interface TextOrChoiceOptions extends Pick<TextOptions, 'check'> {
  /** Whether what is typed isn't shown. */
  readonly isSecret?: boolean;
  /** What can be typed, as it follows "type". */
  readonly tip?: string;
}

/** The ways to ask. Each is rejected with `interrupted` if the user quits or the command is ended. */
export interface Questions {
  /** Asks a question that is answered with yes or no; the default is no. */
  confirm(message: string): Promise<boolean>;
  /** Asks for a line of text. */
  text(message: string, options: TextOptions): Promise<string>;
  /** Asks for a line of text that isn't shown. Keeps the spaces around it. */
  secret(message: string, check: Check): Promise<string>;
  /** Asks for one of a few entries. */
  pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** Asks for one of many entries. Typing words keeps the entries that contain all of them. */
  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** Asks for at least one entry. */
  pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]>;
  /** Asks for a line of text, or for one of the entries below it. */
  textOrPick<Value>(
    message: string,
    choices: readonly Choice<Value>[],
    options: TextOrChoiceOptions,
  ): Promise<TextOrChoice<Value>>;
}

/** Returns the choices that contain all words of a text, in upper or lower case. */
export function matching<Value>(choices: readonly Choice<Value>[], text: string): Choice<Value>[] {
  const words = text.toLowerCase().split(/\s+/);
  return choices.filter(({ name, short = '' }) => {
    const entry = `${name} ${short}`.toLowerCase();
    return words.every((word) => entry.includes(word));
  });
}

/** Reports that the user went back to the previous question. */
export class WentBack extends Error {
  override readonly name = 'WentBack';
}

/** Returns the error for a user who quits at a question. */
export function interrupted(): CommandError {
  return new CommandError('interrupted', 'Interrupted', { outcome: 'not_applied' });
}
