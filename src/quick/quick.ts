import { isWorkflowLog } from '../output/workflow-commands.ts';
import { type QuickCommand, quickCommand, quickRun } from './run.ts';
import { quickSecret } from './secret.ts';

/** The variables that change what these commands do or print. */
const special = ['CHEAPESTINFERENCE_SANDBOX', 'CHEAPESTINFERENCE_OUTPUT'] as const;

/**
 * Runs a simple `ci run` or `ci keys secret` without loading the rest of the program, which takes longer than the command itself.
 * Returns false, before anything was done, for any other command line, and if something is wrong.
 *
 * @param args - the words after `ci`
 */
export async function quick([noun, ...args]: readonly string[]): Promise<boolean> {
  if (process.platform === 'win32') return false;
  if (special.some((name) => process.env[name]) || isWorkflowLog(process.env)) return false;
  let command: QuickCommand | undefined;
  try {
    if (noun === 'keys') return args[0] === 'secret' && quickSecret(args.slice(1));
    if (noun === 'run') command = quickCommand(args);
  } catch {
    // The whole program reports it.
  }
  return command !== undefined && quickRun(command);
}
