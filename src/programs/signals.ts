/** The signals that are passed on to a command. */
export const passedSignals = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
] as const satisfies readonly NodeJS.Signals[];

/** Passes all signals of this process to a function, overriding their defaults. Returns a function that ends this. */
export type PassSignals = (receive: (signal: NodeJS.Signals) => void) => () => void;
