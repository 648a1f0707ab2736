import { CommandError, usageError } from '../domain/errors.ts';
import { harmless } from '../output/text.ts';

/** The streams that a person is asked through. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
}

/** A thing to choose: what is shown, and what it stands for. */
export interface Choice<Value> {
  readonly name: string;
  readonly value: Value;
  /** What is shown once it is chosen, when its name is long. */
  readonly short?: string;
  /** More of it, shown below the list while it is pointed at. */
  readonly description?: string;
  /** Why it cannot be chosen. */
  readonly disabled?: string;
  /** Of several: whether it is chosen to begin with. */
  readonly checked?: boolean;
}

/** Esc was pressed at a question that can be gone back from. */
export class WentBack extends Error {
  override readonly name = 'WentBack';
}

/** Every question that a person can be asked. Questions go to stderr; stdout carries results alone. */
export class Prompts {
  readonly #terminal: Terminal;
  readonly #yes: boolean;
  readonly #interrupt: AbortSignal | undefined;
  /** Whether there is somebody to ask. */
  readonly canAsk: boolean;
  #back = false;

  /**
   * @param allowed - false for `--no-input` and where `CI` is set: there is nobody to ask
   * @param yes - whether consent was given on the command line
   * @param interrupt - takes a question back
   */
  constructor(terminal: Terminal, allowed: boolean, yes: boolean, interrupt?: AbortSignal) {
    this.#terminal = terminal;
    this.#yes = yes;
    this.#interrupt = interrupt;
    this.canAsk = allowed && terminal.stdin.isTTY === true && terminal.stderr.isTTY === true;
  }

  /** The same questions, of which each throws {@link WentBack} when Esc is pressed. */
  withBack(): Prompts {
    const prompts = new Prompts(this.#terminal, this.canAsk, this.#yes, this.#interrupt);
    prompts.#back = true;
    return prompts;
  }

  /**
   * Refuses to go on where consent will be needed and can neither be asked for nor was given. Nothing is sent before it.
   *
   * @throws CommandError (confirmation_required)
   */
  requireConsent(what: string): void {
    if (this.#yes || this.canAsk) return;
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
    if (this.#yes) return;
    this.requireConsent(question);
    if (!(await this.#confirm(question))) throw declined();
  }

  /** Offers something that nobody asked for on the command line, `--yes` included; the default is No, and so is nobody. */
  async offer(question: string): Promise<boolean> {
    if (!this.canAsk || this.#yes || this.#interrupt?.aborted) return false;
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
  async secret(message: string, missing: string): Promise<string> {
    this.requireSomebody(missing);
    const { password } = await import('@inquirer/prompts');
    return this.#ask((context) => password({ message, mask: '•' }, context));
  }

  /** Asks for a line of text. @throws CommandError (input_required) where nobody can be asked */
  async text(message: string, missing: string): Promise<string> {
    this.requireSomebody(missing);
    const { input } = await import('@inquirer/prompts');
    return this.#ask((context) => input({ message, required: true }, context));
  }

  /**
   * Asks for a line of text that may be empty.
   *
   * @param check - throws a CommandError (usage) for what cannot be taken; its words are shown, and the question stays
   */
  async optionalText(message: string, check: (text: string) => void): Promise<string> {
    this.requireSomebody(message);
    const { input } = await import('@inquirer/prompts');
    const validate = (text: string) => {
      try {
        check(text);
        return true;
      } catch (error) {
        if (error instanceof CommandError) return [error.message, error.hint].filter(Boolean).join('. ');
        throw error;
      }
    };
    return this.#ask((context) => input({ message, validate }, context));
  }

  /** Lets one be picked from a list. @throws CommandError (input_required) where nobody can be asked */
  async pick<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value> {
    this.requireSomebody(missing);
    const { select } = await import('@inquirer/prompts');
    return this.#ask((context) => select({ message, choices: choices.map(shown) }, context));
  }

  /** Lets several be picked from a list, at least one. @throws CommandError (input_required) where nobody can be asked */
  async pickSeveral<Value>(message: string, choices: readonly Choice<Value>[], missing: string): Promise<Value[]> {
    this.requireSomebody(missing);
    const { checkbox } = await import('@inquirer/prompts');
    return this.#ask((context) => checkbox({ message, choices: choices.map(shown), required: true }, context));
  }

  /** Refuses what has to be asked where nobody can be. @throws CommandError (input_required) */
  requireSomebody(missing: string): void {
    if (this.canAsk) return;
    const error = usageError(missing);
    throw error.with({ code: 'input_required' });
  }

  async #confirm(question: string): Promise<boolean> {
    const { confirm } = await import('@inquirer/prompts');
    return this.#ask((context) => confirm({ message: question, default: false }, context));
  }

  async #ask<Answer>(
    question: (context: {
      input: NodeJS.ReadableStream;
      output: NodeJS.WritableStream;
      signal: AbortSignal;
    }) => Promise<Answer>,
  ): Promise<Answer> {
    const { stdin: input, stderr: output } = this.#terminal;
    const back = new AbortController();
    const onKey = (_text: string, key: { name?: string }) => {
      if (key?.name === 'escape') back.abort();
    };
    if (this.#back) input.on('keypress', onKey);
    try {
      const signals = [back.signal, ...(this.#interrupt ? [this.#interrupt] : [])];
      return await question({ input, output, signal: AbortSignal.any(signals) });
    } catch (error) {
      if (back.signal.aborted) throw new WentBack('Esc');
      if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
        throw new CommandError('interrupted', 'interrupted', { outcome: 'not_applied' });
      }
      throw error;
    } finally {
      input.off('keypress', onKey);
    }
  }
}

function declined(): CommandError {
  return new CommandError('declined', 'declined: nothing was changed', { outcome: 'not_applied' });
}

/** A choice as a terminal may see it: its name may hold words of the API. */
function shown<Value>({ name, description, ...choice }: Choice<Value>): Choice<Value> {
  return {
    ...choice,
    name: harmless(name),
    ...(description === undefined ? {} : { description: harmless(description) }),
  };
}
