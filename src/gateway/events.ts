/** A request of a client that has ended. It has nothing of the prompt or the answer. */
export interface RequestRecord {
  readonly client: string;
  /** Undefined if the request names none. */
  readonly model: string | undefined;
  readonly path: string;
  /** The status that the client got; undefined if it went away before. */
  readonly status: number | undefined;
  /** The name of the key that answered; undefined if none did. */
  readonly key: string | undefined;
  readonly pool: string | undefined;
  /** Whether it was paid for with prepaid credit. */
  readonly credit: boolean;
  /** How often it was sent to a seat. */
  readonly attempts: number;
  /** Whether the client got the whole answer. */
  readonly complete: boolean;
  /** Milliseconds in the queue. */
  readonly queueTime: number;
  /** Milliseconds from its arrival to the first byte of the answer. */
  readonly timeToFirstByte: number | undefined;
  /** Milliseconds from its arrival to its end. */
  readonly duration: number;
  /** Undefined if the answer doesn't say. */
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
}
