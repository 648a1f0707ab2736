import { fstatSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { usageMistake, Verb } from './commands/command.ts';
import type { Context, World } from './commands/context.ts';
import { createProgram, NoCommand } from './commands/program.ts';
import { CommandError, codeOf, messageOf, type Outcome } from './domain/errors.ts';
import { redacted } from './domain/secrets.ts';
import type { Display } from './output/display.ts';
import { fileSink, pipeSink, type Sink, written } from './output/sink.ts';
import { harmless, harmlessJson, harmlessLines } from './output/text.ts';
import { isWorkflowLog, jsonWithoutWorkflowCommands, workflowSafeSink } from './output/workflow-commands.ts';

/** Where an error goes that is thrown where nothing awaits it. */
interface Escapes {
  /** Ends the command with it; nothing once the command is done. */
  take?: ((error: unknown) => void) | undefined;
}

/**
 * Runs one command line: the words after `ci` in, the exit code out. The one place where an error becomes a message.
 *
 * @param args - without the program's own name
 */
export async function run(args: readonly string[], world: World, escapes: Escapes = {}): Promise<number> {
  const terminal = world.stdout.isTTY ? await display(world.stdout, args, world) : undefined;
  const print = (text: string) => world.stdout.write(terminal ? terminal.page(text) : text);
  const { program, typed, context, help, start, checkHelped, close } = createProgram(world, print);
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

/** The process as the world that a command sees, and how to wait until all is told that was said on stderr. */
function processWorld(interrupt: AbortSignal): { world: World; told: () => Promise<unknown> } {
  let stdout: Sink | undefined;
  let stderr: NodeJS.WriteStream | undefined;
  // Getters, as a stream or a time zone that is looked at costs start-up time.
  const world: World = {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      stdout ??= standardOutput();
      return stdout;
    },
    get stderr() {
      stderr ??= withoutCrash(process.stderr);
      return stderr;
    },
    get timeZone() {
      return Intl.DateTimeFormat().resolvedOptions().timeZone;
    },
    env: process.env,
    now: Date.now,
    version,
    interrupt,
    get updateCheck() {
      return path.join(import.meta.dirname, 'update-check.js');
    },
  };
  return { world, told: async () => stderr && written(stderr) };
}

/** A signal that comes so soon after another is the same: `timeout` and others send it to the process and to its group. Milliseconds. */
const sameSignal = 300;

/** Runs the process's own command line and sets its exit code. The second signal ends it at once. */
export async function main(): Promise<void> {
  const interrupt = new AbortController();
  let first = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!interrupt.signal.aborted) {
        first = performance.now();
        interrupt.abort(new Error('interrupted'));
      } else if (performance.now() - first > sameSignal) process.exit(130);
    });
  }
  const args = process.argv.slice(2);
  const { world, told } = processWorld(interrupt.signal);
  const escapes: Escapes = {};
  let hasCrashed = false;
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      hasCrashed = true;
      if (escapes.take) return escapes.take(error);
      tellStack(error, args, world);
      const failure = toCommandError(error, new Command());
      if (!wantsJson(args, world)) return void report(failure, args, world).finally(() => process.exit(1));
      reportAsJson(failure, world);
      process.exit(1);
    });
  }
  process.exitCode = await run(args, world, escapes);
  // What was under way may never end; and to wait for it to be torn down takes longer than to leave.
  if (!hasCrashed) await told();
  process.exit();
}

/** Made when it is first written to, and as what it is: the stream of Node.js takes longer to make than many a command. */
function standardOutput(): Sink {
  const stream = () => withoutCrash(process.stdout);
  try {
    const kind = fstatSync(1);
    if (kind.isFile()) return fileSink(1);
    if (kind.isFIFO() || kind.isSocket()) return pipeSink(1, stream);
  } catch {
    // It is closed: the stream says so.
  }
  return stream();
}

/** A reader that is gone is no reason to stop half-way through a change. */
function withoutCrash(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on('error', () => {});
}

