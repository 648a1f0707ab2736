import { Command } from 'commander';
import { addGlobalOptions, describe, type GlobalOptions, usageMistake } from './command.ts';
import type { Context, World } from './context.ts';

/** Adds a noun's verbs, arguments or options to its stub. */
export type Define = (noun: Command, context: Context) => void;

/** The nouns: only the one that was typed is loaded. */
const nouns: readonly { name: string; description: string; load: () => Promise<{ default: Define }> }[] = [
  { name: 'pools', description: 'find pools, see prices, subscribe', load: () => import('./pools/index.ts') },
  { name: 'keys', description: 'make, list and revoke API keys', load: () => import('./keys/index.ts') },
  {
    name: 'billing',
    description: 'the account, its subscriptions and credit',
    load: () => import('./billing/index.ts'),
  },
  { name: 'auth', description: 'sign in and out', load: () => import('./auth/index.ts') },
  { name: 'api', description: 'send any request with the stored key', load: () => import('./api.ts') },
  {
    name: 'sandbox',
    description: 'the whole API on this machine, without money',
    load: () => import('./sandbox/index.ts'),
  },
];

/** The command tree, its nouns still unloaded, and the context that its commands share. */
export interface Program {
  readonly program: Command;
  readonly context: () => Promise<Context>;
  /** Prints the help page of the command that these words lead to. @throws CommandError (usage) when there is none */
  readonly help: (words: readonly string[]) => Promise<void>;
  /** Lets go of what the context holds. */
  readonly close: () => Promise<void>;
}

export function createProgram(world: World): Program {
  const program = new Command('ci');
  let made: Promise<Context> | undefined;
  const context = () => {
    made ??= import('./context.ts').then(({ Context }) => new Context(world, () => program.opts<GlobalOptions>()));
    return made;
  };
  program
    .description('The command line of CheapestInference: reserve GPU inference by the block, make API keys.')
    .usage('<command> [options]')
    .version(world.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help for a command')
    .helpCommand(false);
  addGlobalOptions(program);
  describe(program, {
    examples: [
      'ci pools list',
      'ci pools subscribe kimi26 --blocks europe',
      'ci keys create prod-api --save .env',
      'ci --sandbox pools list        # try it all, no account needed',
    ],
  });
  const unloaded = new Map(nouns.map(({ name, load }) => [name, load]));
  for (const { name, description } of nouns) program.command(name).description(description);
  const load = async (noun: Command) => {
    const define = unloaded.get(noun.name());
    unloaded.delete(noun.name());
    if (define) (await define()).default(noun, await context());
  };
  program.hook('preSubcommand', (_program, noun) => load(noun));
  const help = async (words: readonly string[]) => {
    let command = program;
    for (const word of words.filter((each) => !each.startsWith('-'))) {
      const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
      if (!next) throw usageMistake(`unknown command '${word}'`, command);
      if (command === program) await load(next);
      command = next;
    }
    command.outputHelp();
  };
  return { program, context, help, close: async () => (await made)?.close() };
}
