import { execFileSync } from 'node:child_process';
import { isatty } from 'node:tty';
import { placeOf, placeOnTerminal } from './foreground.ts';

/** The terminal that stdout is. */
export interface OwnTerminal {
  /** Returns whether it was closed, such as with its window or the connection to it. */
  isClosed(): boolean;
  /** Returns whether another process is in its foreground, such as the shell after `bg`. */
  isOccupied(): boolean;
  /** Calls functions before Ctrl-Z stops this process, and after it continues. Returns a function that ends this. */
  aroundStop(before: () => void, after: () => void): () => void;
}

/** The terminal of this process, whose stdout was a terminal when it started. */
export const ownTerminal: OwnTerminal = {
  // A descriptor of a terminal that hung up isn't one anymore. Unlike /dev/tty, this works for a terminal of another session.
  isClosed: () => !isatty(1),
  isOccupied: () => (placeOnTerminal() ?? listedPlace()) === 'background',
  aroundStop(before, after) {
    const stop = () => {
      before();
      process.off('SIGTSTP', stop);
      // Stops here until SIGCONT. Does nothing if no shell could continue the process.
      process.kill(process.pid, 'SIGTSTP');
      process.on('SIGTSTP', stop);
      after();
    };
    process.on('SIGTSTP', stop);
    return () => void process.off('SIGTSTP', stop);
  },
};

/** Returns the place of this process as `ps` lists it; undefined if it doesn't. */
function listedPlace(): ReturnType<typeof placeOnTerminal> {
  try {
    const row = execFileSync('ps', ['-o', 'pgid=', '-o', 'tpgid=', '-p', String(process.pid)], {
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [group = 0, foreground = 0] = row.trim().split(/\s+/).map(Number);
    return placeOf(group, foreground);
  } catch {
    return undefined;
  }
}
