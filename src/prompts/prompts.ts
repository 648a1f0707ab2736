import { CommandError, usageError } from '../domain/errors.ts';
import type { Display } from '../output/display.ts';
import type { DrawnColumn } from '../output/table.ts';
import { harmless } from '../output/text.ts';
import type { Check, Choice, Questions, Terminal } from './question.ts';

/** How questions are put. */
export interface Manner {
  /** False for `--no-input` and where `CI` is set: there is nobody to ask. */
  readonly allowed: boolean;
  /** Whether consent was given on the command line. */
  readonly yes: boolean;
  /** stderr, as people see it. */
  readonly display: Display;
  /** Whether the terminal takes lines alone. */
  readonly dumb: boolean;
  /** Takes a question back. */
  readonly interrupt: AbortSignal;
  /** Called before a question is shown; what it returns, after its answer. */
  readonly hold?: () => () => void;
  /** Whether a question can be gone back from: it then throws `WentBack`. */
  readonly back?: boolean;
}

/** Every question that a person can be asked. Questions go to stderr; stdout carries results alone. */
export class Prompts {
  readonly #terminal: Terminal;
  readonly #manner: Manner;
  /** Whether there is somebody to ask. */
  readonly canAsk: boolean;

  constructor(terminal: Terminal, manner: Manner) {
    this.#terminal = terminal;
    this.#manner = manner;
    this.canAsk = manner.allowed && terminal.stdin.isTTY === true && terminal.stderr.isTTY === true;
  }

  /** The same questions, which can be gone back from: each then throws `WentBack`. */
  withBack(): Prompts {
    return new Prompts(this.#terminal, { ...this.#manner, back: true });
  }

  /** What is typed to go back. */
  get backKey(): string {
    return this.#manner.dumb ? '<' : 'Esc';
  }

  /** Whether to ask the user for consent: somebody can answer, and `--yes` wasn't given. */
  get asksConsent(): boolean {
    return this.canAsk && !this.#manner.yes;
  }

  /**
   * Refuses to go on where consent will be needed and can neither be asked for nor was given. Nothing is sent before it.
   *
   * @throws CommandError (confirmation_required)
   */
  requireConsent(what: string): void {
    if (this.#manner.yes || this.canAsk) return;
    throw new CommandError('confirmation_required', `${what} needs consent, and there is nobody to ask`, {
      hint: 'Nothing was changed. Run it again with --yes to consent.',
      outcome: 'not_applied',
    });
  }

  /**
   * Asks for consent; the default is No. What is asked about has been said before.
   *
   * @throws CommandError (declined), (interrupted) or (confirmation_required)
   */
  async consent(question: string): Promise<void> {
    if (this.#manner.yes) return;
    this.requireConsent(question);
    if (!(await this.#confirm(question))) throw declined();
  }

  /** Offers something that nobody asked for on the command line, `--yes` included; the default is No, and so is nobody. */
  async offer(question: string): Promise<boolean> {
    if (!this.canAsk || this.#manner.yes || this.#manner.interrupt.aborted) return false;
    return this.#confirm(question);
  }

  /**
   * Asks for consent to something that `--yes` alone does not cover; the default is No.
   *
   * @throws CommandError (declined) or (interrupted)
   */
  async consentAgain(question: string): Promise<void> {
    if (!(await this.#confirm(question))) throw declined();
  }

  /** Asks for a secret; what is typed is not shown. @throws CommandError (input_required) where nobody can be asked */
  async secret(message: string, missing: string, check: Check = filled): Promise<string> {
    this.requireSomebody(missing);
    return this.#ask((questions) => questions.secret(message, check));
  }

  /**
   * Asks for a line of text.
   *
   * @param suggestion - what Enter alone answers
   * @throws CommandError (input_required) where nobody can be asked
   */
  async text(message: string, missing: string, check: Check = filled, suggestion?: string): Promise<string> {
    this.requireSomebody(missing);
    const seen = suggestion === undefined ? undefined : this.#seen(suggestion);
    // What cannot be shown as it is cannot be agreed to.
    return this.#ask((questions) => questions.text(message, check, seen === suggestion ? suggestion : undefined));
  }

  /** Lets one be picked from a few. @throws CommandError (input_required) where nobody can be asked */
  async pick<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value> {
    this.requireSomebody(missing);
    return this.#ask((questions) => questions.pick(message, choices.map(this.#shown)));
  }

  /** Lets one be searched for. @throws CommandError (input_required) where nobody can be asked */
  async search<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value> {
    this.requireSomebody(missing);
    return this.#ask((questions) => questions.search(message, choices.map(this.#shown)));
  }

  /** Lets several be picked from a list, at least one. @throws CommandError (input_required) where nobody can be asked */
  async pickSeveral<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value[]> {
    this.requireSomebody(missing);
    return this.#ask((questions) => questions.pickSeveral(message, choices.map(this.#shown)));
  }

  /** The names of choices, their facts in columns; without those that do not fit. */
  async rows(columns: readonly Omit<DrawnColumn, 'header'>[]): Promise<string[]> {
    const { fittedRows } = await import('../output/table.ts');
    const { display, dumb } = this.#manner;
    const drawn = columns.map((column) => ({ ...column, header: '', cells: column.cells.map(this.#seen) }));
    // What stands before them: the mark of the one that is pointed at and the box of one that can be ticked, or a number.
    const before = display.unicode && !dumb ? 3 : 5;
    return fittedRows(drawn, display.width - before - 1);
  }

  /** Refuses what has to be asked where nobody can be. @throws CommandError (input_required) */
  requireSomebody(missing: string): void {
    if (this.canAsk) return;
    const error = usageError(missing);
    throw error.with({ code: 'input_required' });
  }

  async #confirm(message: string): Promise<boolean> {
    return this.#ask((questions) => questions.confirm(message));
  }

  async #ask<Answer>(question: (questions: Questions) => Promise<Answer>): Promise<Answer> {
    const questions = await this.#questions();
    const release = this.#manner.hold?.();
    try {
      return await question(questions);
    } finally {
      release?.();
    }
  }

  /** What puts the questions, loaded when there is one. */
  async #questions(): Promise<Questions> {
    const { display, dumb, interrupt, back = false } = this.#manner;
    if (dumb) {
      const { LineQuestions } = await import('./line-by-line.ts');
      return new LineQuestions(this.#terminal, display, interrupt, back);
    }
    const { KeyQuestions } = await import('./key-by-key.ts');
    return new KeyQuestions(this.#terminal, { display, style: await display.style() }, interrupt, back);
  }

  /** A choice as a terminal may see it: its words may be the API's. */
  readonly #shown = <Value>({ name, short, ...choice }: Choice<Value>): Choice<Value> => ({
    ...choice,
    name: this.#seen(name),
    ...(short === undefined ? {} : { short: this.#seen(short) }),
  });

  readonly #seen = (text: string): string => this.#manner.display.legible(harmless(text));
}

function declined(): CommandError {
  return new CommandError('declined', 'declined: nothing was changed', { outcome: 'not_applied' });
}

function filled(typed: string): string | undefined {
  return typed.trim() === '' ? 'Type something.' : undefined;
}
