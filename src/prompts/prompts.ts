import { CommandError, usageError } from '../domain/errors.ts';
import { redacted } from '../domain/secrets.ts';
import type { Display } from '../output/display.ts';
import type { DrawnColumn } from '../output/table.ts';
import { harmless } from '../output/text.ts';
import type { Check, Choice, Questions, Terminal, TextOrChoice, TextOrChoiceOptions } from './question.ts';

/** How to ask questions. */
export interface PromptOptions {
  /** Whether to ask at all. False with `--no-input`, and if `CI` is set. */
  readonly allowed: boolean;
  /** Whether `--yes` was given. */
  readonly yes: boolean;
  /** stderr, as people see it. */
  readonly display: Display;
  /** Whether the terminal can't move its cursor. */
  readonly dumb: boolean;
  /** Ends a question. */
  readonly interrupt: AbortSignal;
  /** Called before a question is shown. Returns a function that is called after its answer. */
  readonly hold?: () => () => void;
  /** Whether the user can go back from a question, which then throws `WentBack`. */
  readonly hasBack?: boolean;
  /** Whether a question names the key that goes back, if it can. */
  readonly namesBack?: boolean;
}

/** All questions to the user. They go to stderr, because stdout is for results. */
export class Prompts {
  readonly #terminal: Terminal;
  readonly #options: PromptOptions;
  /** Whether the user can be asked. */
  readonly canAsk: boolean;

  constructor(terminal: Terminal, options: PromptOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.canAsk = options.allowed && terminal.stdin.isTTY === true && terminal.stderr.isTTY === true;
  }

