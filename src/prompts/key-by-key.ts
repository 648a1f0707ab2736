import { stripVTControlCharacters } from 'node:util';
import { checkbox, search, select } from '@inquirer/prompts';
import type { Display } from '../output/display.ts';
import type { Style } from '../output/style.ts';
import { widthOf } from '../output/width.ts';
import { wrapped } from '../output/wrap.ts';
import { linePrompt } from './line-prompt.ts';
import {
  type Check,
  type Choice,
  interrupted,
  matching,
  type Questions,
  type Terminal,
  type TextOptions,
  type TextOrChoice,
  type TextOrChoiceOptions,
  WentBack,
} from './question.ts';

/** How many choices are shown at once. */
const pageSize = 10;

/** Columns kept free after a question for the answer. */
const typingRoom = 10;

/** The streams of an inquirer prompt, and what ends it. */
interface PromptStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
  /** Whether the prompt is erased when it ends. Inquirer reads it at the end. */
  clearPromptOnDone: boolean;
}

/** How questions look. */
interface Look {
  readonly display: Display;
  readonly style: Style;
}

/** What Esc does. */
interface BackKey {
  /** Whether it goes back to the previous question. */
  readonly hasBack?: boolean;
  /** Whether it is named below a question if it goes back; by default it is. */
  readonly namesBack?: boolean | undefined;
}

type KeyTip = readonly [key: string, action: string];

/** Asks questions that are answered key by key, and redrawn at each. */
export class KeyQuestions implements Questions {
  readonly #terminal: Terminal;
  readonly #interrupt: AbortSignal;
  readonly #look: Look;
  readonly #back: BackKey;

  /** @param interrupt - ends a question */
  constructor(terminal: Terminal, look: Look, interrupt: AbortSignal, back: BackKey = {}) {
    this.#back = back;
    this.#terminal = terminal;
    this.#interrupt = interrupt;
    this.#look = look;
  }

