/** Where text goes: a stream of the process, or a buffer in a test. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** Why nothing more can be written, once it is so. */
  readonly errored?: Error | null | undefined;
  /** @param done - called when the text is written, or cannot be */
  write(text: string, done?: (error?: Error | null) => void): unknown;
}

/** Waits until all text given to a sink is written. @returns why it is not */
export function written(sink: Sink): Promise<Error | undefined> {
  return new Promise((resolve) => {
    if (sink.errored) resolve(sink.errored);
    else sink.write('', (error) => resolve(error ?? undefined));
  });
}
