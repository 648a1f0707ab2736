import { type Argument, Command, type Option } from 'commander';
import type { Context } from '../context/context.ts';
import type { CommandContext } from '../context/create.ts';
import type { GlobalOptions } from '../context/global-options.ts';
import type { World } from '../context/world.ts';
import type { Outcome } from '../domain/errors.ts';
import { versionInWords } from '../domain/version.ts';
import type { Display } from '../output/display.ts';
import { addGlobalOptions } from './global-options.ts';
import { definitionLines, refilled } from './help/layout.ts';
import { defaultOf, examples, pathOf, type Stub, unknownCommand, usageMistake, Verb } from './verb.ts';

/** Thrown if no command was typed. */
export class NoCommand extends Error {}

/** `ci` itself. Without a command it shows the start page, not its help. */
class Root extends Command {
  override help(): never {
    throw new NoCommand();
  }
}

const firstSteps = [
  'ci pools list',
  'ci pools subscribe kimi26 --blocks europe',
  'ci keys create prod-api --save .env',
  'ci --sandbox pools list',
] as const;

const helpTopics = ['exit-codes', 'environment', 'output', '--json'] as const;

/** The command tree, with commands that are loaded on demand, and the context that they share. */
export interface Program {
  readonly program: Command;
  /** Returns the last command that the words led to. */
  readonly typed: () => Command;
  readonly context: () => Promise<Context>;
  /** Prints the help of a command or topic, or with `--json` the whole tree. @throws CommandError (usage) if it doesn't exist */
  readonly help: (words: readonly string[]) => Promise<void>;
  /** Prints the start page. */
  readonly start: (display: Display | undefined) => Promise<void>;
  /** Checks the words before `--help`. @throws CommandError (usage) for an unknown command */
  readonly checkHelped: (args: readonly string[]) => Promise<void>;
  /**
   * Closes the context. Returns the exit code of a command that didn't fail, the outcome of its last change, and the file with
   * secrets that couldn't be delivered.
   */
  readonly close: () => Promise<{
    readonly exitCode: number;
    readonly lastChange: Outcome | undefined;
    readonly prefersJson: boolean;
  }>;
}

