import { PassThrough } from 'node:stream';
import { toCommandError } from '../../src/cli/report.ts';
import { Verb } from '../../src/cli/verb.ts';
import type { Context } from '../../src/context/context.ts';
import { createContext } from '../../src/context/create.ts';
import { worldWith } from './world.ts';

/** Declares a command, with `execute` instead of its `run`. */
type Declare<Options> = (command: Verb, context: Context, execute: (options: Options) => Promise<void>) => void;

/**
 * Parses the arguments of a command without executing it. @returns its options
 *
 * @param words - the arguments, separated by spaces or as a list
 * @throws CommandError as `ci` reports it
 */
export async function parsed<Options>(declare: Declare<Options>, words: string | readonly string[]): Promise<Options> {
  const found: Options[] = [];
  const unused = () => Promise.reject(new Error('unused'));
  const command = new Verb({ term: 'verb', description: '', load: unused }, unused).exitOverride();
  command.configureOutput({ outputError: () => {} });
  const context = createContext(worldWith({ stdout: new PassThrough() }), () => ({ input: false, color: false }));
  declare(command, context, async (options) => {
    found.push(options);
  });
  const list = typeof words === 'string' ? words.split(' ').filter((word) => word !== '') : words;
  try {
    await command.parseAsync(list, { from: 'user' });
  } catch (error) {
    throw toCommandError(error, command);
  }
  const [options] = found;
  if (found.length !== 1 || options === undefined) throw new Error(`executed ${found.length} times`);
  return options;
}
