import { Command, type Option, type ParseOptionsResult } from 'commander';
import type { Context } from '../context/context.ts';
import { CommandError } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';
import type { CommandTree } from './help/command-tree.ts';
import { filled } from './help/layout.ts';

/** The help of a command below its options, and properties that are needed before it runs. */
export interface About {
  readonly examples: readonly string[];
  /** The fields of its JSON, for `--fields`. */
  readonly fields?: readonly string[];
  /** Whether it changes something. If so, its errors have an outcome, and all flags are checked before it starts. */
  readonly changes?: boolean;
  /** Whether it makes no requests, or continues if they fail, and so can't end with the exit code of a failed one. */
  readonly local?: boolean;
  /** Whether it runs another command, which comes after `--`. It then ends with the exit code of that, or with 125 if it fails itself. */
  readonly runs?: boolean;
  /** Additional exit codes. */
  readonly exits?: readonly number[];
}

/** The exit code of a command that runs another one, if it fails itself, as for `env` and `docker run`. */
export const failedToRun = 125;

/** Returns the exit codes that a command can end with, besides 130. */
export function exitsOf({ changes = false, local = false, runs = false, exits = [] }: About): number[] {
  if (runs) return [0, failedToRun, ...exits];
  const requests = local ? [] : [4, 5, 6, 7, 8, 9];
  return [...new Set([0, 1, 2, ...requests, ...(changes && !local ? [10] : []), ...exits])].sort((a, b) => a - b);
}

/** A command that isn't loaded yet: what the help of its parent shows. */
export interface Stub {
  /** How help lists it: `list|ls`, `view [pool]`. */
  readonly term: string;
  readonly description: string;
  /** The heading that help lists it under, with a colon; `Commands:` by default. */
  readonly section?: string;
  /** Another command that does the same, as typed, which help lists beside the aliases. */
  readonly shortcut?: string;
  readonly load: () => Promise<Definition>;
}

/** The rest of a command, loaded when it is typed. */
export interface Definition {
  /** The commands below it. */
  readonly commands?: readonly Stub[];
  /** Text below its commands in help. */
  readonly notes?: string;
  readonly default?: Define;
}

/**
 * Adds a command's help, arguments, options and action. The action collects what was typed in one object and passes it to `run` of
 * the same file. A test passes a third parameter instead of `run`, to test the parsing alone.
 */
export type Define = (command: Verb, context: Context) => void;

/** One command: a noun (`ci pools`), or a verb below it (`list` of `ci pools list`). */
export class Verb extends Command {
  /** Undefined for a noun without an action. */
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
    if (stub.section !== undefined) this.helpGroup(stub.section);
  }

  /** How the help of its parent lists it. */
  get term(): string {
    return this.#stub.term;
  }

  /** Loads the rest of the command. Returns undefined from the second time on, because it is added only once. */
  async definition(): Promise<Definition | undefined> {
    if (this.#isLoaded) return undefined;
    this.#isLoaded = true;
    return this.#stub.load();
  }

  /** Refuses an option as the value of the option before it: `--save --dry-run` would not be a dry run. */
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

  /** Returns the other ways to type the command: `ci keys revoke`. */
  #otherNames(): string[] {
    const path = this.parent ? pathOf(this.parent) : '';
    const { shortcut } = this.#stub;
    return [...this.aliases().map((alias) => `${path} ${alias}`), ...(shortcut === undefined ? [] : [shortcut])];
  }

  /** Describes the command: adds the sections of its help below the options. */
  tell(about: About): this {
    this.about = about;
    const also = this.#otherNames();
    const sections = also.length > 0 ? [`Aliases:\n${also.map((each) => `  ${each}`).join('\n')}`] : [];
    sections.push(examples(about.examples));
    if (about.fields) sections.push(`JSON fields:\n${filled(about.fields.join(', '), 78, 2)}`);
    sections.push(
      `Exit codes: ${exitsOf(about).join(', ')}${about.runs ? ', or that of the command' : ''} (\`ci help exit-codes\`)`,
      'Global options, such as --json, --fields and --sandbox: `ci --help`',
    );
    return this.addHelpText('after', `\n${sections.join('\n\n')}`);
  }
}

/** Returns the examples section of help. */
export function examples(lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** Returns the error for a mistake that commander found, with what to run next. */
export function usageMistake(message: string, command: Command): CommandError {
  const [first = '', found] = message.replace(/^error: /, '').split('\n');
  const suggestion = found ? didYouMean(namesIn(found, command)) : suggestionFor(first, command);
  return new CommandError('usage', sentence(first), { hint: `${suggestion}Run \`${pathOf(command)} --help\`.` });
}

/** Returns the error for a word that isn't one of some names. */
export async function unknownCommand(typed: string, names: readonly string[], command: Command): Promise<CommandError> {
  const { nearest } = await import('../domain/nearest.ts');
  const [near] = nearest(typed, names);
  return usageMistake(`unknown command '${typed}'${near === undefined ? '' : `\n(Did you mean ${near}?)`}`, command);
}

/** Returns the names that commander suggests. Of a command and its alias, it returns the command only. */
function namesIn(found: string, command: Command): string[] {
  const [, list = ''] = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(found) ?? [];
  const names = list.split(', ');
  const repeated = command.commands.filter((each) => names.includes(each.name())).flatMap((each) => each.aliases());
  return names.filter((name) => !repeated.includes(name));
}

/** Returns a mistake that commander found as a sentence. */
function sentence(mistake: string): string {
  for (const [pattern, words] of mistakes) {
    if (pattern.test(mistake)) return mistake.replace(pattern, words);
  }
  return mistake;
}

const mistakes: readonly (readonly [RegExp, string])[] = [
  [/^unknown (command|option) '(.*)'$/, 'Unknown $1 "$2"'],
  [/^missing required argument '(.*)'$/, 'Missing argument: $1'],
  [/^option '(?:-\w, )?(.*)' argument missing$/, 'Missing value: $1'],
  [/^too many arguments.*Expected (\d+) .*got (\d+).*$/, 'Too many arguments: expected $1, got $2'],
];

/** Suggests the options that start with an unknown one, which are too different for commander's own suggestion. */
function suggestionFor(mistake: string, command: Command): string {
  const [, typed] = /^unknown option '(--\w[\w-]*)'/.exec(mistake) ?? [];
  const known = withParents(command).flatMap(({ options }) => options);
  const meant = known.flatMap(({ long }) => (typed && long?.startsWith(typed) ? long : []));
  return didYouMean(meant);
}

function didYouMean(names: readonly string[]): string {
  return names.length === 0 ? '' : `Did you mean ${inWords(names, 'or')}? `;
}

/** Returns a command and its parents. */
function withParents(command: Command): Command[] {
  return command.parent ? [command, ...withParents(command.parent)] : [command];
}

/** Returns the words that lead to a command: `ci pools list`. */
export function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Returns the default of an option for people; null if it has none, collects its values, or takes none. */
export function defaultOf({ defaultValue }: Option): string | null {
  return typeof defaultValue === 'string' || typeof defaultValue === 'number' ? String(defaultValue) : null;
}
