import { writeSync } from 'node:fs';
import { codeOf } from '../domain/errors.ts';

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

/** Returns a sink that differs from another in how it writes. */
export function withWrite(sink: Sink, write: Sink['write']): Sink {
  return {
    isTTY: sink.isTTY,
    get columns() {
      return sink.columns;
    },
    get rows() {
      return sink.rows;
    },
    get errored() {
      return sink.errored;
    },
    write,
    on: (event, listener) => sink.on?.(event, listener),
    off: (event, listener) => sink.off?.(event, listener),
  };
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

/** What a pipe is given at once, in bytes altogether: every system's can hold it (macOS's 16 KiB, Linux's 64 KiB). */
const atOnce = 8192;

/**
 * A pipe as a sink. As much as it can hold is written at once, as making a stream takes longer than all the rest of a short
 * command; anything more goes through a stream, as that does not stand still until somebody reads.
 */
export function pipeSink(descriptor: number, makeStream: () => Stream): Sink {
  let given = 0;
  let errored: Error | undefined;
  let stream: Stream | undefined;
  return {
    get errored() {
      return stream ? stream.errored : errored;
    },
    write(text, done) {
      const bytes = Buffer.from(text);
      given += bytes.length;
      let at = 0;
      if (!stream && !errored && given <= atOnce) {
        try {
          at = writeSync(descriptor, bytes);
        } catch (error) {
          if (!isFull(error)) errored = error instanceof Error ? error : new Error(String(error));
        }
      }
      if (errored || (!stream && at === bytes.length)) return done?.(errored);
      stream ??= makeStream();
      stream.write(bytes.subarray(at), done);
    },
  };
}

/** What of a stream of Node.js a pipe needs. */
interface Stream {
  readonly errored: Error | null;
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): unknown;
}

/** Whether a pipe that another process made non-blocking has no room. */
function isFull(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN';
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