  async confirm(message: string): Promise<boolean> {
    const answer = await this.#line(message, {
      check: (typed) => (yesOrNo(typed) === undefined ? 'Enter y or n.' : undefined),
      clearsRefused: true,
      hint: 'y/N',
      shown: (typed) => (yesOrNo(typed) ? 'Yes' : 'No'),
    });
    return yesOrNo(answer) ?? false;
  }

  text(message: string, options: TextOptions): Promise<string> {
    return this.#line(message, options);
  }

  secret(message: string, check: Check): Promise<string> {
    return this.#line(message, { check, mask: this.#mask, clearsRefused: true });
  }

  pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    const theme = this.#themeOf(message);
    const drawn = choices.map((choice) => this.#drawn(choice));
    return this.#ask((streams) =>
      select({ message, choices: drawn, ...preselection(choices), pageSize, loop: false, theme }, streams),
    );
  }

  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    // Tab writes the name of an entry as it is drawn.
    const source = (term = '') =>
      matching(choices, stripVTControlCharacters(term)).map((choice) => this.#drawn(choice));
    const theme = this.#themeOf(message, typingRoom, [['type', 'to search']], '- ');
    return this.#ask((streams) => search({ message, source, ...preselection(choices), pageSize, theme }, streams));
  }

  pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]> {
    const all = choices.map((choice) => ({ ...this.#drawn(choice), checked: choice.selected ?? false }));
    const theme = this.#themeOf(message);
    const validate = (chosen: readonly unknown[]) => chosen.length > 0 || 'Choose at least one.';
    return this.#ask((streams) =>
      checkbox({ message, choices: all, validate, shortcuts: { invert: null }, pageSize, loop: false, theme }, streams),
    );
  }

  async textOrPick<Value>(
    message: string,
    choices: readonly Choice<Value>[],
    { check, isSecret = false, tip }: TextOrChoiceOptions,
  ): Promise<TextOrChoice<Value>> {
    const entries = choices.map(({ name, short = name }) => ({ name, short }));
    const answer = await this.#ask((streams) =>
      linePrompt(
        {
          message,
          check,
          entries,
          selected: Math.max(
            0,
            choices.findIndex((choice) => choice.selected),
          ),
          mask: isSecret ? this.#mask : undefined,
          clearsRefused: isSecret,
          theme: this.#themeOf(message, typingRoom, tip === undefined ? [] : [['type', tip]]),
        },
        streams,
      ),
    );
    if ('failure' in answer) throw answer.failure;
    if ('typed' in answer) return answer;
    const choice = choices[answer.entry];
    if (!choice) throw new Error(`entry ${answer.entry} of ${choices.length} was chosen`);
    return { chosen: choice.value };
  }

  async #line(
    message: string,
    options: TextOptions & {
      readonly mask?: string;
      readonly clearsRefused?: boolean;
      readonly hint?: string;
      readonly shown?: (answer: string) => string;
    },
  ): Promise<string> {
    const theme = this.#themeOf(message, Math.max(typingRoom, widthOf(` (${options.suggestion ?? ''}) `)));
    const answer = await this.#ask((streams) => linePrompt({ message, theme, ...options }, streams));
    if ('failure' in answer) throw answer.failure;
    return 'typed' in answer ? answer.typed : '';
  }

  get #mask(): string {
    return this.#look.display.unicode ? '•' : '*';
  }

  #themeOf(message: string, room = 0, firstTips: readonly KeyTip[] = [], disabledMark = '') {
    const { hasBack = false, namesBack = true } = this.#back;
    return themeOf(this.#look, message, room, {
      firstTips,
      lastTips: hasBack && namesBack ? [['esc', 'back']] : [],
      disabledMark,
    });
  }

  #drawn<Value>({ name, value, short = name, disabled, dimmed = false }: Choice<Value>) {
    const drawn = dimmed && disabled === undefined ? this.#look.style.dim(name) : name;
    return { name: drawn, value, short, disabled: disabled !== undefined };
  }

  /** Shows a prompt until it is answered. Ctrl-D and the end of the input quit, as Ctrl-C does. */
  async #ask<Answer>(prompt: (streams: PromptStreams) => Promise<Answer>): Promise<Answer> {
    const { stdin, stderr } = this.#terminal;
    const left = new AbortController();
    // Readline pauses the input when it closes: after an answer, or at the end of the input.
    const leave = () => setImmediate(() => left.abort());
    stdin.once('pause', leave);
    const back = new AbortController();
    const signal = AbortSignal.any([left.signal, back.signal, this.#interrupt]);
    const streams = { input: stdin, output: stderr, signal, clearPromptOnDone: false };
    const goBack = (_text: string, key: { readonly name?: string } | undefined) => {
      if (key?.name !== 'escape') return;
      streams.clearPromptOnDone = true;
      back.abort();
    };
    if (this.#back.hasBack) stdin.on('keypress', goBack);
    try {
      return await prompt(streams);
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

/** Returns the option of inquirer for the choice that is selected at first, if one is. */
function preselection<Value>(choices: readonly Choice<Value>[]): { readonly default?: Value } {
  const selected = choices.find((choice) => choice.selected);
  return selected === undefined ? {} : { default: selected.value };
}

/** Returns what an answer to a yes-or-no question means; undefined if it is neither. */
function yesOrNo(typed: string): boolean | undefined {
  const answer = typed.trim().toLowerCase();
  if ('no'.startsWith(answer)) return false;
  return 'yes'.startsWith(answer) ? true : undefined;
}

/** Keys that are named only if there is room, the least useful first. */
const spareKeys: readonly string[] = ['↑↓', 'a', 'type'];

/**
 * Returns the marks and colors of a prompt, which are those of all other output. Lines are broken between words, which inquirer
 * doesn't do, and an answer that doesn't fit after its question goes below it.
 *
 * @param room - columns kept free after the question
 */
function themeOf(
  { display, style }: Look,
  question: string,
  room: number,
  more: {
    readonly firstTips: readonly KeyTip[];
    readonly lastTips: readonly KeyTip[];
    /** Stands before an entry that can't be chosen, where inquirer puts nothing. */
    readonly disabledMark: string;
  },
) {
  const { unicode } = display;
  // Inquirer leaves an empty line below a line that fills the last column.
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
    prefix: { idle: style.bold('?'), done: style.good(unicode ? '✓' : '+') },
    spinner: { interval: 80, frames },
    icon: {
      cursor: unicode ? '❯' : '>',
      checked: unicode ? style.good('◉') : '[x]',
      unchecked: unicode ? '◯' : '[ ]',
      disabledChecked: '-',
      disabledUnchecked: unicode ? '-' : ' - ',
    },
    i18n: { disabledError: "This entry isn't available. Choose another one." },
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
      // The name says why.
      disabled: (text: string) => style.dim(`${more.disabledMark}${text.replace(/ \(disabled\)$/, '')}`),
      keysHelpTip: (keys: readonly KeyTip[]) => {
        let tips = [...more.firstTips, ...keys, ...more.lastTips];
        const between = style.dim(unicode ? ' • ' : ', ');
        const drawn = () =>
          tips.map(([key, action]) => `${style.bold(keyNames[key] ?? key)} ${style.dim(action)}`).join(between);
        for (const spare of spareKeys) {
          if (widthOf(drawn()) < display.width) break;
          tips = tips.filter(([key]) => key !== spare);
        }
        return drawn();
      },
    },
  };
}

function same(text: string): string {
  return text;
}
