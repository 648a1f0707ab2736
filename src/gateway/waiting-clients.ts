/** A request that waits for its turn. */
export interface Waiting {
  /** The client that sent it. Clients share the seats fairly. */
  readonly client: string;
  /** The model that it asks for; undefined if that isn't known. */
  readonly model: string | undefined;
  /** The order of arrival. */
  readonly sequence: number;
}

/** What the order of the clients of a model depends on. */
interface Share {
  /** How many of the client's requests for the model are being answered. */
  running: number;
  /** How many wait. */
  waiting: number;
  /**
   * When the client last had its turn with the model, as a number of started requests. A new client is before the one that had the last
   * turn.
   */
  turn: number;
}

/**
 * Decides which client is next: the one with the fewest running requests, then the one that waited longest since its last turn. A client
 * that waits while none of its requests is answered is overtaken at most once by each of the others, and not by new ones.
 */
export class ClientShares {
  /** The clients with requests, for each model. */
  readonly #shares = new Map<string | undefined, Map<string, Share>>();
  /** The number of requests that were started. */
  #started = 0;

  /** Counts a request that waits. */
  wait(request: Waiting): void {
    this.#of(request).waiting++;
  }

  /** Counts a request that no longer waits. */
  leave(request: Waiting): void {
    this.#of(request).waiting--;
    this.#forget(request);
  }

  /** Counts a request that is being answered. */
  start(request: Waiting): void {
    const share = this.#of(request);
    share.running++;
    share.turn = ++this.#started;
  }

  /** Counts the end of a request. */
  end(request: Waiting): void {
    this.#of(request).running--;
    this.#forget(request);
  }

  /** Returns which of two requests of different clients is first: negative for the first one, as in `sort`. */
  compare(one: Waiting, other: Waiting): number {
    const [a, b] = [this.#of(one), this.#of(other)];
    return a.running - b.running || a.turn - b.turn || one.sequence - other.sequence;
  }

  #of({ client, model }: Waiting): Share {
    const ofModel = this.#shares.get(model) ?? new Map<string, Share>();
    const share = ofModel.get(client) ?? { running: 0, waiting: 0, turn: this.#started - 0.5 };
    this.#shares.set(model, ofModel.set(client, share));
    return share;
  }

  #forget({ client, model }: Waiting): void {
    const ofModel = this.#shares.get(model);
    const share = ofModel?.get(client);
    if (share?.running === 0 && share.waiting === 0) ofModel?.delete(client);
    if (ofModel?.size === 0) this.#shares.delete(model);
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
