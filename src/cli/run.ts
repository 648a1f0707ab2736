import { type Command, CommanderError } from 'commander';
import type { Context } from '../context/context.ts';
import type { World } from '../context/world.ts';
import { CommandError, codeOf, messageOf, type Outcome } from '../domain/errors.ts';
import { written } from '../output/sink.ts';
import { createProgram, NoCommand } from './program.ts';
import { display, printStack, report, reportAsJson, toCommandError, wantsJson } from './report.ts';
import { failedToRun, type Stub, usageMistake, Verb } from './verb.ts';

/** Receives errors that are thrown where nothing awaits them. */
export interface Escapes {
  /** Ends the command with the error. Undefined when the command is done. */
  take?: ((error: unknown) => void) | undefined;
}

/**
 * Runs one command line. This is the only place where an error becomes a message.
 *
 * @param nouns - the commands
 * @param args - the words after `ci`
 * @returns the exit code
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
    if (command instanceof Verb) await prepare(command, await context(), args);
  });
  let failure: CommandError | undefined;
  try {
    const escaped = new Promise<never>((_resolve, reject) => {
      escapes.take = reject;
    });
    const work = async () => {
      const helped = wordsAfterHelp(program, args);
      if (helped) return help(helped);
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
    if (failure?.code === 'internal') printStack(error, args, world);
  } finally {
    escapes.take = undefined;
  }
  // The result of `ci run` is that of its command, which wrote the output itself.
  if (!runsAnother(typed())) failure ??= await writeFailure(world);
  const { exitCode, lastChange, prefersJson } = await close();
  if (!failure && world.interrupt.aborted && lastChange !== undefined) {
    failure = new CommandError('interrupted', 'Interrupted, but the change went through');
  }
  const asJson = wantsJson(args, world) ?? prefersJson;
  if (failure) {
    const complete = withOutcome(failure, typed(), lastChange);
    if (asJson) reportAsJson(complete, world);
    else await report(complete, args, world);
  } else if (acted && !asJson && !runsAnother(typed())) await announceUpdate(args, world);
  return failure ? exitCodeOf(failure, typed()) : exitCode;
}

/** Returns the exit code for a failure of a command. */
function exitCodeOf({ code, exitCode }: CommandError, command: Command): number {
  const isOwn = code === 'interrupted' || code.startsWith('command_');
  return runsAnother(command) && !isOwn ? failedToRun : exitCode;
}

/** Returns whether a command runs another one, to which the streams belong. */
function runsAnother(command: Command): boolean {
  return command instanceof Verb && command.about?.runs === true;
}

/** Returns why the result couldn't be written. A reader that closes the pipe (`ci keys list | head -1`) is not a failure. */
async function writeFailure({ stdout }: World): Promise<CommandError | undefined> {
  const error = await written(stdout);
  if (!error || codeOf(error) === 'EPIPE') return undefined;
  return new CommandError('file_error', `Can't write the result: ${messageOf(error)}`, { cause: error });
}

/** Checks the output options before a command does anything, because a result that can't be printed must not be paid for. */
async function prepare(
  command: Verb,
  { output, record }: Pick<Context, 'output' | 'record'>,
  args: readonly string[],
): Promise<void> {
  const { about } = command;
  record.command = { path: pathOf(command), changes: about?.changes === true };
  if (!about?.local) record.prepare();
  // Words before -- would otherwise be taken for the beginning of the command.
  const isWhole = args.length - args.indexOf('--') - 1 === command.args.length;
  if (about?.runs && command.args.length > 0 && (!args.includes('--') || !isWhole))
    throw usageMistake('Put -- before the command, as in `ci run -- node app.js`', command);
  if (about?.changes) output.checkFields(about.fields ?? []);
  await output.checkJq();
  await output.loadStyle();
}

/** Returns a command with those above it: `ci pools watch`. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Returns whether this is the error with which commander ends a help page. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help');
}

/** Adds the outcome of the last change to the failure of a command that changes something. */
function withOutcome(failure: CommandError, typed: Command, lastChange: Outcome | undefined): CommandError {
  const changes = lastChange !== undefined || (typed instanceof Verb && typed.about?.changes === true);
  return changes && failure.outcome === undefined ? failure.with({ outcome: lastChange ?? 'not_applied' }) : failure;
}

/** Announces a newer version on a terminal. */
async function announceUpdate(args: readonly string[], world: World): Promise<void> {
  const { env, stdout, stderr, version, platform, updateCheck: program } = world;
  if (program === undefined || !stdout.isTTY || !stderr.isTTY) return;
  const { announceUpdate } = await import('../update/notice.ts');
  const write = (text: string) => stderr.write(text);
  const installation = { platform, executable: process.execPath, home: env.HOME };
  const shown = await display(stderr, args, world);
  await announceUpdate({ env, now: world.now(), version, installation, display: shown, write, program });
}

/** Returns the words and flags of `help`, before which global options may stand; undefined for another command. */
function wordsAfterHelp(program: Command, args: readonly string[]): string[] | undefined {
  if (!args.includes('help')) return undefined;
  const [first, ...words] = program.parseOptions([...args]).operands;
  return first === 'help' ? [...words, ...args.filter((each) => each.startsWith('-'))] : undefined;
}
