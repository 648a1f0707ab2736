/** The signals that interrupt a command. */
export const interruptingSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Time in which a second signal counts as the same, in milliseconds: `timeout` signals the process and then its group. */
export const sameSignal = 300;

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

/** Passes some signals of this process to a function, overriding their defaults. Returns a function that ends this. */
export function listenTo(signals: readonly NodeJS.Signals[], receive: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of signals) process.on(signal, receive);
  return () => {
    for (const signal of signals) process.off(signal, receive);
  };
}
