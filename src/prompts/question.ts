import { CommandError } from '../domain/errors.ts';

/** The streams that a person is asked through. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

/** A thing to choose: what is shown, and what it stands for. */
export interface Choice<Value> {
  /** One line. */
  readonly name: string;
  readonly value: Value;
  /** What is shown of it once it is chosen; without it, its name. */
  readonly short?: string | undefined;
  /** Why it cannot be chosen, for who tries to; its name tells it too. */
  readonly disabled?: string | undefined;
  /** Whether it is chosen to begin with, where several can be. */
  readonly ticked?: boolean | undefined;
}

/** What is wrong with what was typed; undefined when nothing is. */
export type Check = (typed: string) => string | undefined | Promise<string | undefined>;

/** The ways to put a question to a person. Each is rejected with `interrupted` when the person leaves or the command is ended. */
export interface Questions {
  /** Yes or no; the default is No. */
  confirm(message: string): Promise<boolean>;
  /** What is typed is not shown. */
  secret(message: string, check: Check): Promise<string>;
  /** @param suggestion - what Enter alone answers */
  text(message: string, check: Check, suggestion?: string): Promise<string>;
  /** One of a few. */
  pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** One of many: what is typed leaves those that hold all of its words. */
  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** At least one. */
  pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]>;
}

/** The choices that hold all words of a text, whatever their case. */
export function matching<Value>(choices: readonly Choice<Value>[], text: string): Choice<Value>[] {
  const words = text.toLowerCase().split(/\s+/);
  return choices.filter(({ name, short = '' }) => {
    const held = `${name} ${short}`.toLowerCase();
    return words.every((word) => held.includes(word));
  });
}

/** The person goes back to the question before. */
export class WentBack extends Error {
  override readonly name = 'WentBack';
}

/** What a person who leaves a question gets. */
export function interrupted(): CommandError {
  return new CommandError('interrupted', 'interrupted', { outcome: 'not_applied' });
}
