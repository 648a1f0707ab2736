import type { Environment } from '../domain/environment.ts';
import { CommandError } from '../domain/errors.ts';
import { apiFormats, keyVariables } from '../domain/key-variables.ts';
import { problemOf } from '../domain/stored-key.ts';
import { type CommandEnd, runCommand } from '../programs/run-command.ts';
import { listenTo, passedSignals } from '../programs/signals.ts';
import { quickKey } from './key.ts';
import { parseSimple } from './words.ts';

const names = ['key', 'pool', 'for', 'model', 'profile'] as const;

/** A command to run, and its environment. */
export interface QuickCommand {
  readonly words: readonly string[];
  readonly env: Environment;
}

/**
 * Returns what `ci run` runs; undefined if the whole program has to do it.
 *
 * @param args - the words after `run`
 * @throws an error, which the whole program reports
 */
export function quickCommand(args: readonly string[]): QuickCommand | undefined {
  const line = parseSimple(args, names, { needsSeparator: true });
  if (!line || line.words.length === 0) return undefined;
  const { key, pool, for: wanted = 'all', model, profile } = line.options;
  const format = apiFormats.find((each) => each === wanted);
  if (!format || (key !== undefined && pool !== undefined)) return undefined;
  const use = quickKey({ key, pool }, profile);
  if (!use || (use.stored && problemOf(use.stored, new Date()))) return undefined;
  return { words: line.words, env: { ...process.env, ...keyVariables({ ...use, format, model }) } };
}

/** Runs a command, and ends like it. Returns false if it can't be started, which the whole program reports. */
export async function quickRun({ words, env }: QuickCommand): Promise<boolean> {
  let end: CommandEnd;
  try {
    end = await runCommand(words, { env, passSignals: (receive) => listenTo(passedSignals, receive) });
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
  // Ends like the command, so that a loop in a shell ends, too.
  if (end.isInterrupted) process.kill(process.pid, 'SIGINT');
  // Faster than the end of the event loop.
  process.exit(end.exitCode);
}
