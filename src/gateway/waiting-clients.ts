/** A request that waits for its turn. */
export interface Waiting {
  /** The client that sent it. Clients share the seats fairly. */
  readonly client: string;
  /** The order of arrival. */
  readonly sequence: number;
}

/** What the order of clients depends on. */
interface Share {
  /** How many of the client's requests are being answered. */
  running: number;
  /** How many wait. */
  waiting: number;
  /**
   * The client's turn: one more than that of its last request. A new client starts at the turn of the request that started last, so that
   * it neither waits for those that came before nor overtakes them forever (start-time fair queueing).
   */
  turn: number;
}

/** Decides whose request is next: that of the client with the fewest running requests, then with the earliest turn. */
export class ClientShares {
  readonly #shares = new Map<string, Share>();
  /** The turn of the request that started last. */
  #turn = 0;

  /** Counts a request that waits. */
  wait({ client }: Waiting): void {
    this.#of(client).waiting++;
  }

  /** Counts a request that no longer waits. */
  leave({ client }: Waiting): void {
    this.#of(client).waiting--;
    this.#forget(client);
  }

  /** Counts a request that is being answered. */
  start({ client }: Waiting): void {
    const share = this.#of(client);
    share.running++;
    this.#turn = Math.max(this.#turn, share.turn);
    share.turn++;
  }

  /** Counts a request that is no longer being answered. */
  end({ client }: Waiting): void {
    this.#of(client).running--;
    this.#forget(client);
  }

  /** Returns which of two requests of different clients is first: negative for the first one, as in `sort`. */
  compare(one: Waiting, other: Waiting): number {
    const [a, b] = [this.#of(one.client), this.#of(other.client)];
    return a.running - b.running || a.turn - b.turn || one.sequence - other.sequence;
  }

  #of(client: string): Share {
    const known = this.#shares.get(client);
    if (known) return known;
    const share = { running: 0, waiting: 0, turn: this.#turn };
    this.#shares.set(client, share);
    return share;
  }

  /** Forgets clients without requests that a new client would be like. */
  #forget(client: string): void {
    const share = this.#shares.get(client);
    if (!share || share.running > 0 || share.waiting > 0) return;
    if (share.turn <= this.#turn || this.#shares.size > mostIdle) this.#shares.delete(client);
  }
}

/** How many clients are remembered. */
const mostIdle = 10_000;

/** The waiting requests for one model: a line for each client. */
export class WaitingRequests<Request extends Waiting> {
  readonly #lines = new Map<string, Set<Request>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(request: Request): void {
    const line = this.#lines.get(request.client);
    if (line) line.add(request);
    else this.#lines.set(request.client, new Set([request]));
    this.#size++;
  }

  /** Removes a request. Returns whether it was there. */
  remove(request: Request): boolean {
    const line = this.#lines.get(request.client);
    if (!line?.delete(request)) return false;
    if (line.size === 0) this.#lines.delete(request.client);
    this.#size--;
    return true;
  }

  /** Returns the first request of each client. */
  *heads(): Iterable<Request> {
    for (const [first] of this.#lines.values()) if (first) yield first;
  }

  *[Symbol.iterator](): Iterator<Request> {
    for (const line of this.#lines.values()) yield* line;
  }
}
