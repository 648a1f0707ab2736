import { writeSync } from 'node:fs';

/** Where text goes: a stream of the process, or a buffer in a test. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** Why nothing more can be written, once it is so. */
  readonly errored?: Error | null | undefined;
  /** @param done - called when the text is written, or cannot be */
  write(text: string, done?: (error?: Error | null) => void): unknown;
  /** Of a terminal: tells when its size changes. */
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Waits until all text given to a sink is written. @returns why it is not */
export function written(sink: Sink): Promise<Error | undefined> {
  return new Promise((resolve) => {
    if (sink.errored) resolve(sink.errored);
    else sink.write('', (error) => resolve(error ?? undefined));
  });
}

/**
 * A file as a sink. A stream of Node.js takes a text for written when the disk took only the beginning of it; here it is an error,
 * after which nothing more is written.
 */
export function fileSink(descriptor: number): Sink {
  let errored: Error | undefined;
  return {
    get errored() {
      return errored;
    },
    write(text, done) {
      if (!errored) {
        try {
          writeWhole(descriptor, Buffer.from(text));
        } catch (error) {
          errored = error instanceof Error ? error : new Error(String(error));
        }
      }
      done?.(errored);
    },
  };
}

/** Nothing is written too: that tells whether something could be. */
function writeWhole(descriptor: number, bytes: Buffer): void {
  let at = 0;
  do {
    const written = writeSync(descriptor, bytes, at);
    if (written === 0 && bytes.length > 0) throw new Error('the disk is full');
    at += written;
  } while (at < bytes.length);
}
