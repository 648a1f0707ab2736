import type { pause } from '../api/pause.ts';
import type { Surroundings } from '../domain/environment.ts';
import type { Sink } from '../output/sink.ts';
import type { OwnTerminal } from '../programs/own-terminal.ts';
import type { PassSignals } from '../programs/signals.ts';
import type { Terminal } from '../prompts/question.ts';

/** The process as commands see it. A test provides its own. */
export interface World extends Surroundings {
  readonly stdin: Terminal['stdin'];
  readonly stdout: Sink;
  readonly stderr: Terminal['stderr'] & Sink;
  /** Returns whether the terminal has colors. If absent, it has. */
  readonly terminalHasColors?: () => Promise<boolean>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that is never set. */
  readonly monotonic: () => number;
  /** Waits for some milliseconds, or until the signal is aborted. */
  readonly sleep: typeof pause;
  /** IANA name: `Europe/Berlin`. */
  readonly timeZone: string;
  readonly version: string;
  /** The platform of a standalone binary, such as `linux-x64-musl`. Absent in the npm package. */
  readonly platform?: string | undefined;
  /** The absolute path of the executable file of this program. If absent, it is `ci` on the `PATH`. */
  readonly program?: string;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  readonly interrupt: AbortSignal;
  /** Opens a URL in the browser. Absent if none exists. @throws Error if the browser doesn't start */
  readonly openUrl?: (url: string) => Promise<void>;
  /** Passes signals on to a program that a command runs. If absent, the process gets no signals. */
  readonly passSignals?: PassSignals;
  /** Loads the terminal of the process. Call it only if stdout is a terminal. Absent if the terminal is simulated. */
  readonly ownTerminal?: () => Promise<OwnTerminal>;
  /** Has this process end with a signal when the command is done, so that a loop in a shell ends, too. */
  readonly endWith?: (signal: NodeJS.Signals) => void;
  /** The program that checks for a newer version, as in `startInBackground`. If absent, `ci` doesn't check for one. */
  readonly updateCheck?: readonly string[];
}
