import type { Api } from '../../api/index.ts';
import type { Context } from '../../context/context.ts';
import { asClause, CommandError, usageError } from '../../domain/errors.ts';
import { programRunner, type RunProgram, variablesOf } from '../secrets/program-destination.ts';

/** How long a new key may take until it works, in milliseconds: not every server knows it at once. */
const patience = 30_000;
/** The pauses between the first attempts, in milliseconds. The last one is repeated. */
const pauses = [500, 1000, 2000, 4000] as const;
const longestPause = 5000;

/** Returns the API with an API key. It shares the connections of the API in use. */
export async function withKey(context: Pick<Context, 'api'>, consumptionKey: string): Promise<Api> {
  const { client } = await context.api();
  const { apiOf } = await import('../../api/index.ts');
  return apiOf(client.with({ consumptionKey }));
}

/**
 * Proves that an API key works: the API lists its models.
 *
 * @throws CommandError if it doesn't within half a minute; (interrupted)
 */
export async function proveKey(context: Pick<Context, 'api' | 'clocks'>, secret: string): Promise<void> {
  const { clocks } = context;
  const { inference } = await withKey(context, secret);
  const deadline = clocks.monotonic() + patience;
  for (let count = 0; ; count++) {
    try {
      await inference.models();
      return;
    } catch (error) {
      if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
      const pause = Math.max(pauses[count] ?? longestPause, error.retryAfter ?? 0);
      if (clocks.monotonic() + pause > deadline) throw notProven(error);
      await clocks.sleep(pause);
    }
  }
}

/** Proves that an API key works with a program, which gets the secret on stdin. @throws CommandError if it fails; (interrupted) */
export async function proveWithProgram(
  context: Pick<Context, 'world'>,
  program: string,
  { secret, ...key }: { readonly secret: string; readonly id: string | undefined; readonly name: string },
): Promise<void> {
  const run = ownProgram(context, program, "The new key isn't proven", secret);
  await run([], secret, variablesOf(key));
}

/**
 * Finds a program of the user's. Returns a function that runs it.
 *
 * @param what - what fails with it
 * @throws CommandError (file_error) if it can't be run
 */
export function ownProgram(
  context: Pick<Context, 'world'>,
  program: string,
  what: string,
  secret?: string,
): RunProgram {
  const setUp = 'Pass the path of an executable file, or the name of a program on your PATH.';
  return programRunner(
    context,
    { name: program, setUp, mayIgnoreInput: true },
    what,
    secret === undefined ? {} : { secret },
  );
}

/**
 * Returns the program that an option names as `command:PROGRAM`.
 *
 * @param option - for the error
 * @param others - what else the option takes, for the error: `a duration such as 1h`
 * @throws CommandError (usage)
 */
export function parseProgram(text: string, option: string, others?: string): string {
  const [, program] = /^command:([^\s\p{Cc}-][^\p{Cc}]*)$/u.exec(text) ?? [];
  if (program !== undefined) return program;
  const also = others === undefined ? '' : ` or ${others}`;
  throw usageError(
    `"${text}" is not a valid value for ${option}`,
    `Use command:PROGRAM, as in ${option} command:./check.sh${also}.`,
  );
}

/** Returns the error for a key that doesn't work. Its exit code isn't that of a management key that was refused. */
function notProven(error: CommandError): CommandError {
  const code = error.exitCode === 4 ? 'unavailable' : error.code;
  // Source: Unlimited Subscriptions API: a key answers 429 outside its hours.
  const hint =
    error.code === 'rate_limited'
      ? 'If it is outside its hours, rotate it during them, or prove it with --prove command:PROGRAM.'
      : undefined;
  return error.with({ code, message: `The new key doesn't work: ${asClause(error.message)}`, hint });
}
