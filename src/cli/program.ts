import { Command } from 'commander';
import type { Context } from '../context/context.ts';
import type { CommandContext } from '../context/create.ts';
import type { GlobalOptions } from '../context/global-options.ts';
import type { World } from '../context/world.ts';
import type { Outcome } from '../domain/errors.ts';
import type { Display } from '../output/display.ts';
import { addGlobalOptions } from './global-options.ts';
import { examples, type Stub, usageMistake, Verb } from './verb.ts';

/** Thrown where no command was typed. */
export class NoCommand extends Error {}

/** `ci`: without a command it has a page of its own in place of its help. */
class Root extends Command {
  override help(): never {
    throw new NoCommand();
  }
}

const firstSteps = [
  'ci pools list',
  'ci pools subscribe kimi26 --blocks europe',
  'ci keys create prod-api --save .env',
  'ci --sandbox pools list        # try it all, no account needed',
] as const;

/** The command tree, its commands still unloaded, and the context that its commands share. */
export interface Program {
  readonly program: Command;
  /** The last command that the words led to. */
  readonly typed: () => Command;
  readonly context: () => Promise<Context>;
  /** Prints the help page of the command or topic that these words lead to, or with `--json` the whole tree. @throws CommandError (usage) when there is none */
  readonly help: (words: readonly string[]) => Promise<void>;
  /** Prints what `ci` alone shows. */
  readonly start: (display: Display | undefined) => Promise<void>;
  /** Refuses a word that leads to no command, where help is asked for with a flag. @throws CommandError (usage) */
  readonly checkHelped: (args: readonly string[]) => Promise<void>;
  /**
   * Lets go of what the context holds; tells the exit code of a command that did not fail, what its last change came to, and where
   * secrets are that could not be delivered.
   */
  readonly close: () => Promise<{
    readonly exitCode: number;
    readonly lastChange: Outcome | undefined;
    readonly keptSecrets: string | undefined;
    readonly prefersJson: boolean;
  }>;
}

/** @param print - takes a page of help */
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
    .description('The command line of CheapestInference: reserve GPU inference by the block, make API keys.')
    .usage('<command> [options]')
    .version(world.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help for a command')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => (command instanceof Verb ? command.term : command.name()) })
    .configureOutput({
      writeOut: print,
      // Only help is written here: a bare noun shows it, as a result.
      writeErr: print,
      outputError: () => {},
      getOutHelpWidth: () => Math.min(world.stdout.columns ?? 80, 100),
      getErrHelpWidth: () => Math.min(world.stdout.columns ?? 80, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
  addGlobalOptions(program);
  program.addHelpText(
    'after',
    `\n${examples(firstSteps)}\n\nMore: \`ci help exit-codes\`, \`ci help environment\`, \`ci help output\`;\n\`ci help --json\` for programs.`,
  );
  const add = (parent: Command, stubs: readonly Stub[]) => {
    for (const stub of stubs) parent.addCommand(new Verb(stub, tree).copyInheritedSettings(parent));
    // A value is checked while it is parsed: which command it was for is known before.
    parent.hook('preSubcommand', (_parent, command) => {
      typed = command;
      return load(command);
    });
  };
  const load = async (command: Command) => {
    const definition = command instanceof Verb ? await command.definition() : undefined;
    if (!(command instanceof Verb) || !definition) return;
    const { commands, notes, default: define } = definition;
    if (commands) add(command.helpCommand(false).usage('<command> [options]'), commands);
    if (notes !== undefined) command.addHelpText('after', `\n${notes}`);
    define?.(command, await context());
  };
  const tree = async () => {
    for (const noun of program.commands) {
      await load(noun);
      for (const verb of noun.commands) await load(verb);
    }
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
      const { nearest } = await import('../domain/nearest.ts');
      const [near] = nearest(unknown, names);
      throw usageMistake(
        `unknown command '${unknown}'${near === undefined ? '' : `\n(Did you mean ${near}?)`}`,
        command,
      );
    }
    print(topic.text());
  };
  const start = async (display: Display | undefined) => {
    const [{ glance }, { startPage }, { plain }] = await Promise.all([
      import('../config/glance.ts'),
      import('./start-page.ts'),
      import('../output/style.ts'),
    ]);
    const page = startPage(glance(program.opts<GlobalOptions>(), world), {
      style: (await display?.style()) ?? plain,
      width: display?.width ?? Number.POSITIVE_INFINITY,
      version: world.version,
      hasSetup: program.commands.some((each) => each.name() === 'setup'),
    });
    world.stdout.write(display?.shown(page) ?? page);
  };
  /** The command that words lead to, as far as they do; what follows a command without commands below it is not looked at. */
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
      keptSecrets: ended?.result.keptSecrets,
      prefersJson: ended?.prefersJson ?? false,
    };
  };
  return { program, typed: () => typed, context, help, start, checkHelped, close };
}
