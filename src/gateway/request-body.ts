import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** The largest body of a request, in bytes. */
export const largestBody = 64 * 1024 * 1024;

/** The memory for request bodies that may have to be sent again, in bytes. */
const replayMemory = 64 * 1024 * 1024;

/** How much of a body is read while its request waits, in bytes. Then a client that goes away is noticed. */
const mostAhead = 1024 * 1024;

/** The memory that the bodies of requests share, so that many large ones can't fill that of the machine. */
export class ReplayMemory {
  readonly #size: number;
  #free: number;

  /** @param size - in bytes */
  constructor(size = replayMemory) {
    this.#size = size;
    this.#free = size;
  }

  /** Whether more than half of it is used. */
  get isScarce(): boolean {
    return this.#free < this.#size / 2;
  }

  /** Reserves some bytes. Returns whether they were free. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  free(bytes: number): void {
    this.#free += bytes;
  }
}

/** What the body of a request depends on. */
interface BodyOptions {
  readonly memory: ReplayMemory;
  /** Returns milliseconds of a clock that can't be set. */
  readonly monotonic: () => number;
  /** Called if the body turns out to be larger than {@link largestBody}. */
  readonly onTooLarge: () => void;
  /** Called if the client stops sending, or sends too slowly. */
  readonly onStalled: () => void;
}

/** How long the gateway waits for a body in all, in milliseconds, besides the time that its bytes may take. */
const clientTimeout = 60_000;
/** How slowly a client may send, in bytes per millisecond. */
const slowest = 8;

/**
 * The body of a client's request. It is read only as fast as it is sent on. What was sent is kept until an answer begins, so that it can
 * be sent to another seat, unless the memory for that is used up.
 */
export class RequestBody {
  readonly #source: IncomingMessage;
  readonly #options: BodyOptions;
  /** What has arrived, without what was dropped. */
  readonly #chunks: Buffer[] = [];
  /** How many chunks were dropped after they were sent. */
  #dropped = 0;
  /** How many chunks were sent, the latest time. */
  #sent = 0;
  /** The latest stream; undefined if the body is sent as a whole, or isn't needed any more. */
  #stream: Readable | undefined;
  /** The number of bytes that have arrived. */
  #size = 0;
  /** The number of bytes in the shared memory. */
  #reserved = 0;
  #keeps = true;
  #hasEnded = false;
  #failure: Error | undefined;
  #readsAhead = false;
  /** Called when something has arrived, or the body has ended or failed. */
  #onChange: (() => void) | undefined;
  /** Fires if the client stops sending, or sends too slowly. */
  #timer: NodeJS.Timeout | undefined;
  /** How long it was waited for until now, in milliseconds. */
  #waited = 0;
  /** When the wait began, in milliseconds of the monotonic clock. */
  #waitingSince = 0;

