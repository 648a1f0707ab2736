import type { pause } from '../api/pause.ts';
import type { Surroundings } from '../domain/environment.ts';
import type { Sink } from '../output/sink.ts';
import type { Terminal } from '../prompts/question.ts';

/** The process as the tool sees it; a test gives its own. */
export interface World extends Surroundings {
  readonly stdin: Terminal['stdin'];
  readonly stdout: Sink;
  readonly stderr: Terminal['stderr'] & Sink;
  /** Whether the terminal behind the streams has colours; without it, it has. */
  readonly terminalHasColors?: () => Promise<boolean>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Waits, or until the signal is aborted: which of the two, the signal tells. */
  readonly sleep: typeof pause;
  /** IANA name: `Europe/Berlin`. */
  readonly timeZone: string;
  readonly version: string;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  readonly interrupt: AbortSignal;
  /** Opens an address in the user's browser, if there is one. @throws Error if it doesn't start */
  readonly openUrl?: (url: string) => Promise<void>;
  /** The program that asks whether there is a newer version; without it nobody does. */
  readonly updateCheck?: string;
}
