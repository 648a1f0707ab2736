import { Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import { type Load, type Outcome, type Plan, partsOf, planOf } from './seat-load.ts';

/** Where clients send their requests. */
export interface Target {
  readonly url: string;
  /** The token or key of each client in turn. */
  readonly tokens: readonly string[];
}

/** How a request ended for its client. */
export interface ClientResult {
  /** Undefined if the client went away before, or there was no answer. */
  readonly status: number | undefined;
  /** `failed`: there was no answer with status 200, or it was wrong. */
  readonly outcome: Outcome | 'failed';
  /** Milliseconds to the first byte of the body. */
  readonly firstByte: number | undefined;
  /** Milliseconds to the last byte. */
  readonly duration: number;
  /** Why it failed. */
  readonly problem: string | undefined;
}

/** What clients counted. */
export interface ClientTotals {
  /** Requests that ended. */
  ended: number;
  readonly outcomes: Record<ClientResult['outcome'], number>;
  /** Requests that didn't end as planned. */
  lost: number;
  /** Some of them. */
  readonly problems: string[];
  readonly statuses: Record<string, number>;
}

/** What clients got so far, answers that haven't ended included. */
export interface ClientProgress {
  readonly begun: number;
  readonly ended: number;
  readonly bytes: number;
  /** Milliseconds since the process started. */
  readonly time: number;
}

/** What to run. */
export interface RunOptions {
  readonly target: Target;
  readonly load: Load;
  /** The number of requests. */
  readonly count: number;
  /** How many clients send one request after the other. */
  readonly clients: number;
  /** The number of the first request. */
  readonly first?: number;
  /** Stops sending. */
  readonly signal?: AbortSignal | undefined;
}

/** How long clients wait before they go away, in milliseconds. */
const patience = { waiting: 10, silent: 500 };
/** How long a slow client stops reading, in milliseconds. */
const slowTime = 200;

/** The clients of a run. */
export class SeatClients {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 4096 });
  #begun = 0;
  #bytes = 0;
  readonly totals: ClientTotals = {
    ended: 0,
    outcomes: { whole: 0, half: 0, gone: 0, failed: 0 },
    lost: 0,
    problems: [],
    statuses: {},
  };

  get progress(): ClientProgress {
    return { begun: this.#begun, ended: this.totals.ended, bytes: this.#bytes, time: performance.now() };
  }

  /** Sends the requests, and waits until all have ended. */
  async run({ target, load, count, clients, first = 0, signal }: RunOptions): Promise<ClientTotals> {
    let sent = 0;
    const work = async (client: number) => {
      while (sent < count && !signal?.aborted) {
        const number = first + sent++;
        const result = await this.ask(target, { load, number, client });
        this.#count(number, planOf(load, number), result);
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
    return this.totals;
  }

  /** Sends one request. */
  ask(target: Target, { load, number, client }: { load: Load; number: number; client: number }): Promise<ClientResult> {
    const plan = planOf(load, number);
    const token = target.tokens[client % target.tokens.length] ?? '';
    const isAnthropic = plan.format === 'anthropic';
    const options = {
      method: 'POST',
      agent: this.#agent,
      headers: {
        ...(isAnthropic ? { 'X-Api-Key': token } : { Authorization: `Bearer ${token}` }),
        'Content-Type': 'application/json',
        'Content-Length': plan.body.length,
        'X-Client': `client-${client}`,
        'X-Request': number,
      },
    };
    const path = isAnthropic ? '/anthropic/v1/messages' : '/v1/chat/completions';
    return new Promise((resolve) => {
      const outgoing = send(target.url + path, options);
      outgoing.on('response', (answer) => {
        this.#begun++;
        answer.on('data', ({ length }: Buffer) => {
          this.#bytes += length;
        });
      });
      new Reader(outgoing, { plan, number, resolve });
      outgoing.end(plan.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #count(number: number, plan: Plan, { outcome, status, problem }: ClientResult): void {
    const { totals } = this;
    totals.ended++;
    totals.outcomes[outcome]++;
    totals.statuses[status ?? 'none'] = (totals.statuses[status ?? 'none'] ?? 0) + 1;
    // A client that wants to leave may get its answer before.
    if (outcome === plan.outcome || (plan.outcome === 'gone' && outcome !== 'failed')) return;
    totals.lost++;
    if (totals.problems.length < 20) {
      const planned = `${plan.faults.join(', ')}; ${plan.reading}; ${plan.outcome} expected`;
      totals.problems.push(`request ${number} (${planned}): ${outcome}, ${status ?? 'no status'}, ${problem ?? ''}`);
    }
  }
}

/** Reads the answer of one request. */
class Reader {
  readonly #outgoing: ClientRequest;
  readonly #plan: Plan;
  readonly #number: number;
  readonly #resolve: (result: ClientResult) => void;
  readonly #sentAt = performance.now();
  readonly #chunks: Buffer[] = [];
  #answer: IncomingMessage | undefined;
  #firstByte: number | undefined;
  #problem: string | undefined;
  #isGone = false;
  #hasEnded = false;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(
    outgoing: ClientRequest,
    { plan, number, resolve }: { plan: Plan; number: number; resolve: (result: ClientResult) => void },
  ) {
    this.#outgoing = outgoing;
    this.#plan = plan;
    this.#number = number;
    this.#resolve = resolve;
    const isImpatient = plan.reading === 'leaves before the answer';
    if (isImpatient || plan.faults.includes('silence')) {
      this.#timer = setTimeout(
        () => {
          if (plan.outcome === 'gone' && (isImpatient || !this.#answer)) this.#leave();
        },
        isImpatient ? patience.waiting : patience.silent,
      );
    }
    outgoing.on('error', ({ message }) => {
      this.#problem = message;
      if (!this.#answer) this.#end(false);
    });
    outgoing.on('response', (answer) => this.#read(answer));
  }

  #read(answer: IncomingMessage): void {
    this.#answer = answer;
    answer.on('data', (chunk: Buffer) => {
      if (this.#firstByte === undefined) {
        this.#firstByte = performance.now() - this.#sentAt;
        if (this.#plan.reading === 'leaves within the answer') this.#leave();
        if (this.#plan.reading === 'slowly') {
          answer.pause();
          setTimeout(() => answer.resume(), slowTime);
        }
      }
      this.#chunks.push(chunk);
    });
    answer.on('error', ({ message }) => {
      this.#problem = message;
    });
    answer.on('close', () => this.#end(answer.complete));
  }

  #leave(): void {
    this.#isGone = true;
    this.#outgoing.destroy();
    this.#end(false);
  }

  #end(isComplete: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    const duration = performance.now() - this.#sentAt;
    const text = Buffer.concat(this.#chunks);
    this.#resolve({
      status: this.#answer?.statusCode,
      outcome: this.#isGone ? 'gone' : this.#outcome(text, isComplete),
      firstByte: this.#firstByte,
      duration,
      problem: this.#problem ?? text.subarray(0, 200).toString(),
    });
  }

  #outcome(text: Buffer, isComplete: boolean): ClientResult['outcome'] {
    if (this.#answer?.statusCode !== 200) return 'failed';
    const expected = Buffer.from(partsOf(this.#plan, this.#number).join(''));
    if (isComplete) return text.equals(expected) ? 'whole' : 'failed';
    return text.length < expected.length && text.equals(expected.subarray(0, text.length)) ? 'half' : 'failed';
  }
}