  constructor(source: IncomingMessage, options: BodyOptions) {
    this.#source = source;
    this.#options = options;
    source.on('data', (chunk: Buffer) => this.#add(chunk));
    source.on('end', () => {
      this.#hasEnded = true;
      this.#onChange?.();
    });
    const onGone = () => {
      if (!this.#isComplete) this.#fail(new Error('The client closed the connection'), () => {});
    };
    source.on('error', onGone);
    source.on('close', onGone);
    source.pause();
  }

  /** Whether it can be sent, or sent again, from its beginning. */
  get canReplay(): boolean {
    return this.#dropped === 0 && !this.#failure;
  }

  /** Whether the client didn't send all of it. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Reads until a function has seen enough, to the end, or until the shared memory is used up.
   *
   * @param take - gets each chunk, and returns whether it has seen enough
   * @throws Error if the client doesn't send all of it
   */
  async readUntil(take: (chunk: Buffer) => boolean): Promise<void> {
    for (let at = 0; ; ) {
      for (; at < this.#chunks.length; at++) {
        const chunk = this.#chunks[at];
        if (chunk && take(chunk)) return;
      }
      if (this.#failure) throw this.#failure;
      if (this.#isComplete || !this.#keeps) return;
      await new Promise<void>((resolve) => this.#whenChanged(resolve));
    }
  }

  /** Reads on while the request waits, up to a limit. */
  readAhead(): void {
    if (this.#isComplete || this.#failure || !this.#keeps) return;
    this.#readsAhead = true;
    this.#source.resume();
  }

  /** Returns all of the body; undefined if it hasn't arrived, or wasn't kept. */
  get whole(): Buffer | undefined {
    return this.#isComplete && this.canReplay ? Buffer.concat(this.#chunks) : undefined;
  }

  /**
   * Returns the body to send: as a whole if all of it has arrived, else as a stream. Only the latest stream can be read.
   *
   * @throws Error if its beginning wasn't kept
   */
  open(): Buffer | Readable {
    if (!this.canReplay) throw new Error('The beginning of the body was not kept');
    const [first, second] = this.#chunks;
    this.#stopReadingAhead();
    if (this.#isComplete) {
      this.#stream = undefined;
      this.#sent = this.#chunks.length;
      return first && !second ? first : Buffer.concat(this.#chunks);
    }
    this.#sent = 0;
    const pull = () => {
      if (stream !== this.#stream) return;
      const chunk = this.#chunks[this.#sent - this.#dropped];
      if (chunk) {
        this.#sent++;
        this.#dropSent();
        stream.push(chunk);
      } else if (this.#failure) stream.destroy(this.#failure);
      else if (this.#isComplete) stream.push(null);
      else this.#whenChanged(pull);
    };
    const stream = new Readable({
      read: pull,
      destroy: (error, done) => {
        // An earlier stream may be destroyed while a later one is read.
        if (stream === this.#stream) {
          this.#stopWaiting();
          this.#source.pause();
        }
        done(error);
      },
    });
    this.#stream = stream;
    return stream;
  }

  /** Forgets what was sent, because an answer has begun. What still arrives is only passed on. */
  release(): void {
    this.#stopKeeping();
    this.#dropSent();
  }

  /** Reads the rest without passing it on, so that the connection can be used for another request. */
  discard(): void {
    this.#stream = undefined;
    this.#stopKeeping();
    this.#dropped += this.#chunks.length;
    this.#chunks.length = 0;
    this.#stopWaiting();
    this.#source.removeAllListeners('data');
    this.#source.resume();
  }

  /** Whether all of it has arrived. The event says so later. */
  get #isComplete(): boolean {
    return this.#hasEnded || (this.#source.complete && this.#source.readableLength === 0);
  }

  /** Reads on until something has arrived, or the body has ended or failed. */
  #whenChanged(act: () => void): void {
    this.#stopWaiting();
    this.#waitingSince = this.#options.monotonic();
    // A client that sends byte by byte would hold its seat forever.
    const left = clientTimeout + this.#size / slowest - this.#waited;
    this.#timer = setTimeout(() => {
      this.#fail(new Error('The client sends too slowly'), this.#options.onStalled);
    }, left).unref();
    this.#onChange = () => {
      this.#stopWaiting();
      this.#source.pause();
      act();
    };
    this.#source.resume();
  }

  #stopWaiting(): void {
    if (this.#onChange) this.#waited += this.#options.monotonic() - this.#waitingSince;
    clearTimeout(this.#timer);
    this.#onChange = undefined;
  }

  #add(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > largestBody) {
      this.#fail(new Error('The body is too large'), this.#options.onTooLarge);
    } else {
      this.#chunks.push(chunk);
      if (this.#keeps) {
        if (this.#options.memory.take(chunk.length)) this.#reserved += chunk.length;
        else this.#stopKeeping();
      }
    }
    if (this.#readsAhead && (this.#size >= mostAhead || this.#options.memory.isScarce)) this.#stopReadingAhead();
    this.#onChange?.();
  }

  #stopReadingAhead(): void {
    if (!this.#readsAhead) return;
    this.#readsAhead = false;
    this.#source.pause();
  }

  #fail(error: Error, tell: () => void): void {
    if (this.#failure) return;
    this.#failure = error;
    tell();
    this.#onChange?.();
  }

  #stopKeeping(): void {
    this.#keeps = false;
    this.#options.memory.free(this.#reserved);
    this.#reserved = 0;
  }

  /** Drops the chunks that were sent, unless they are kept. */
  #dropSent(): void {
    if (this.#keeps || this.#sent <= this.#dropped) return;
    this.#chunks.splice(0, this.#sent - this.#dropped);
    this.#dropped = this.#sent;
  }
}
