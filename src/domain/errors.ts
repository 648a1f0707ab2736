/** One way a command can end badly. */
interface Failure {
  readonly exitCode: number;
  /** The HTTP statuses of the API that mean this failure. */
  readonly statuses?: readonly number[];
  /** Words in the server's message that distinguish it from other failures with the same status. */
  readonly words?: RegExp;
}

/**
 * Lists every way a command can fail: the code that `--json` prints as `error.code`, the exit code, which scripts rely on, and the
 * responses of the API that mean it. If two match a response, the first one applies.
 */
export const failures = {
  // The API reports this only with the text "No payment method found — add a card first" (Unlimited Subscriptions API, "Subscribe").
  no_payment_method: { exitCode: 8, statuses: [200, 400, 422], words: /no payment method|add a card/i },
  // The server asks to retry while a transaction is new. The wording isn't documented.
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
  partly_failed: { exitCode: 1 },
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
  // The database that machines share, not the API.
  state_unreachable: { exitCode: 9 },
  outcome_unknown: { exitCode: 10 },
  // Only `ci run` ends with these, as `env` and `docker run` do.
  command_not_executable: { exitCode: 126 },
  command_not_found: { exitCode: 127 },
  interrupted: { exitCode: 130 },
} as const satisfies Record<string, Failure>;

export type ErrorCode = keyof typeof failures;

/**
 * Returns the error code for a failed response of the API.
 *
 * @param status - HTTP status; 200 if the body reports a failure
 * @param message - the server's message
 */
export function errorCodeOf(status: number, message: string): ErrorCode {
  for (const [code, failure] of entries) {
    if (failure.statuses?.includes(status) && (failure.words?.test(message) ?? true)) return code;
  }
  return status >= 400 && status < 500 ? 'invalid_request' : 'server_error';
}

const entries: readonly (readonly [ErrorCode, Failure])[] = errorCodes().map((code) => [code, failures[code]]);

/** Returns all error codes. */
export function errorCodes(): ErrorCode[] {
  return Object.keys(failures).filter((code): code is ErrorCode => Object.hasOwn(failures, code));
}

/** The outcome of the change that a command makes. */
export type Outcome = 'not_applied' | 'applied' | 'unknown';

interface Details {
  /** What to do next: one or more sentences, with periods. */
  hint?: string | undefined;
  /** What the hint lists, such as the values to choose from, on a line each. */
  lines?: readonly string[];
  /** HTTP status of the response, if there was one. */
  status?: number | undefined;
  /** Whether the same command may succeed if it is run again. */
  retryable?: boolean;
  /** Set only by commands that change something. */
  outcome?: Outcome | undefined;
  /** How long the server asks to wait, in milliseconds. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/**
 * Reports a failure to the user. The message is a sentence that says what is wrong, without its period; the hint says what to do.
 * The code implies the exit code.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly lines: readonly string[];
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly outcome: Outcome | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.lines = details.lines ?? [];
    this.status = details.status;
    this.retryable = details.retryable ?? false;
    this.outcome = details.outcome;
    this.retryAfter = details.retryAfter;
  }

  get exitCode(): number {
    return failures[this.code].exitCode;
  }

  /** Returns a copy of this failure with some details changed. */
  with(changes: Details & { message?: string; code?: ErrorCode }): CommandError {
    const { message = this.message, code = this.code, ...details } = changes;
    const { hint, lines, status, retryable, outcome, retryAfter, cause } = this;
    return new CommandError(code, message, { hint, lines, status, retryable, outcome, retryAfter, cause, ...details });
  }
}

/** Returns an error for invalid input: exit code 2, nothing was sent. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError('usage', message, { hint });
}

/**
 * Returns the message of anything that was thrown. For an error of the operating system, returns only its description, such as
 * `permission denied`: the code means nothing to users, and callers name the file.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (codeOf(error) === 'EISDIR') return 'it is a directory';
  return /^E[A-Z0-9]+: (.+?), \w+(?: '.*)?$/s.exec(error.message)?.[1] ?? error.message;
}

/** Returns a message without its period, so that text can follow. Some messages of the API end with one. */
export function withoutPeriod(message: string): string {
  return message.replace(/\.$/, '');
}

/** Returns the message of a failure, with its hint as the next sentence. */
export function messageWithHint({ message, hint }: CommandError): string {
  return [withoutPeriod(message), hint].filter(Boolean).join('. ');
}

/** Returns a message as part of another sentence: without its period, and without the capital of a word that isn't a name. */
export function asClause(message: string): string {
  return withoutPeriod(message).replace(
    /^(?:A|An|The|This|Another|Other|Can't|Interrupted|No response|You|Your)(?= |$)/,
    (word) => word.toLowerCase(),
  );
}

/** Returns the first line of an error's message. */
export function firstLineOf(error: unknown): string {
  const [line = ''] = messageOf(error).split('\n');
  return line;
}

/** Returns the code of an error of Node.js or a library, such as `ENOENT` or `ECONNRESET`; undefined if it has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
