import { type Build, runProcess } from './cli/process.ts';
import { run as runLine } from './cli/run.ts';
import { nouns } from './commands/index.ts';
import type { World } from './context/world.ts';

/** Runs one command line in a world of the caller's. @returns the exit code */
export function run(args: readonly string[], world: World): Promise<number> {
  return runLine(nouns, args, world);
}

/** Runs the command line of this process. */
export function main(build: Build): Promise<void> {
  return runProcess(nouns, build);
}
