/** The upper bounds of the buckets of durations, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const;

/** A number for each combination of labels. */
class Series {
  readonly #values = new Map<string, number>();

  add(labels: Labels, value = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + value);
  }

  *lines(name: string): Iterable<string> {
    for (const [labels, value] of this.#values) yield `${name}${braced(labels)} ${value}`;
  }
}

/** How often durations were below each bound. */
class Histogram {
  readonly #counts = buckets.map(() => 0);
  #count = 0;
  #sum = 0;

  add(seconds: number): void {
    this.#count++;
    this.#sum += seconds;
    for (const [at, bound] of buckets.entries()) if (seconds <= bound) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  *lines(name: string): Iterable<string> {
    for (const [at, bound] of buckets.entries()) yield `${name}_bucket{le="${boundText(bound)}"} ${this.#counts[at]}`;
    yield `${name}_bucket{le="+Inf"} ${this.#count}`;
    yield `${name}_sum ${this.#sum}`;
    yield `${name}_count ${this.#count}`;
  }
}

type Labels = Readonly<Record<string, string>>;

/** A seat in the metrics. */
interface SeatGauge {
  readonly seat: string;
  readonly pool: string;
  readonly isBusy: boolean;
  readonly isAvailable: boolean;
}

/** What is counted at the moment of reading. */
export interface Gauges {
  readonly seats: readonly SeatGauge[];
  /** The number of waiting requests for each model. */
  readonly queue: ReadonlyMap<string | undefined, number>;
}

/** The media type of the metrics. */
export const metricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Counts what the gateway does. Source of the format: OpenMetrics 1.0. */
export class Metrics {
  readonly #requests = new Series();
  readonly #upstream = new Series();
  readonly #seatSeconds = new Series();
  readonly #tokens = new Series();
  readonly #credit = new Series();
  readonly #queueWait = new Histogram();
  readonly #firstByte = new Histogram();

  /** Counts a request that has ended. @param status - 499 if the client went away before an answer */
  countRequest(model: string, status: number): void {
    this.#requests.add({ model, status: String(status) });
  }

  /** Counts an answer of the API. @param result - its status, or why there is none */
  countAnswer(seat: string, result: string): void {
    this.#upstream.add({ seat, status: result });
  }

  countSeatTime(seat: string, seconds: number): void {
    this.#seatSeconds.add({ seat }, seconds);
  }

  countTokens(model: string, { prompt, completion }: { readonly prompt: number; readonly completion: number }): void {
    this.#tokens.add({ model, type: 'prompt' }, prompt);
    this.#tokens.add({ model, type: 'completion' }, completion);
  }

  /** Counts a request that is paid for with prepaid credit. */
  countCredit(model: string): void {
    this.#credit.add({ model });
  }

  addQueueWait(seconds: number): void {
    this.#queueWait.add(seconds);
  }

  addTimeToFirstByte(seconds: number): void {
    this.#firstByte.add(seconds);
  }

  /** Returns all as a text. */
  text({ seats, queue }: Gauges): string {
    const lines: string[] = [];
    const family = (name: string, type: string, help: string, samples: Iterable<string>, unit?: string) => {
      lines.push(`# TYPE ${name} ${type}`);
      if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
      lines.push(`# HELP ${name} ${help}`, ...samples);
    };
    const named = (text: string) => `cheapestinference_gateway_${text}`;
    const counter = (name: string, help: string, series: Series, unit?: string) =>
      family(named(name), 'counter', help, series.lines(`${named(name)}_total`), unit);
    const histogram = (name: string, help: string, values: Histogram) =>
      family(named(name), 'histogram', help, values.lines(named(name)), 'seconds');
    const gauge = (name: string, help: string, samples: readonly (readonly [Labels, number])[]) => {
      // Keys may have the same name, but a combination of labels may have only one value.
      const series = new Series();
      for (const [labels, value] of samples) series.add(labels, value);
      family(named(name), 'gauge', help, series.lines(named(name)));
    };
    counter('requests', 'Requests of clients.', this.#requests);
    counter('upstream_responses', 'Responses of the API.', this.#upstream);
    counter('credit_requests', 'Requests paid for with prepaid credit.', this.#credit);
    counter('tokens', 'Tokens that the API reports.', this.#tokens);
    counter('seat_busy_seconds', 'Time in which a seat answered requests.', this.#seatSeconds, 'seconds');
    histogram('queue_wait_seconds', 'Time in the queue.', this.#queueWait);
    histogram('time_to_first_byte_seconds', 'Time from a request to the first byte of its answer.', this.#firstByte);
    gauge(
      'queue_length',
      'Requests that wait for a seat.',
      [...queue].map(([model, length]) => [{ model: model ?? '' }, length]),
    );
    gauge(
      'seat_busy',
      'Whether a seat answers a request.',
      seats.map(({ seat, pool, isBusy }) => [{ seat, pool }, Number(isBusy)]),
    );
    gauge(
      'seat_available',
      'Whether a seat is within its hours and not set aside.',
      seats.map(({ seat, pool, isAvailable }) => [{ seat, pool }, Number(isAvailable)]),
    );
    return `${lines.join('\n')}\n# EOF\n`;
  }
}

/** Returns a bound as OpenMetrics writes numbers: with a decimal point. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',');
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}