/** Creates the command tree. @param print - prints a page of help */
export function createProgram(nouns: readonly Stub[], world: World, print: (text: string) => void): Program {
  const program = new Root('ci');
  let typed: Command = program;
  let made: Promise<CommandContext> | undefined;
  const context = () => {
    made ??= import('../context/create.ts').then(({ createContext }) =>
      createContext(world, () => program.opts<GlobalOptions>()),
    );
    return made;
  };
  program
    .description('CheapestInference CLI: reserve GPU inference by the block, create API keys, track usage')
    .version(versionInWords(world.version, world.platform), '-V, --version', 'Show the version')
    .helpOption('-h, --help', 'Show help for a command')
    .helpCommand(false)
    .configureHelp({
      commandUsage: usageOf,
      subcommandTerm: (command) => (command instanceof Verb ? command.term : command.name()),
      optionDescription: descriptionOf,
      formatItem: (term, longest, meaning) => definitionLines(term, meaning, longest, helpWidth(world)),
    })
    .configureOutput({
      writeOut: print,
      // Only help is written here. A noun alone shows it as its result.
      writeErr: print,
      outputError: () => {},
      getOutHelpWidth: () => helpWidth(world),
      getErrHelpWidth: () => helpWidth(world),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
  addGlobalOptions(program);
  program.addHelpText(
    'after',
    `\n${examples(firstSteps)}\n\nHelp topics:\n${helpTopics.map((topic) => `  ci help ${topic}`).join('\n')}`,
  );
  const add = (parent: Command, stubs: readonly Stub[]) => {
    for (const stub of stubs) parent.addCommand(new Verb(stub, tree).copyInheritedSettings(parent));
    // Values are checked while they are parsed, and an error must name the command.
    parent.hook('preSubcommand', (_parent, command) => {
      typed = command;
      return load(command);
    });
  };
  const load = async (command: Command) => {
    const definition = command instanceof Verb ? await command.definition() : undefined;
    if (!(command instanceof Verb) || !definition) return;
    const { commands, notes, default: define } = definition;
    if (commands) add(command.helpCommand(false), commands);
    if (notes !== undefined) command.addHelpText('after', () => `\n${refilled(notes, helpWidth(world))}`);
    define?.(command, await context());
  };
  const loadBelow = async (parent: Command) => {
    for (const command of parent.commands) {
      await load(command);
      await loadBelow(command);
    }
  };
  const tree = async () => {
    await loadBelow(program);
    const { commandTree } = await import('./help/tree.ts');
    return { ...commandTree(program), examples: firstSteps };
  };
  add(program, nouns);
  const help = async (words: readonly string[]) => {
    const path = words.filter((each) => !each.startsWith('-'));
    if (path.length === 0 && words.includes('--json')) {
      world.stdout.write(`${JSON.stringify(await tree())}\n`);
      return;
    }
    const { command, unknown } = await find(path);
    if (unknown === undefined) return command.outputHelp();
    if (command === program && unknown === 'man') {
      const { manPage } = await import('./help/man.ts');
      world.stdout.write(manPage(await tree(), world.version));
      return;
    }
    const { topics } = await import('./help/topics.ts');
    const topic = command === program && Object.hasOwn(topics, unknown) ? topics[unknown] : undefined;
    if (!topic) {
      const names = [
        ...command.commands.map((each) => each.name()),
        ...(command === program ? Object.keys(topics) : []),
      ];
      throw await unknownCommand(unknown, names, command);
    }
    print(topic.text(helpWidth(world)));
  };
  const start = async (display: Display | undefined) => {
    const [{ accountSummary }, { startPage }, { plain }] = await Promise.all([
      import('../config/account-summary.ts'),
      import('./start-page.ts'),
      import('../output/style.ts'),
    ]);
    const page = startPage(accountSummary(program.opts<GlobalOptions>(), world), {
      style: (await display?.style()) ?? plain,
      width: display?.width ?? Number.POSITIVE_INFINITY,
      version: world.version,
      hasSetup: program.commands.some((each) => each.name() === 'setup'),
    });
    world.stdout.write(display?.shown(page) ?? page);
  };
  /** Finds the command that words lead to, and the first word that leads nowhere. Ignores the arguments of a command. */
  const find = async (words: readonly string[]) => {
    let command = program;
    for (const word of words) {
      if (command !== program && command.commands.length === 0) break;
      const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
      if (!next) return { command, unknown: word };
      await load(next);
      command = next;
    }
    return { command, unknown: undefined };
  };
  const checkHelped = async (args: readonly string[]) => {
    const flag = args.findIndex((word) => word.startsWith('-'));
    if (!args.slice(flag).some((word) => word === '--help' || word === '-h')) return;
    const { command, unknown } = await find(args.slice(0, flag));
    if (unknown !== undefined) throw usageMistake(`unknown command '${unknown}'`, command);
  };
  const close = async () => {
    const ended = await made;
    if ((ended?.result.lastChange ?? 'not_applied') !== 'not_applied') {
      const [{ forgetNames }, { cacheFolder }] = await Promise.all([
        import('../completion/cache.ts'),
        import('../config/folders.ts'),
      ]);
      forgetNames(() => cacheFolder(world.env));
    }
    await ended?.close();
    return {
      exitCode: ended?.result.exitCode ?? 0,
      lastChange: ended?.result.lastChange,
      prefersJson: ended?.prefersJson ?? false,
    };
  };
  return { program, typed: () => typed, context, help, start, checkHelped, close };
}

/** Returns the number of columns that help may have: those of the terminal, up to 100. */
function helpWidth({ stdout }: Pick<World, 'stdout'>): number {
  return Math.min(stdout.columns || 80, 100);
}

/** Returns how a command is typed: `ci pools view [pool] [options]`. */
function usageOf(command: Command): string {
  if (command instanceof Verb && command.about?.runs) return `${pathOf(command)} [options] -- <command...>`;
  const optional = '[command]';
  const names = command.registeredArguments.map((argument) => argument.name());
  const below = command.usage() === optional ? `[${[...names, 'command'].join('|')}]` : '<command>';
  const words = command.commands.length > 0 ? [below] : command.registeredArguments.map(argumentTerm);
  return [pathOf(command), ...words, '[options]'].join(' ');
}

function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** Returns what help says about an option. */
function descriptionOf(option: Option): string {
  const value = defaultOf(option);
  return value === null ? option.description : `${option.description} (default: ${value})`;
}
