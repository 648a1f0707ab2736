import { CommandError, codeOf, messageOf, usageError } from '../domain/errors.ts';

/** What went wrong in the sandbox itself, told like any other failure. */
function sandboxFailure(error: unknown): CommandError {
  const message = messageOf(error);
  if (error instanceof RangeError) return usageError(message);
  if (codeOf(error) === 'EADDRINUSE') {
    return usageError('the port is in use', 'Choose another with --port, or --port 0 for a free one.');
  }
  return new CommandError('file_error', `the sandbox cannot use its state: ${message}`, {
    hint: '`ci sandbox path` shows where it is.',
    cause: error,
  });
}

/** Throws what went wrong in the sandbox. */
export function refuse(error: unknown): never {
  throw sandboxFailure(error);
}
