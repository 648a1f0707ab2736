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

/** Everything that a command works with. A function takes the parts that it uses: `Pick<Context, 'output' | 'api'>`. */
export interface Context {
  /** The process: streams, environment, working directory, time zone. */
  readonly world: World;
  /** Prints results and notes. */
  readonly output: Output;
  /** Asks the user. */
  readonly prompts: Prompts;
  /** Shows what a command is waiting for. */
  readonly progress: Progress;
  /** The saved profiles. */
  readonly profiles: Profiles;
  /** Every setting, by flag, environment, profile and default. */
  readonly settings: Settings;
  /** The machine's clocks. A wait ends with an error when the user ends the command. */
  readonly clocks: Clocks;
  /** Other ways to the API than {@link api}, and the API's own time. */
  readonly connections: Connections;
  /** The record of changes on this machine. */
  readonly record: ChangeRecord;
  /** What the command ends with. */
  readonly result: RunResult;
  /** How to handle changes without a known outcome. */
  settling: Settling;
  /** Returns the API, signed in as the settings say; with `--sandbox`, the sandbox embedded in this process. */
  api(): Promise<Api>;
  /** Resolves the settings again, because a key was saved or the sandbox was chosen or left. */
  reload(choice?: { readonly sandbox: boolean }): void;
}

/** What a command ends with. */
export interface RunResult {
  /** The exit code of a command that doesn't fail but found something, as `--check` does. */
  exitCode: number;
  /** The outcome of the last change that was requested; undefined if there was none. */
  lastChange: Outcome | undefined;
  /** The file with secrets that couldn't be delivered. */
  keptSecrets: string | undefined;
}
