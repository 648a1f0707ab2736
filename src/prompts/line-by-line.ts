import { createInterface } from 'node:readline';
import { ReadStream } from 'node:tty';
import type { Display } from '../output/display.ts';
import { type Check, type Choice, interrupted, matching, type Questions, type Terminal, WentBack } from './question.ts';

/** Questions that are answered line by line, for a terminal whose cursor cannot be moved. */
export class LineQuestions implements Questions {
  readonly #terminal: Terminal;
  readonly #display: Display;
  readonly #interrupt: AbortSignal;
  readonly #back: boolean;

  /**
   * @param interrupt - takes a question back
   * @param back - whether `<` goes back to the question before
   */
  constructor(terminal: Terminal, display: Display, interrupt: AbortSignal, back = false) {
    this.#back = back;
    this.#terminal = terminal;
    this.#display = display;
    this.#interrupt = interrupt;
  }

  async confirm(message: string): Promise<boolean> {
    for (;;) {
      const answer = (await this.#line(`${message} (y/N)`)).toLowerCase();
      if ('no'.startsWith(answer)) return false;
      if ('yes'.startsWith(answer)) return true;
      this.#say('Answer yes or no.');
    }
  }

  secret(message: string, check: Check): Promise<string> {
    return this.#checked(() => this.#hidden(message), check);
  }

  text(message: string, check: Check, suggestion = ''): Promise<string> {
    const question = suggestion === '' ? message : `${message} (${suggestion})`;
    return this.#checked(async () => (await this.#line(question)) || suggestion, check);
  }

  async pick<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    this.#list(message, choices);
    for (;;) {
      const [only, ...others] = this.#named(await this.#line('Its number or name:'), choices);
      if (only && others.length === 0) return only.value;
    }
  }

  search<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value> {
    return this.pick(message, choices);
  }

  async pickSeveral<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value[]> {
    this.#list(message, choices);
    for (;;) {
      const answer = await this.#line('Their numbers or names, with commas between them, or all:');
      const open = choices.filter(({ disabled }) => disabled === undefined);
      if (answer === 'all') return open.map(({ value }) => value);
      const named = answer.split(',').map((each) => this.#named(each.trim(), choices));
      const found = named.flat();
      if (found.length === named.length && named.every((each) => each.length === 1)) {
        return choices.filter((choice) => found.includes(choice)).map(({ value }) => value);
      }
    }
  }

  #list(message: string, choices: readonly Choice<unknown>[]): void {
    const width = String(choices.length).length;
    // What cannot be chosen has no number: why it cannot may have had no room in its name.
    const number = ({ disabled }: Choice<unknown>, at: number) => (disabled === undefined ? String(at + 1) : '-');
    const lines = choices.map((choice, at) => `  ${number(choice, at).padStart(width)}  ${choice.name}`);
    this.#say([message, ...lines].join('\n'));
  }

  /** The choice of a number, or those of a name; says why there is not the one. */
  #named<Value>(answer: string, choices: readonly Choice<Value>[]): readonly Choice<Value>[] {
    const isNumber = /^\d+$/.test(answer);
    const exact = (isNumber ? choices[Number(answer) - 1] : undefined) ?? choices.find(({ short }) => short === answer);
    const found = exact ? [exact] : isNumber || answer === '' ? [] : matching(choices, answer);
    const [first, second] = found;
    if (!first) this.#say(answer === '' ? 'Choose one.' : `There is no "${answer}".`);
    else if (second) this.#say(`${found.length} are like "${answer}": take the number.`);
    else if (first.disabled !== undefined) {
      this.#say(`${first.short ?? first.name} cannot be chosen: ${first.disabled}.`);
      return [];
    }
    return found;
  }

  async #checked(ask: () => Promise<string>, check: Check): Promise<string> {
    for (;;) {
      const answer = await ask();
      const wrong = await check(answer);
      if (wrong === undefined) return answer;
      this.#say(wrong);
    }
  }

  #say(text: string): void {
    this.#terminal.stderr.write(`${this.#display.shown(text)}\n`);
  }

  /** Reads a line, without the blanks around it. */
  async #line(message: string): Promise<string> {
    const lines = createInterface({ input: this.#terminal.stdin, terminal: false });
    const close = () => lines.close();
    this.#interrupt.addEventListener('abort', close, { once: true });
    try {
      return await new Promise<string>((resolve, reject) => {
        lines.once('line', (line) => {
          if (this.#back && line.trim() === '<') reject(new WentBack('<'));
          else resolve(line.trim());
        });
        lines.once('close', () => reject(interrupted()));
        if (this.#interrupt.aborted) lines.close();
        else this.#terminal.stderr.write(`${this.#display.shown(message)} `);
      });
    } catch (error) {
      // What follows begins a line of its own.
      this.#terminal.stderr.write('\n');
      throw error;
    } finally {
      this.#interrupt.removeEventListener('abort', close);
      lines.close();
    }
  }

  /** Reads a line that the terminal does not show. */
  async #hidden(message: string): Promise<string> {
    const { stdin, stderr } = this.#terminal;
    if (!(stdin instanceof ReadStream)) return this.#line(message);
    // First, as what is typed ahead must not be shown either.
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stderr.write(`${this.#display.shown(message)} `);
    let typed = '';
    try {
      for (;;) {
        for (const key of await this.#keys(stdin)) {
          if (key === '\r' || key === '\n') return typed.trim();
          if (key === '\u0003' || key === '\u0004') throw interrupted();
          if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1);
          else if (key === '\u0015') typed = '';
          else if (key >= ' ') typed += key;
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
