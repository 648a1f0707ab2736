import { type Command, CommanderError } from 'commander';
import type { World } from '../context/world.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { redacted } from '../domain/secrets.ts';
import type { Display } from '../output/display.ts';
import type { Sink } from '../output/sink.ts';
import { harmless, harmlessJson, harmlessLines } from '../output/text.ts';
import { isWorkflowLog, jsonWithoutWorkflowCommands, workflowSafeSink } from '../output/workflow-commands.ts';
import { usageMistake } from './verb.ts';

/** Converts any error to one that a command can end with. */
export function toCommandError(error: unknown, typed: Command): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof CommanderError) return usageMistake(error.message, typed);
  const message = messageOf(error);
  return new CommandError('internal', `Internal error: ${message}`, {
    hint: 'Please report it, with the command and the output of --debug.',
    cause: error,
  });
}

/** Prints the stack of an error, with `--debug`. */
export function printStack(error: unknown, args: readonly string[], world: World): void {
  if (!args.includes('--debug')) return;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  errorSink(world).write(`${redacted(harmlessLines(stack))}\n`);
}

/** Returns the display of a stream. */
export async function display(sink: Sink, args: readonly string[], world: World): Promise<Display> {
  const { Display } = await import('../output/display.ts');
  const { env, terminalHasColors } = world;
  return new Display(sink, env, { noColor: args.includes('--no-color'), terminalHasColors });
}

/** Prints what went wrong, and what to do next. */
export async function report(
  { message, hint, lines }: CommandError,
  args: readonly string[],
  world: World,
): Promise<void> {
  const seen = await display(world.stderr, args, world);
  const ending = /[.!?…:]$/.test(message) ? '' : '.';
  const text = `${message}${ending}${hint === undefined ? '' : ` ${hint}`}`;
  // Redacts before lines are joined, as they show where a secret ends, and after control sequences are removed, as they can hide one.
  const { bad } = await seen.style();
  const legible = (part: string) => redacted(harmless(redacted(part)));
  const listed = lines.map((line) => `\n  ${legible(line)}`).join('');
  errorSink(world).write(`${seen.shown(`${bad('ci:')} ${legible(text)}${listed}`)}\n`);
}

/** Prints what went wrong as a JSON object. */
export function reportAsJson(
  { code, message, hint, lines, status, retryable, outcome }: CommandError,
  world: World,
): void {
  const wholeHint = [hint, lines.join('; ')].filter(Boolean).join(' ');
  const error = {
    code,
    message: redacted(message),
    hint: wholeHint === '' ? null : redacted(wholeHint),
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

/** Returns whether errors must be JSON. Reads the words themselves, because parsing them may have failed. Undefined if no option says so. */
export function wantsJson(words: readonly string[], { env }: World): boolean | undefined {
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
