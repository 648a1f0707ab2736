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
  /** When the client last had its turn, as a number of started requests. A new client is before the one that had the last turn. */
  turn: number;
}

/**
 * Decides whose request is next: that of the client with the fewest running requests, then of the one whose last turn was the longest
 * time ago. A client that waits while none of its requests is answered is overtaken at most once by each of the others, and not by new
 * ones.
 */
export class ClientShares {
  /** The clients with requests. */
  readonly #shares = new Map<string, Share>();
  /** The number of requests that were started. */
  #started = 0;

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
    share.turn = ++this.#started;
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
    const share = { running: 0, waiting: 0, turn: this.#started - 0.5 };
    this.#shares.set(client, share);
    return share;
  }

  #forget(client: string): void {
    const share = this.#shares.get(client);
    if (share?.running === 0 && share.waiting === 0) this.#shares.delete(client);
  }
}

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
