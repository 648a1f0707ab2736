import type { SimulatedProcess } from '../../virtual/process.ts';

/** How long the server takes to commit, in milliseconds. */
export const delays = [0, 1000, 4000, 10_000, 60_000, 300_000] as const;

/** When the waiting command is interrupted or killed, in milliseconds after its request arrived. */
export const endsAfter = 1000;

/** A way in which the wait for a response ends. */
export interface Ending {
  readonly name: string;
  /** Added to the command line. */
  readonly flags?: string;
  /** What is done to the command, {@link endsAfter} its request arrived. */
  readonly strike?: (command: SimulatedProcess, drop: () => void) => void;
  /** What is done to it a second time, and how many milliseconds later. */
  readonly later?: { readonly after: number; readonly strike: (command: SimulatedProcess) => void };
  /** Whether the server responds after it has committed, or else never. */
  readonly answers?: true;
  /** The latest commit with a response that reaches the command, in milliseconds after its request arrived. */
  readonly inTime?: number;
}

const stopped = {
  strike: (command) => command.stop(),
  later: { after: 19_000, strike: (command) => command.continue() },
  answers: true,
} satisfies Partial<Ending>;

export const endings: readonly Ending[] = [
  { name: 'its time limit expires', flags: '--timeout 1s' },
  { name: 'the connection is dropped', strike: (_command, drop) => drop() },
  { name: 'a signal, and the answer comes', strike: (command) => command.interrupt(), answers: true, inTime: 10_000 },
  { name: 'a signal, and no answer comes', strike: (command) => command.interrupt() },
  { name: 'SIGKILL', strike: (command) => command.kill() },
  { name: 'SIGSTOP and SIGCONT', ...stopped, inTime: 20_000 },
  { name: 'SIGSTOP and SIGCONT past its time limit', flags: '--timeout 10s', ...stopped, inTime: 20_000 },
];

/** Returns a response other than success. */
export interface Refusal {
  readonly name: string;
  readonly status: number;
  readonly message: string;
}

export const refusals: readonly Refusal[] = [
  { name: '400', status: 400, message: 'Bad request' },
  { name: '408', status: 408, message: 'Request timeout' },
  { name: '409', status: 409, message: 'Conflict' },
  { name: '410', status: 410, message: 'Gone' },
  { name: '425', status: 425, message: 'Too early' },
  { name: '429', status: 429, message: 'Too many requests' },
  { name: '499', status: 499, message: 'Client closed request' },
  { name: '200 with success: false', status: 200, message: 'Key provisioning failed' },
];
