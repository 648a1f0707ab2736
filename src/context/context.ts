import type { Api } from '../api/index.ts';
import type { Profiles } from '../config/profiles.ts';
import type { Settings } from '../config/settings.ts';
import type { Outcome } from '../domain/errors.ts';
import type { Clocks } from '../domain/pace.ts';
import type { Output } from '../output/output.ts';
import type { Prompts } from '../prompts/prompts.ts';
import type { Connections } from './connections.ts';
import type { Progress } from './progress.ts';
import type { ChangeRecord } from './record.ts';
import type { Settling } from './settling.ts';
import type { World } from './world.ts';

/** Everything that a command works with. A function declares the parts that it uses: `Pick<Context, 'output' | 'api'>`. */
export interface Context {
  /** The process: streams, environment, working directory, time zone. */
  readonly world: World;
  /** Prints results and notes. */
  readonly output: Output;
  /** Prompts the user. */
  readonly prompts: Prompts;
  /** Shows what the command is waiting for. */
  readonly progress: Progress;
  /** The saved profiles. */
  readonly profiles: Profiles;
  /** The settings, from flags, the environment, the profile and defaults. */
  readonly settings: Settings;
  /** The clocks of this machine. A wait fails if the user interrupts the command. */
  readonly clocks: Clocks;
  /** Other connections to the API than {@link api}, and the API's time. */
  readonly connections: Connections;
  /** The record of changes made from this machine. */
  readonly record: ChangeRecord;
  /** How the command ends. */
  readonly result: RunResult;
  /** How to handle changes without a known outcome. */
  settling: Settling;
  /** Returns the API, signed in as the settings say; with `--sandbox`, the sandbox embedded in this process. */
  api(): Promise<Api>;
  /** Resolves the settings again, after a key was saved, or the sandbox was chosen or left. */
  reload(choice?: { readonly sandbox: boolean }): void;
}

/** How a command ends. */
export interface RunResult {
  /** The exit code of a command that doesn't fail but finds something, such as `status --check`. */
  exitCode: number;
  /** The outcome of the last change; undefined if there was none. */
  lastChange: Outcome | undefined;
}
