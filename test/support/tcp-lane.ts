import type { Socket } from 'node:net';

/**
 * What a proxy does with the bytes of a direction, and with the end of a connection.
 *
 * - `pass`: forwards them.
 * - `hold`: keeps them until the direction passes again, like a partition that heals.
 * - `drop`: loses them, like a partition that doesn't heal. A connection that has lost bytes never forwards any again in that direction;
 *   new connections do, once the direction passes.
 * - `delay`: forwards them later, in milliseconds.
 * - `after`: forwards this many bytes of each connection, counted from now, and then does something else. A reset closes the connection
 *   in both directions.
 */
export type Mode =
  | 'pass'
  | 'hold'
  | 'drop'
  | { readonly delay: number }
  | { readonly after: number; readonly then: 'hold' | 'drop' | 'reset' };

/** What a lane counts. */
export interface LaneCount {
  /** Bytes that were forwarded. */
  passed: number;
  /** Bytes that wait to be forwarded. */
  held: number;
  /** Bytes that were lost. */
  dropped: number;
}

/** Bytes, the end of the stream, or the reset of the connection. */
type Content = Buffer | 'end' | 'reset';

interface Item {
  readonly content: Content;
  /** When it may leave, on the monotonic clock. */
  readonly due: number;
}

/** One direction of one connection. */
export class Lane {
  readonly #count: LaneCount;
  readonly #reset: () => void;
  #mode: Mode;
  #left: number;
  #lost = false;
  #to: Socket | undefined;
  #items: Item[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(mode: Mode, count: LaneCount, reset: () => void) {
    this.#mode = mode;
    this.#left = leftIn(mode);
    this.#count = count;
    this.#reset = reset;
  }

  /** Whether something has to be forwarded now. */
  get isWaiting(): boolean {
    return this.#items.length > 0 && this.#now === 'pass';
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    this.#left = leftIn(mode);
    this.pump();
  }

  /** Sets where the bytes go. */
  connect(to: Socket): void {
    this.#to = to;
    this.pump();
  }

  /** Takes what arrives. */
  take(content: Content): void {
    const delay = typeof this.#mode === 'object' && 'delay' in this.#mode ? this.#mode.delay : 0;
    this.#items.push({ content, due: performance.now() + delay });
    this.#count.held += sizeOf(content);
    this.pump();
  }

  /** Forwards what may be forwarded. */
  pump(): void {
    clearTimeout(this.#timer);
    for (let item = this.#items[0]; item; item = this.#items[0]) {
      const now = this.#now;
      if (now === 'hold') return;
      if (now === 'reset' || (now === 'pass' && item.content === 'reset')) {
        this.#reset();
        return;
      }
      if (now === 'drop') {
        this.#shift(item);
        this.#lost = true;
        this.#count.dropped += sizeOf(item.content);
        continue;
      }
      if (!this.#to) return;
      const wait = item.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait);
        return;
      }
      this.#shift(item);
      if (item.content === 'end') this.#to.end();
      else if (item.content !== 'reset') this.#forward(item.content, item.due, this.#to);
    }
  }

  /** Forgets what wasn't forwarded. */
  close(): void {
    clearTimeout(this.#timer);
    for (const item of this.#items) this.#count.held -= sizeOf(item.content);
    this.#items = [];
  }

  /** What happens to the next bytes. */
  get #now(): 'pass' | 'hold' | 'drop' | 'reset' {
    if (this.#lost) return 'drop';
    if (typeof this.#mode === 'string') return this.#mode;
    if ('delay' in this.#mode || this.#left > 0) return 'pass';
    return this.#mode.then;
  }

  #forward(bytes: Buffer, due: number, to: Socket): void {
    const part = bytes.subarray(0, this.#left);
    const rest = bytes.subarray(part.length);
    this.#left -= part.length;
    this.#count.passed += part.length;
    to.write(part);
    if (rest.length === 0) return;
    this.#items.unshift({ content: rest, due });
    this.#count.held += rest.length;
  }

  /** Removes the first item. */
  #shift(item: Item): void {
    this.#items.shift();
    this.#count.held -= sizeOf(item.content);
  }
}

function leftIn(mode: Mode): number {
  return typeof mode === 'object' && 'after' in mode ? mode.after : Number.POSITIVE_INFINITY;
}

function sizeOf(content: Content): number {
  return typeof content === 'string' ? 0 : content.length;
}
