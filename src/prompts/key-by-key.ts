import { checkbox, confirm, input, password, search, select } from '@inquirer/prompts';
import type { Display } from '../output/display.ts';
import type { Style } from '../output/style.ts';
import { widthOf } from '../output/width.ts';
import { wrapped } from '../output/wrap.ts';
import { type Check, type Choice, interrupted, matching, type Questions, type Terminal, WentBack } from './question.ts';

/** How many choices are seen at once. */
const pageSize = 10;

/** Columns kept free after a question for what is typed. */
const typingRoom = 10;

/** What an inquirer question works with. */
interface Asked {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** A terminal as people see it, and its palette. */
interface Look {
  readonly display: Display;
  readonly style: Style;
}

/** Questions that are answered key by key, drawn anew at each. */
export class KeyQuestions implements Questions {
  readonly #terminal: Terminal;
  readonly #interrupt: AbortSignal;
  readonly #look: Look;
  readonly #back: boolean;

  /**
   * @param interrupt - takes a question back
   * @param back - whether Esc goes back to the question before
   */
  constructor(terminal: Terminal, look: Look, interrupt: AbortSignal, back = false) {
    this.#back = back;
    this.#terminal = terminal;
    this.#interrupt = interrupt;
    this.#look = look;
  }

  confirm(message: string): Promise<boolean> {
    const theme = themeOf(this.#look, message, typingRoom);
    return this.#ask((asked) => confirm({ message, default: false, theme }, asked));
  }

  secret(message: string, check: Check): Promise<string> {
    const theme = themeOf(this.#look, message, typingRoom);
    const { mask } = theme;
    return this.#ask((asked) =>
      password({ message, mask, toggleMask: false, validate: validator(check), theme }, asked),
    );
  }

  text(message: string, check: Check, suggestion = ''): Promise<string> {
    const theme = themeOf(this.#look, message, Math.max(typingRoom, widthOf(` (${suggestion}) `)));
    return this.#ask((asked) => input({ message, default: suggestion, validate: validator(check), theme }, asked));
  }

  pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    const theme = themeOf(this.#look, message);
    return this.#ask((asked) => select({ message, choices: choices.map(drawn), pageSize, loop: false, theme }, asked));
  }

  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    const source = (term = '') => matching(choices, term).map(drawn);
    const theme = themeOf(this.#look, message, typingRoom, [['type', 'to search']]);
    return this.#ask((asked) => search({ message, source, pageSize, theme }, asked));
  }

  pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]> {
    const all = choices.map((choice) => ({ ...drawn(choice), checked: choice.ticked ?? false }));
    const theme = themeOf(this.#look, message);
    return this.#ask((asked) =>
      checkbox(
        { message, choices: all, required: true, shortcuts: { invert: null }, pageSize, loop: false, theme },
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

type Tips = readonly (readonly [key: string, action: string])[];

/**
 * The marks and colours of a question: those of everything else that the terminal shows. Its lines are broken between words, which
 * inquirer does not, and an answer that does not fit behind it stands below.
 *
 * @param room - columns kept free after the question
 * @param moreTips - keys that inquirer does not tell of
 */
function themeOf({ display, style }: Look, question: string, room = 0, moreTips: Tips = []) {
  const { unicode } = display;
  // Below a line that fills the last column, inquirer leaves one free.
  const width = () => display.width - 1;
  // The mark before a question takes two columns.
  const laidOut = (text: string) => wrapped(`  ${text}`, width() - room).trimStart();
  const answered = (text: string) => {
    const [last = ''] = `  ${laidOut(question)}`.split('\n').slice(-1);
    return widthOf(last) + 1 + widthOf(text) <= width() ? text : wrapped(`\n  ${text}`, width());
  };
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
      answer: answered,
      message: (text: string) => style.bold(laidOut(text)),
      error: (text: string) => style.bad(wrapped(`! ${text}`, width())),
      defaultAnswer: (text: string) => style.dim(`(${text})`),
      help: style.dim,
      highlight: style.bold,
      key: style.bold,
      description: style.dim,
      searchTerm: same,
      // The name says why already.
      disabled: (text: string) => style.dim(text.replace(/ \(disabled\)$/, '')),
      keysHelpTip: (keys: Tips) => {
        const tips = [...moreTips, ...keys].map(
          ([key, action]) => `${style.bold(keyNames[key] ?? key)} ${style.dim(action)}`,
        );
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
