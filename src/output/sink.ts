import { writeSync } from 'node:fs';
import { codeOf } from '../domain/errors.ts';

/** Takes text: a stream of the process, or a buffer in a test. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** The error after which nothing more can be written. */
  readonly errored?: Error | null | undefined;
  /** @param done - called once the text is written, or can't be */
  write(text: string, done?: (error?: Error | null) => void): unknown;
  /** Listens for a change of a terminal's size. */
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Returns a copy of a sink that writes differently. */
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

/** Waits until a sink has written everything. @returns the error if it couldn't */
export function written(sink: Sink): Promise<Error | undefined> {
  return new Promise((resolve) => {
    if (sink.errored) resolve(sink.errored);
    else sink.write('', (error) => resolve(error ?? undefined));
  });
}

/**
 * Returns a sink that writes to a file. Unlike a stream of Node.js, it reports an error if the disk takes only part of a text, and
 * writes nothing more after that.
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

/** How many bytes are written to a pipe directly. All systems can hold as many (macOS 16 KiB, Linux 64 KiB). */
const atOnce = 8192;

/**
 * Returns a sink that writes to a pipe. The first bytes are written directly, because creating a stream takes longer than the rest of
 * a short command. More than that goes through a stream, which doesn't block until the pipe is read.
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

/** The parts of a Node.js stream that a pipe needs. */
interface Stream {
  readonly errored: Error | null;
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): unknown;
}

/** Returns whether the pipe is full, if another process made it non-blocking. */
function isFull(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN';
}

/** Writes bytes, even zero of them, which shows whether the file can be written. */
function writeWhole(descriptor: number, bytes: Buffer): void {
  let at = 0;
  do {
    const written = writeSync(descriptor, bytes, at);
    if (written === 0 && bytes.length > 0) throw new Error('the disk is full');
    at += written;
  } while (at < bytes.length);
}
