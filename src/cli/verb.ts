import { Command, type Option, type ParseOptionsResult } from 'commander';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';
import type { CommandTree } from './help/command-tree.ts';

/** What a command's help page says below its options, and what the tool must know of it before it runs. */
export interface About {
  readonly examples: readonly string[];
  /** The fields of its JSON, which `--fields` picks from. */
  readonly fields?: readonly string[];
  /** Whether it changes something: its errors then tell the outcome, and all flags are checked before it begins. */
  readonly changes?: boolean;
  /** Whether it does without the API: it then cannot end as a request can. */
  readonly local?: boolean;
  /** Exit codes that it may end with besides those of all commands of its kind. */
  readonly exits?: readonly number[];
}

/** The exit codes that a command may end with, besides 130. */
export function exitsOf({ changes = false, local = false, exits = [] }: About): number[] {
  const requests = local ? [] : [4, 5, 6, 7, 8, 9];
  return [...new Set([0, 1, 2, ...requests, ...(changes && !local ? [10] : []), ...exits])].sort((a, b) => a - b);
}

/** What a command is before it is loaded: all that the help of its parent shows of it. */
export interface Stub {
  /** As help shows it, and as commander makes it of the loaded command: `list|ls [options]`. */
  readonly term: string;
  readonly description: string;
  readonly load: () => Promise<Definition>;
}

/** What is loaded of a command when it is typed. */
export interface Definition {
  /** The commands below it. */
  readonly commands?: readonly Stub[];
  /** What its help shows below its commands. */
  readonly notes?: string;
  readonly default?: Define;
}

/**
 * Adds a command's help, arguments, options and action. The action gathers what was typed in one object and passes it to `run` of
 * the same file. A third parameter can take the place of `run`, so that parsing is tested without anything being done.
 */
export type Define = (command: Verb, context: Context) => void;

/** One command: a noun (`ci pools`), or a verb below it (`list` of `ci pools list`). */
export class Verb extends Command {
  /** Nothing for a noun that only holds verbs. */
  about: About | undefined;
  /** Returns the tree of the whole program. */
  readonly tree: () => Promise<CommandTree>;
  readonly #stub: Stub;
  #isLoaded = false;

  constructor(stub: Stub, tree: () => Promise<CommandTree>) {
    const [name = '', ...aliases] = stub.term.replace(/ .*/, '').split('|');
    super(name);
    this.#stub = stub;
    this.tree = tree;
    for (const alias of aliases) this.alias(alias);
    this.description(stub.description);
  }

  /** As the help of its parent shows it. */
  get term(): string {
    return this.#stub.term;
  }

  /** What there is to it besides its stub; the first time alone, as it is added but once. */
  async definition(): Promise<Definition | undefined> {
    if (this.#isLoaded) return undefined;
    this.#isLoaded = true;
    return this.#stub.load();
  }

  /** Takes no option of its own for the value of the one before it: `--save --dry-run` would not be a dry run. */
  override parseOptions(words: string[]): ParseOptionsResult {
    const end = words.indexOf('--');
    for (const [at, word] of words.slice(0, end < 0 ? undefined : end).entries()) {
      const { required, flags } = this.#optionOf(word) ?? {};
      if (required && this.#optionOf(words[at + 1])) this.error(`error: option '${flags}' argument missing`);
    }
    return super.parseOptions(words);
  }

  #optionOf(word: string | undefined): Option | undefined {
    return this.options.find(({ long, short }) => word !== undefined && (word === long || word === short));
  }

  /** Says what its help page shows below the options, and what it does. */
  tell(about: About): this {
    this.about = about;
    const sections = [examples(about.examples)];
    if (about.fields) sections.push(`JSON fields:\n${wrapped(about.fields.join(', '), 78)}`);
    sections.push(
      `Exit codes: ${exitsOf(about).join(', ')} (\`ci help exit-codes\`)`,
      '--json, --fields, --sandbox and the other global options: `ci --help`',
    );
    return this.addHelpText('after', `\n${sections.join('\n\n')}`);
  }
}

/** Lines to copy. */
export function examples(lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** Tells a mistake of commander's in one line, and what to run next. */
export function usageMistake(message: string, command: Command): CommandError {
  const [first = '', found] = message.replace(/^error: /, '').split('\n');
  const suggestion = found ? `${found.slice(1, -1)} ` : begun(first, command);
  return new CommandError('usage', first, { hint: `${suggestion}Run \`${pathOf(command)} --help\`.` });
}

/** The options that an unknown one is the beginning of, which commander takes for too far off. */
function begun(mistake: string, command: Command): string {
  const [, typed] = /^unknown option '(--\w[\w-]*)'/.exec(mistake) ?? [];
  const known = lineOf(command).flatMap(({ options }) => options);
  const meant = known.flatMap(({ long }) => (typed && long?.startsWith(typed) ? long : []));
  if (meant.length === 0) return '';
  return `Did you mean ${meant.length > 1 ? 'one of ' : ''}${meant.join(', ')}? `;
}

/** A command and those that it is below. */
function lineOf(command: Command): Command[] {
  return command.parent ? [command, ...lineOf(command.parent)] : [command];
}

/** The words that lead to a command: `ci pools list`. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function wrapped(text: string, width: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (`  ${line} ${word}`.length > width) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines.map((line) => `  ${line}`).join('\n');
}
