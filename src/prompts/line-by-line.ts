import { createInterface } from 'node:readline';
import { ReadStream } from 'node:tty';
import type { Display } from '../output/display.ts';
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

/** Asks questions that are answered line by line, on a terminal that can't move its cursor. */
export class LineQuestions implements Questions {
  readonly #terminal: Terminal;
  readonly #display: Display;
  readonly #interrupt: AbortSignal;
  readonly #hasBack: boolean;

  /**
   * @param interrupt - ends a question
   * @param hasBack - whether `<` goes back to the previous question
   */
  constructor(terminal: Terminal, display: Display, interrupt: AbortSignal, hasBack = false) {
    this.#hasBack = hasBack;
    this.#terminal = terminal;
    this.#display = display;
    this.#interrupt = interrupt;
  }

  async confirm(message: string): Promise<boolean> {
    for (;;) {
      const answer = (await this.#line(`${message} (y/N)`)).toLowerCase();
      if ('no'.startsWith(answer)) return false;
      if ('yes'.startsWith(answer)) return true;
      this.#say('Enter y or n.');
    }
  }

  text(message: string, { check, suggestion = '', earlier = suggestion }: TextOptions): Promise<string> {
    const question = earlier === '' ? message : `${message} (${earlier})`;
    return this.#checked(async () => (await this.#line(question)) || earlier, check);
  }

  secret(message: string, check: Check): Promise<string> {
    return this.#checked(() => this.#hidden(message), check);
  }

  async pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    this.#list(message, choices);
    const selected = choices.find((choice) => choice.selected);
    const question = selected ? `Number or name (${selected.short ?? selected.name}):` : 'Number or name:';
    for (;;) {
      const answer = await this.#line(question);
      if (answer === '' && selected) return selected.value;
      const [only, ...others] = this.#named(answer, choices);
      if (only && others.length === 0) return only.value;
    }
  }

  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    return this.pick(message, choices);
  }

  async pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]> {
    this.#list(message, choices);
    const open = choices.filter(({ disabled }) => disabled === undefined);
    const selected = open.filter((choice) => choice.selected);
    const suggestion = selected.map(({ name, short = name }) => short).join(', ');
    const question = `Numbers or names, separated by commas, or all${suggestion === '' ? '' : ` (${suggestion})`}:`;
    for (;;) {
      const answer = await this.#line(question);
      if (answer === 'all') return open.map(({ value }) => value);
      if (answer === '' && selected.length > 0) return selected.map(({ value }) => value);
      const named = answer.split(',').map((each) => this.#named(each.trim(), choices));
      const found = named.flat();
      if (found.length === named.length && named.every((each) => each.length === 1)) {
        return choices.filter((choice) => found.includes(choice)).map(({ value }) => value);
      }
    }
  }

  async textOrPick<Value>(
    message: string,
    choices: readonly Choice<Value>[],
    { check, isSecret = false, tip }: TextOrChoiceOptions,
  ): Promise<TextOrChoice<Value>> {
    this.#list(message, choices);
    const question = `Number, or ${tip ?? 'text'}:`;
    const answerOf = (typed: string) => (/^\d{1,3}$/.test(typed) ? choices[Number(typed) - 1] : undefined);
    const typed = await this.#checked(
      async () => (isSecret ? (await this.#hidden(question)).trim() : this.#line(question)),
      async (line) => (answerOf(line) ? undefined : check(line)),
    );
    const choice = answerOf(typed);
    return choice ? { chosen: choice.value } : { typed };
  }

  #list(message: string, choices: readonly Choice<unknown>[]): void {
    const width = String(choices.length).length;
    // An entry that can't be chosen has no number, because its name may have been too long to say why.
    const number = ({ disabled }: Choice<unknown>, at: number) => (disabled === undefined ? String(at + 1) : '-');
    const lines = choices.map((choice, at) => `  ${number(choice, at).padStart(width)}  ${choice.name}`);
    this.#say([message, ...lines].join('\n'));
  }

  /** Returns the choice with a number, or those with a name. Says so if that isn't exactly one. */
  #named<Value>(answer: string, choices: readonly Choice<Value>[]): readonly Choice<Value>[] {
    const isNumber = /^\d+$/.test(answer);
    const exact = (isNumber ? choices[Number(answer) - 1] : undefined) ?? choices.find(({ short }) => short === answer);
    const found = exact ? [exact] : isNumber || answer === '' ? [] : matching(choices, answer);
    const [first, second] = found;
    if (!first) this.#say(answer === '' ? 'Choose one.' : `"${answer}" isn't in the list.`);
    else if (second) this.#say(`${found.length} entries match "${answer}". Enter a number.`);
    else if (first.disabled !== undefined) {
      this.#say(`${first.short ?? first.name} isn't available: ${first.disabled}.`);
      return [];
    }
    return found;
  }

  async #checked(ask: () => Promise<string>, check: Check): Promise<string> {
    for (;;) {
      const answer = await ask();
      const mistake = await check(answer);
      if (mistake === undefined) return answer;
      this.#say(mistake);
    }
  }

  #say(text: string): void {
    this.#terminal.stderr.write(`${this.#display.shown(text)}\n`);
  }

  /** Reads a line, without the spaces around it. */
  async #line(message: string): Promise<string> {
    return (await this.#wholeLine(message)).trim();
  }

  async #wholeLine(message: string): Promise<string> {
    const lines = createInterface({ input: this.#terminal.stdin, terminal: false });
    const close = () => lines.close();
    this.#interrupt.addEventListener('abort', close, { once: true });
    try {
      return await new Promise<string>((resolve, reject) => {
        lines.once('line', (line) => {
          if (this.#isBack(line)) reject(new WentBack('<'));
          else resolve(line);
        });
        lines.once('close', () => reject(interrupted()));
        if (this.#interrupt.aborted) lines.close();
        else this.#terminal.stderr.write(`${this.#display.shown(message)} `);
      });
    } catch (error) {
      // The next output starts on its own line.
      this.#terminal.stderr.write('\n');
      throw error;
    } finally {
      this.#interrupt.removeEventListener('abort', close);
      lines.close();
    }
  }

  #isBack(line: string): boolean {
    return this.#hasBack && line.trim() === '<';
  }

  /** Reads a line that the terminal doesn't show, with the spaces around it. */
  async #hidden(message: string): Promise<string> {
    const { stdin, stderr } = this.#terminal;
    if (!(stdin instanceof ReadStream)) return this.#wholeLine(message);
    // Before the message, because text that was typed ahead must not be shown either.
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stderr.write(`${this.#display.shown(message)} `);
    let typed = '';
    try {
      for (;;) {
        for (const key of await this.#keys(stdin)) {
          if (key === '\r' || key === '\n') {
            if (this.#isBack(typed)) throw new WentBack('<');
            return typed;
          }
          if (key === '\u0003' || key === '\u0004') throw interrupted();
          if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1);
          else if (key === '\u0015') typed = '';
          else if (key >= ' ' || key === '\t') typed += key;
        }
      }
    } finally {
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
    }
  }

  #keys(stdin: ReadStream): Promise<string> {
    return new Promise((resolve, reject) => {
      const end = () => {
        stdin.off('data', take);
        reject(interrupted());
      };
      const take = (keys: string) => {
        this.#interrupt.removeEventListener('abort', end);
        stdin.off('end', end);
        stdin.pause();
        resolve(keys);
      };
      if (this.#interrupt.aborted) return end();
      this.#interrupt.addEventListener('abort', end, { once: true });
      stdin.once('end', end);
      stdin.once('data', take);
      stdin.resume();
    });
  }
}
