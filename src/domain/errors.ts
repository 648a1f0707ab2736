/**
 * Every way a command can end badly, and the exit code that goes with it: the one table of both.
 * The codes are what `--json` prints as `error.code`; the numbers are the contract with scripts.
 */
export const exitCodes = {
  server_error: 1,
  unexpected_response: 1,
  invalid_request: 1,
  file_error: 1,
  declined: 1,
  internal: 1,
  usage: 2,
  confirmation_required: 2,
  input_required: 2,
  attention: 3,
  not_signed_in: 4,
  unauthorized: 4,
  forbidden: 4,
  not_found: 5,
  unavailable: 6,
  rate_limited: 7,
  payment_required: 8,
  no_payment_method: 8,
  price_above_maximum: 8,
  unreachable: 9,
  timeout: 9,
  outcome_unknown: 10,
  interrupted: 130,
} as const;

export type ErrorCode = keyof typeof exitCodes;

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

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.status = details.status;
    this.retryable = details.retryable ?? false;
    this.outcome = details.outcome;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }

  /** The same failure, told with something changed. */
  with(changes: Details & { message?: string; code?: ErrorCode }): CommandError {
    const { message = this.message, code = this.code, ...details } = changes;
    const { hint, status, retryable, outcome, cause } = this;
    return new CommandError(code, message, { hint, status, retryable, outcome, cause, ...details });
  }
}

/** A mistake in what was typed: exit code 2, nothing sent. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError('usage', message, { hint });
}
