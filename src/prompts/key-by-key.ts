import { checkbox, confirm, input, password, search, select } from '@inquirer/prompts';
import type { Display } from '../output/display.ts';
import { widthOf } from '../output/width.ts';
import { type Check, type Choice, interrupted, matching, type Questions, type Terminal, WentBack } from './question.ts';

/** How many choices are seen at once. */
const pageSize = 10;

/** What an inquirer question works with. */
interface Asked {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** Questions that are answered key by key, drawn anew at each. */
export class KeyQuestions implements Questions {
  readonly #terminal: Terminal;
  readonly #interrupt: AbortSignal;
  readonly #theme: ReturnType<typeof themeOf>;
  readonly #back: boolean;

  /**
   * @param interrupt - takes a question back
   * @param back - whether Esc goes back to the question before
   */
  constructor(terminal: Terminal, display: Display, interrupt: AbortSignal, back = false) {
    this.#back = back;
    this.#terminal = terminal;
    this.#interrupt = interrupt;
    this.#theme = themeOf(display);
  }

  confirm(message: string): Promise<boolean> {
    return this.#ask((asked) => confirm({ message, default: false, theme: this.#theme }, asked));
  }

  secret(message: string, check: Check): Promise<string> {
    const { mask } = this.#theme;
    return this.#ask((asked) =>
      password({ message, mask, toggleMask: false, validate: validator(check), theme: this.#theme }, asked),
    );
  }

  text(message: string, check: Check): Promise<string> {
    return this.#ask((asked) => input({ message, validate: validator(check), theme: this.#theme }, asked));
  }

  pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    return this.#ask((asked) =>
      select({ message, choices: choices.map(drawn), pageSize, loop: false, theme: this.#theme }, asked),
    );
  }

  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    const source = (term = '') => matching(choices, term).map(drawn);
    return this.#ask((asked) => search({ message, source, pageSize, theme: this.#theme }, asked));
  }

  pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]> {
    const all = choices.map((choice) => ({ ...drawn(choice), checked: choice.ticked ?? false }));
    return this.#ask((asked) =>
      checkbox(
        {
          message,
          choices: all,
          required: true,
          shortcuts: { invert: null },
          pageSize,
          loop: false,
          theme: this.#theme,
        },
        asked,
      ),
    );
  }

  /** Asks until there is an answer; Ctrl-D and the end of the input leave the question, as Ctrl-C does. */
  async #ask<Answer>(question: (asked: Asked) => Promise<Answer>): Promise<Answer> {
    const { stdin, stderr } = this.#terminal;
    const left = new AbortController();
    // The reader of lines pauses the input when it closes: after an answer, or when nothing more can come.
    const leave = () => setImmediate(() => left.abort());
    stdin.once('pause', leave);
    const back = new AbortController();
    const goBack = (_text: string, key: { readonly name?: string } | undefined) => {
      if (key?.name === 'escape') back.abort();
    };
    if (this.#back) stdin.on('keypress', goBack);
    try {
      const signal = AbortSignal.any([left.signal, back.signal, this.#interrupt]);
      return await question({ input: stdin, output: stderr, signal });
    } catch (error) {
      if (back.signal.aborted) throw new WentBack('Esc');
      if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
        throw interrupted();
      }
      throw error;
    } finally {
      stdin.off('pause', leave);
      stdin.off('keypress', goBack);
    }
  }
}

/** The marks and colours of the questions: those of everything else that the terminal shows. */
function themeOf(display: Display) {
  const { style, unicode } = display;
  const frames = unicode ? [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'] : [...'-\\|/'];
  const keyNames: Readonly<Record<string, string>> = unicode ? {} : { '↑↓': 'up/down', '⏎': 'enter' };
  return {
    mask: unicode ? '•' : '*',
    prefix: { idle: style.bold('?'), done: style.good(unicode ? '✓' : '+') },
    spinner: { interval: 80, frames },
    icon: {
      cursor: unicode ? '❯' : '>',
      checked: unicode ? style.good('◉') : '[x]',
      unchecked: unicode ? '◯' : '[ ]',
      disabledChecked: '-',
      disabledUnchecked: unicode ? '-' : ' - ',
    },
    style: {
      answer: same,
      message: style.bold,
      error: (text: string) => style.bad(`! ${text}`),
      defaultAnswer: (text: string) => style.dim(`(${text})`),
      help: style.dim,
      highlight: style.bold,
      key: style.bold,
      description: style.dim,
      searchTerm: same,
      // The name says why already.
      disabled: (text: string) => style.dim(text.replace(/ \(disabled\)$/, '')),
      keysHelpTip: (keys: readonly (readonly [string, string])[]) => {
        const tips = keys.map(([key, action]) => `${style.bold(keyNames[key] ?? key)} ${style.dim(action)}`);
        const between = style.dim(unicode ? ' • ' : ', ');
        // The last one says how to go on; the first how to get about, which is tried anyway.
        while (tips.length > 1 && widthOf(tips.join(between)) >= display.width) tips.shift();
        return tips.join(between);
      },
    },
  };
}

function drawn<Value>({ name, value, short = name, disabled }: Choice<Value>) {
  return { name, value, short, disabled: disabled !== undefined };
}

function validator(check: Check): (typed: string) => Promise<string | true> {
  return async (typed) => (await check(typed)) ?? true;
}

function same(text: string): string {
  return text;
}