/** Why the result did not get out; a reader that has seen enough (`ci keys list | head -1`) is no failure. */
async function unwritten({ stdout }: World): Promise<CommandError | undefined> {
  const error = await written(stdout);
  if (!error || codeOf(error) === 'EPIPE') return undefined;
  return new CommandError('file_error', `the result could not be written: ${error.message}`, { cause: error });
}

/** What must be right before a command does anything: what cannot be printed must not be paid for. */
async function prepare({ about }: Verb, { output }: Context): Promise<void> {
  if (about?.changes) output.checkFields(about.fields ?? []);
  await output.checkJq();
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

function toCommandError(error: unknown, typed: Command): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof CommanderError) return usageMistake(error.message, typed);
  const message = messageOf(error);
  return new CommandError('internal', `an error in ci itself: ${message}`, {
    hint: 'Please report it, with the command and what --debug shows.',
    cause: error,
  });
}

/** With `--debug`, where in the program an error was thrown. */
function tellStack(error: unknown, args: readonly string[], world: World): void {
  if (!args.includes('--debug')) return;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  errorSink(world).write(`${redacted(harmlessLines(stack))}\n`);
}

/** Tells a person at a terminal of a newer version. */
async function tellOfUpdate(args: readonly string[], world: World): Promise<void> {
  const { env, stdout, stderr, version, updateCheck: program } = world;
  if (program === undefined || !stdout.isTTY || !stderr.isTTY) return;
  const { tellOfUpdate } = await import('./update/notice.ts');
  const write = (text: string) => stderr.write(text);
  await tellOfUpdate({ env, now: world.now(), version, display: await display(stderr, args, world), write, program });
}

/** A stream as people see it, by the command line. */
async function display(sink: Sink, args: readonly string[], { env }: World): Promise<Display> {
  const { Display } = await import('./output/display.ts');
  return new Display(sink, env, args.includes('--no-color'));
}

/** Says what went wrong, and what to do next. */
async function report({ message, hint }: CommandError, args: readonly string[], world: World): Promise<void> {
  const seen = await display(world.stderr, args, world);
  const text = hint === undefined ? message : `${message.replace(/\.$/, '')}. ${hint}`;
  // Lines tell where a secret ends: before they are one. What a control sequence hid is seen after.
  errorSink(world).write(`${seen.shown(`${seen.style.bad('ci:')} ${redacted(harmless(redacted(text)))}`)}\n`);
}

/** Says what went wrong in one object. */
function reportAsJson({ code, message, hint, status, retryable, outcome }: CommandError, world: World): void {
  const error = {
    code,
    message: redacted(message),
    hint: hint === undefined ? null : redacted(hint),
    status: status ?? null,
    retryable,
    outcome: outcome ?? null,
  };
  const json = harmlessJson(JSON.stringify({ error }));
  world.stderr.write(`${isWorkflowLog(world.env) ? jsonWithoutWorkflowCommands(json) : json}\n`);
}

/** Returns the sink for errors. Text from the API in an error must not act as a workflow command. */
function errorSink({ stderr, env }: World): Sink {
  return isWorkflowLog(env) ? workflowSafeSink(stderr) : stderr;
}

/** Whether errors are due as JSON; asked of the words themselves, as they may be what is wrong. Undefined: nothing says. */
function wantsJson(words: readonly string[], { env }: World): boolean | undefined {
  const end = words.indexOf('--');
  const flags = end < 0 ? words : words.slice(0, end);
  const formats = flags.flatMap((word, at) => {
    if (word === '--json' || word === '--jq' || word.startsWith('--jq=')) return ['json'];
    if (word === '-o' || word === '--output') return [flags[at + 1]];
    const attached = /^(?:--output=|-o=?)(.+)$/.exec(word)?.[1];
    return attached === undefined ? [] : [attached];
  });
  if (formats.length > 0) return formats.includes('json');
  return env.CHEAPESTINFERENCE_OUTPUT ? env.CHEAPESTINFERENCE_OUTPUT === 'json' : undefined;
}
