/** One way a command can end badly. */
interface Failure {
  readonly exitCode: number;
  /** The statuses of the API that it stands for. */
  readonly statuses?: readonly number[];
  /** Words in the server's message that tell it from others of the same status. */
  readonly words?: RegExp;
}

/**
 * Every way a command can end badly: the one table of codes (what `--json` prints as `error.code`), exit codes (the contract
 * with scripts) and what the API answers for each. Of two that fit an answer, the first is taken.
 */
export const failures = {
  // "No payment method found — add a card first" is the API's only sign of it (Unlimited Subscriptions API, "Subscribe").
  no_payment_method: { exitCode: 8, statuses: [200, 400, 422], words: /no payment method|add a card/i },
  // The server asks to retry while a transaction is fresh; no document says in which words.
  not_final: {
    exitCode: 6,
    statuses: [200, 400, 409, 422, 425],
    words: /not (?:yet )?(?:final|confirmed)|try again in a/i,
  },
  invalid_request: { exitCode: 1, statuses: [400, 405, 413, 415, 422] },
  unauthorized: { exitCode: 4, statuses: [401] },
  payment_required: { exitCode: 8, statuses: [402] },
  forbidden: { exitCode: 4, statuses: [403] },
  not_found: { exitCode: 5, statuses: [404] },
  unavailable: { exitCode: 6, statuses: [409, 410] },
  busy: { exitCode: 6 },
  rate_limited: { exitCode: 7, statuses: [429] },
  server_error: { exitCode: 1, statuses: [200, 500, 501, 502, 503, 504] },
  unexpected_response: { exitCode: 1 },
  file_error: { exitCode: 1 },
  secret_lost: { exitCode: 1 },
  keychain_error: { exitCode: 1 },
  filter_failed: { exitCode: 1 },
  declined: { exitCode: 1 },
  internal: { exitCode: 1 },
  usage: { exitCode: 2 },
  confirmation_required: { exitCode: 2 },
  input_required: { exitCode: 2 },
  not_signed_in: { exitCode: 4 },
  price_above_maximum: { exitCode: 8 },
  unreachable: { exitCode: 9 },
  timeout: { exitCode: 9 },
  outcome_unknown: { exitCode: 10 },
  interrupted: { exitCode: 130 },
} as const satisfies Record<string, Failure>;

export type ErrorCode = keyof typeof failures;

/**
 * What an answer of the API stands for.
 *
 * @param status - HTTP status; 200 is that of an answer which says of itself that it failed
 * @param message - the server's own words
 */
export function errorCodeOf(status: number, message: string): ErrorCode {
  for (const [code, failure] of entries) {
    if (failure.statuses?.includes(status) && (failure.words?.test(message) ?? true)) return code;
  }
  return status >= 400 && status < 500 ? 'invalid_request' : 'server_error';
}

const entries: readonly (readonly [ErrorCode, Failure])[] = codes().map((code) => [code, failures[code]]);

function codes(): ErrorCode[] {
  return Object.keys(failures).filter((code): code is ErrorCode => Object.hasOwn(failures, code));
}

/** What became of the change that a command was to make. */
export type Outcome = 'not_applied' | 'applied' | 'unknown';

interface Details {
  /** What to do next, in a sentence or as a command. */
  hint?: string | undefined;
  /** HTTP status of the answer, when there was one. */
  status?: number | undefined;
  /** Whether the same command may succeed when run again, unchanged. */
  retryable?: boolean;
  /** Only of commands that change something. */
  outcome?: Outcome | undefined;
  /** How long the server asks to wait, in milliseconds. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** A failure that is told to the user: one message, one code, and from it one exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly outcome: Outcome | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.status = details.status;
    this.retryable = details.retryable ?? false;
    this.outcome = details.outcome;
    this.retryAfter = details.retryAfter;
  }

  get exitCode(): number {
    return failures[this.code].exitCode;
  }

  /** The same failure, told with something changed. */
  with(changes: Details & { message?: string; code?: ErrorCode }): CommandError {
    const { message = this.message, code = this.code, ...details } = changes;
    const { hint, status, retryable, outcome, retryAfter, cause } = this;
    return new CommandError(code, message, { hint, status, retryable, outcome, retryAfter, cause, ...details });
  }
}

/** A mistake in what was typed: exit code 2, nothing sent. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError('usage', message, { hint });
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What Node.js or a library calls an error: `ENOENT`, `UND_ERR_SOCKET`; undefined for one that has no such name. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
