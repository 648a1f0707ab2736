import { CommandError, codeOf, messageOf, usageError } from '../domain/errors.ts';

/** Returns a failure of the sandbox itself as an error of the command. */
function sandboxFailure(error: unknown): CommandError {
  const message = messageOf(error);
  if (error instanceof RangeError) return usageError(message);
  if (codeOf(error) === 'EADDRINUSE') {
    return usageError('The port is in use', 'Choose another with --port, or pass --port 0 for any free port.');
  }
  return new CommandError('file_error', `Can't use the state of the sandbox: ${message}`, {
    hint: '`ci sandbox path` prints its directory.',
    cause: error,
  });
}

/** Throws a failure of the sandbox as an error of the command. */
export function refuse(error: unknown): never {
  throw sandboxFailure(error);
}
