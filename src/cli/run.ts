import { type Command, CommanderError } from 'commander';
import type { Context } from '../context/context.ts';
import type { World } from '../context/world.ts';
import { CommandError, codeOf, messageOf, type Outcome } from '../domain/errors.ts';
import { written } from '../output/sink.ts';
import { createProgram, NoCommand } from './program.ts';
import { display, report, reportAsJson, tellStack, toCommandError, wantsJson } from './report.ts';
import { type Stub, Verb } from './verb.ts';

/** Where an error goes that is thrown where nothing awaits it. */
export interface Escapes {
  /** Ends the command with it; nothing once the command is done. */
  take?: ((error: unknown) => void) | undefined;
}

/**
 * Runs one command line: the words after `ci` in, the exit code out. The one place where an error becomes a message.
 *
 * @param nouns - the commands
 * @param args - without the program's own name
 */
export async function run(
  nouns: readonly Stub[],
  args: readonly string[],
  world: World,
  escapes: Escapes = {},
): Promise<number> {
  const terminal = world.stdout.isTTY ? await display(world.stdout, args, world) : undefined;
  const style = await terminal?.style();
  const print = (text: string) => world.stdout.write(terminal && style ? terminal.page(text, style) : text);
  const { program, typed, context, help, start, checkHelped, close } = createProgram(nouns, world, print);
  let acted = false;
  program.hook('preAction', async (_program, command) => {
    acted = true;
    if (command instanceof Verb) await prepare(command, await context());
  });
  let failure: CommandError | undefined;
  try {
    const escaped = new Promise<never>((_resolve, reject) => {
      escapes.take = reject;
    });
    const work = async () => {
      if (args[0] === 'help') return help(args.slice(1));
      await checkHelped(args);
      try {
        await program.parseAsync(args, { from: 'user' });
      } catch (error) {
        if (!(error instanceof NoCommand)) throw error;
        await start(terminal);
      }
    };
    await Promise.race([work(), escaped]);
  } catch (error) {
    if (!isHelp(error)) failure = toCommandError(error, typed());
    if (failure?.code === 'internal') tellStack(error, args, world);
  } finally {
    escapes.take = undefined;
  }
  failure ??= await unwritten(world);
  const { exitCode, lastChange, keptSecrets, prefersJson } = await close();
  if (!failure && world.interrupt.aborted && lastChange !== undefined) {
    failure = new CommandError('interrupted', 'interrupted, but the change went through');
  }
  const asJson = wantsJson(args, world) ?? prefersJson;
  if (failure) {
    const told = withTrueOutcome(failure, typed(), lastChange);
    if (asJson) reportAsJson(told, world);
    else await report(told, args, world);
    if (keptSecrets !== undefined) world.stderr.write(`${keptSecrets}\n`);
  } else if (acted && !asJson) await tellOfUpdate(args, world);
  return failure?.exitCode ?? exitCode;
}

/** Why the result did not get out; a reader that has seen enough (`ci keys list | head -1`) is no failure. */
async function unwritten({ stdout }: World): Promise<CommandError | undefined> {
  const error = await written(stdout);
  if (!error || codeOf(error) === 'EPIPE') return undefined;
  return new CommandError('file_error', `the result could not be written: ${messageOf(error)}`, { cause: error });
}

/** What must be right before a command does anything: what cannot be printed must not be paid for. Loads what it is printed with. */
async function prepare({ about }: Verb, { output }: Pick<Context, 'output'>): Promise<void> {
  if (about?.changes) output.checkFields(about.fields ?? []);
  await output.checkJq();
  await output.loadStyle();
}

/** Commander ends a help page with an error of its own. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help');
}

/** The outcome belongs to a command that changes something; what the failure itself does not tell, its last change does. */
function withTrueOutcome(failure: CommandError, typed: Command, lastChange: Outcome | undefined): CommandError {
  const changes = lastChange !== undefined || (typed instanceof Verb && typed.about?.changes === true);
  return changes && failure.outcome === undefined ? failure.with({ outcome: lastChange ?? 'not_applied' }) : failure;
}

/** Tells a person at a terminal of a newer version. */
async function tellOfUpdate(args: readonly string[], world: World): Promise<void> {
  const { env, stdout, stderr, version, updateCheck: program } = world;
  if (program === undefined || !stdout.isTTY || !stderr.isTTY) return;
  const { tellOfUpdate } = await import('../update/notice.ts');
  const write = (text: string) => stderr.write(text);
  await tellOfUpdate({ env, now: world.now(), version, display: await display(stderr, args, world), write, program });
}
