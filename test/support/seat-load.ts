import { random } from '../virtual/random.ts';

/** The requests of a run. Stand-in API and clients derive the same from it, whatever order they see the requests in. */
export interface Load {
  readonly seed: number;
  /** The fewest and the most events of an answer. */
  readonly events: readonly [number, number];
  /** The shortest and the longest time between two events, in milliseconds. */
  readonly pause: readonly [number, number];
  /** The text of each event, in bytes. */
  readonly eventSize: number;
  /** How often requests and answers go wrong: 1 for about 5 % of them, 0 for none. */
  readonly faults: number;
}

/** What goes wrong when the API gets a request. */
export type Fault =
  /** It closes the connection before an answer. */
  | 'reset'
  | '429 with Retry-After'
  | '429'
  | '500'
  | '503 with Retry-After'
  /** It pauses before the answer. */
  | 'stall'
  /** It pauses within the answer. */
  | 'pause'
  /** It closes the connection within the answer. */
  | 'half'
  /** It never answers. The client goes away. */
  | 'silence';

/** The faults after which the gateway sends a request again. */
const repeated: readonly (Fault | undefined)[] = [
  'reset',
  '429 with Retry-After',
  '429',
  '500',
  '503 with Retry-After',
] satisfies Fault[];

/** How a client reads its answer. */
type Reading = 'at once' | 'slowly' | 'leaves before the answer' | 'leaves within the answer';

/** How a request ends. */
export type Outcome = 'whole' | 'half' | 'gone';

/** What happens to a request. */
export interface Plan {
  readonly format: 'openai' | 'anthropic';
  readonly isStream: boolean;
  /** The body of the request. */
  readonly body: string;
  readonly events: number;
  /** Milliseconds between two events. */
  readonly pause: number;
  readonly eventSize: number;
  /** What goes wrong each time that the API gets the request. At the third time, nothing does. */
  readonly faults: readonly [Fault | undefined, Fault | undefined];
  readonly reading: Reading;
  /** How the request has to end. */
  readonly outcome: Outcome;
}

/** The share of each fault, in each of the two attempts. */
const faultShares: readonly (readonly [Fault, number])[] = [
  ['reset', 0.006],
  ['429 with Retry-After', 0.004],
  ['429', 0.002],
  ['500', 0.002],
  ['503 with Retry-After', 0.004],
  ['stall', 0.006],
  ['pause', 0.006],
  ['half', 0.006],
  ['silence', 0.002],
];

const readingShares: readonly (readonly [Reading, number])[] = [
  ['slowly', 0.001],
  ['leaves before the answer', 0.006],
  ['leaves within the answer', 0.006],
];

/** Returns what happens to the request with a number. */
export function planOf({ seed, events, pause, eventSize, faults }: Load, number: number): Plan {
  const next = random(Math.imul(seed, 1_000_003) + number);
  const between = ([least, most]: readonly [number, number]) => least + Math.floor(next() * (most - least + 1));
  const pick = <Name>(shares: readonly (readonly [Name, number])[]): Name | undefined => {
    let left = next() / faults;
    return shares.find(([, share]) => {
      left -= share;
      return left < 0;
    })?.[0];
  };
  const isAnthropic = next() < 0.3;
  const isStream = faults === 0 || next() < 0.8;
  const found = [pick(faultShares), pick(faultShares)] as const;
  const reading = pick(readingShares) ?? 'at once';
  const isSlow = reading === 'slowly';
  // Larger than the buffers of sockets, so that the API has to wait for the client.
  const size = isSlow ? 64 * 1024 : eventSize;
  const padding = next() < 0.02 ? 200_000 : 200;
  return {
    format: isAnthropic ? 'anthropic' : 'openai',
    isStream,
    body: JSON.stringify({ stream: isStream, messages: [number, 'y'.repeat(padding)], model: 'bench' }),
    events: isSlow ? 128 : between(events),
    pause: isSlow ? 0 : between(pause),
    eventSize: size,
    faults: found,
    reading,
    outcome: outcomeOf(found, reading),
  };
}

function outcomeOf(faults: Plan['faults'], reading: Reading): Outcome {
  if (reading.startsWith('leaves')) return 'gone';
  const last = faults.find((each) => !repeated.includes(each));
  if (last === 'silence') return 'gone';
  return last === 'half' && !repeated.includes(last) ? 'half' : 'whole';
}

/** Returns the parts of an answer, in which each part names its request. */
export function partsOf({ events, eventSize, isStream }: Plan, number: number): string[] {
  const text = 'x'.repeat(eventSize);
  const usage = '{"prompt_tokens":5,"completion_tokens":7}';
  if (!isStream) return [`{"id":"${number}","text":"`, text.repeat(events), `","usage":${usage}}`];
  const parts = Array.from({ length: events }, (_, at) => `data: {"id":"${number}","at":${at},"text":"${text}"}\n\n`);
  return [...parts, `data: {"id":"${number}","usage":${usage}}\n\ndata: [DONE]\n\n`];
}