  /**
   * Returns the same questions, but the user can go back from each, which then throws `WentBack`.
   *
   * @param namesBack - whether a question names the key for it
   */
  withBack(namesBack = true): Prompts {
    return new Prompts(this.#terminal, { ...this.#options, hasBack: true, namesBack });
  }

  /** The key or text that goes back. */
  get backKey(): string {
    return this.#options.dumb ? '<' : 'Esc';
  }

  /** Whether to ask the user for consent: the user can be asked, and `--yes` wasn't given. */
  get asksConsent(): boolean {
    return this.canAsk && !this.#options.yes;
  }

  /**
   * Refuses to continue if consent is needed, wasn't given, and can't be asked for. Call it before the first request.
   *
   * @throws CommandError (confirmation_required)
   */
  requireConsent(): void {
    if (this.#options.yes || this.canAsk) return;
    throw new CommandError('confirmation_required', "Can't ask for confirmation without a terminal", {
      hint: 'Nothing was changed. Pass --yes to confirm.',
      outcome: 'not_applied',
    });
  }

  /**
   * Asks for consent to what was shown before; the default is No.
   *
   * @throws CommandError (declined), (interrupted) or (confirmation_required)
   */
  async consent(question: string): Promise<void> {
    if (this.#options.yes) return;
    this.requireConsent();
    if (!(await this.#confirm(question))) throw declined();
  }

  /** Offers something that wasn't asked for on the command line. The default is No, also with `--yes` and without a terminal. */
  async offer(question: string): Promise<boolean> {
    if (!this.canAsk || this.#options.yes || this.#options.interrupt.aborted) return false;
    return this.#confirm(question);
  }

  /**
   * Asks for consent that `--yes` alone doesn't give; the default is No.
   *
   * @throws CommandError (declined) or (interrupted)
   */
  async consentAgain(question: string): Promise<void> {
    if (!(await this.#confirm(question))) throw declined();
  }

  /**
   * Asks for a line of text.
   *
   * @param suggestion - the answer if the user only presses Enter
   * @param earlier - an earlier answer, to edit
   * @throws CommandError (input_required) if the user can't be asked
   */
  async text(
    message: string,
    missing: string,
    check: Check = filled,
    suggestion?: string,
    earlier?: string,
  ): Promise<string> {
    this.requirePrompt(missing);
    // No one can agree to text that can't be shown as it is.
    const showable = (text: string | undefined) => (text === undefined || this.#seen(text) === text ? text : undefined);
    return this.#ask((questions) =>
      questions.text(message, {
        check: this.#checked(check),
        suggestion: showable(suggestion),
        earlier: showable(earlier),
      }),
    );
  }

  /**
   * Asks for a line of text that isn't shown, such as a password. Keeps the spaces around it.
   *
   * @throws CommandError (input_required) if the user can't be asked
   */
  async secret(message: string, missing: string, check: Check): Promise<string> {
    this.requirePrompt(missing);
    return this.#ask((questions) => questions.secret(this.#seen(message), this.#checked(check)));
  }

  /** Asks for one of a few entries. @throws CommandError (input_required) if the user can't be asked */
  async pick<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value> {
    this.requirePrompt(missing);
    return this.#ask((questions) => questions.pick(message, choices.map(this.#shown)));
  }

  /** Asks for one of many entries, which can be searched. @throws CommandError (input_required) if the user can't be asked */
  async search<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value> {
    this.requirePrompt(missing);
    return this.#ask((questions) => questions.search(message, choices.map(this.#shown)));
  }

  /** Asks for at least one entry of a list. @throws CommandError (input_required) if the user can't be asked */
  async pickSeveral<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value[]> {
    this.requirePrompt(missing);
    return this.#ask((questions) => questions.pickSeveral(message, choices.map(this.#shown)));
  }

  /** Asks for a line of text, or for one of the entries below it. @throws CommandError (input_required) if the user can't be asked */
  async textOrPick<Value>(
    message: string,
    choices: readonly Choice<Value>[],
    missing: string,
    options: TextOrChoiceOptions,
  ): Promise<TextOrChoice<Value>> {
    this.requirePrompt(missing);
    const check = this.#checked(options.check);
    return this.#ask((questions) => questions.textOrPick(message, choices.map(this.#shown), { ...options, check }));
  }

  /** Returns the names of choices from columns of facts. Leaves out columns that don't fit the terminal. */
  async rows(columns: readonly Omit<DrawnColumn, 'header'>[]): Promise<string[]> {
    const { fittedRows } = await import('../output/table.ts');
    const { display, dumb } = this.#options;
    const drawn = columns.map((column) => ({ ...column, header: '', cells: column.cells.map(this.#seen) }));
    // Room for the mark before a row: the pointer and a checkbox, or a number.
    const before = display.unicode && !dumb ? 3 : 5;
    return fittedRows(drawn, display.width - before - 1);
  }

  /** Refuses to continue if the user can't be asked. @throws CommandError (input_required) */
  requirePrompt(missing: string): void {
    if (this.canAsk) return;
    const error = usageError(missing);
    throw error.with({ code: 'input_required' });
  }

  async #confirm(message: string): Promise<boolean> {
    return this.#ask((questions) => questions.confirm(this.#seen(message)));
  }

  async #ask<Answer>(question: (questions: Questions) => Promise<Answer>): Promise<Answer> {
    const questions = await this.#questions();
    const release = this.#options.hold?.();
    try {
      return await question(questions);
    } finally {
      release?.();
    }
  }

  /** Loads the code that asks when there is a question. */
  async #questions(): Promise<Questions> {
    const { display, dumb, interrupt, hasBack = false, namesBack } = this.#options;
    if (dumb) {
      const { LineQuestions } = await import('./line-by-line.ts');
      return new LineQuestions(this.#terminal, display, interrupt, hasBack);
    }
    const { KeyQuestions } = await import('./key-by-key.ts');
    return new KeyQuestions(this.#terminal, { display, style: await display.style() }, interrupt, {
      hasBack,
      namesBack,
    });
  }

  /** Returns a choice that is safe to show: its text may come from the API. */
  readonly #shown = <Value>({ name, short, disabled, ...choice }: Choice<Value>): Choice<Value> => ({
    ...choice,
    name: this.#seen(name),
    ...(short === undefined ? {} : { short: this.#seen(short) }),
    ...(disabled === undefined ? {} : { disabled: this.#seen(disabled) }),
  });

  /** Returns a check with mistakes that are safe to show: they may quote the API, which may repeat a key that was typed. */
  #checked(check: Check): Check {
    return async (typed) => {
      const mistake = await check(typed);
      return mistake === undefined ? undefined : this.#seen(redacted(mistake));
    };
  }

  readonly #seen = (text: string): string => this.#options.display.legible(harmless(text));
}

function declined(): CommandError {
  return new CommandError('declined', 'Declined. Nothing was changed', { outcome: 'not_applied' });
}

function filled(typed: string): string | undefined {
  return typed.trim() === '' ? 'Enter a value.' : undefined;
}
