import { isatty } from 'node:tty';

/** The terminal that stdout is. */
export interface OwnTerminal {
  /** Returns whether it was closed, such as with its window or the connection to it. */
  isClosed(): boolean;
}

/** The terminal of this process, whose stdout was a terminal when it started. */
export const ownTerminal: OwnTerminal = {
  // A descriptor of a terminal that hung up isn't one anymore. Unlike /dev/tty, this works for a terminal of another session.
  isClosed: () => !isatty(1),
};
