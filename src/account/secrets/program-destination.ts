import { workingDirectory } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import type { Environment } from '../../domain/environment.ts';
import { CommandError } from '../../domain/errors.ts';
import { findProgram } from '../../programs/find-program.ts';
import { runProgram } from '../../programs/run-program.ts';
import type { Description, Destination, NewKey, Reservation } from './destination.ts';
import { failureText } from './program-failure.ts';
import { agreeToReplace } from './replacement.ts';

/** The parts of the context that writing a secret with another program uses. */
export type ProgramContext = Pick<Context, 'output' | 'prompts' | 'world'>;

/** A program that writes secrets. */
export interface ProgramOfSecrets {
  /** Its name on `PATH`, or its path. */
  readonly name: string;
  /** What to do if it can't be used, as sentences. */
  readonly setUp: string;
  /** Environment variables that keep it from prompting or coloring. Undefined removes one. */
  readonly env?: Environment;
  /** Whether it may succeed without reading the secret. */
  readonly mayIgnoreInput?: boolean;
}

/** The variables with keys of the user's, which these programs don't need. */
const withoutKeys = { CHEAPESTINFERENCE_MANAGEMENT_KEY: undefined, CHEAPESTINFERENCE_API_KEY: undefined } as const;

/**
 * Runs a program with arguments, and the secret or nothing on stdin.
 *
 * @param env - additions to its environment
 * @returns its stdout
 * @throws CommandError (file_error)
 */
export type RunProgram = (args: readonly string[], input?: string, env?: Environment) => Promise<string>;

/** A place for a secret that a program can write to. */
export interface SecretPlace {
  readonly program: ProgramOfSecrets;
  /** Its name, without an article: `GitHub repository acme/api`. */
  readonly name: string;
  /** Follows "The key is": `in the secret TOKEN of the GitHub repository acme/api`. */
  readonly words: string;
  /** The destination as `--to` takes it. */
  readonly option: string;
  /** The name of the secret there; undefined if the place has no names. */
  readonly variable?: string | undefined;
  /** What the user should know once the secret is there. */
  readonly note?: string | undefined;
  /** Checks that secrets can be written. @returns whether the place has a secret of that name */
  check(run: RunProgram): Promise<boolean>;
  /** Writes the secret. @param replaces - whether it replaces another one @param key - whose secret it is */
  write(run: RunProgram, secret: string, replaces: boolean, key: Pick<NewKey, 'id' | 'name'>): Promise<void>;
}

/** Writes the secret of one key with another program, which gets it on stdin. */
export class ProgramDestination implements Destination {
  readonly #context: ProgramContext;
  readonly #place: SecretPlace;
  readonly #force: boolean;
  #replaces: boolean | undefined;

  /** @param force - whether to replace another secret without asking */
  constructor(context: ProgramContext, place: SecretPlace, force: boolean) {
    this.#context = context;
    this.#place = place;
    this.#force = force;
  }

  async prove(): Promise<Reservation> {
    const { name, variable = '', program } = this.#place;
    const hint = `Nothing was created. ${program.setUp}`;
    const details = { hint, outcome: 'not_applied' } as const;
    const exists = await this.#place.check(programRunner(this.#context, program, `Can't write to ${name}`, details));
    if (exists && !this.#force && this.#replaces === undefined) {
      await agreeToReplace(this.#context, name, new Map([[variable, '']]));
    }
    this.#replaces = exists;
    return { release: async () => {} };
  }

  async write(keys: readonly NewKey[]): Promise<void> {
    const { name, program } = this.#place;
    const secret = oneSecret(keys);
    const run = programRunner(this.#context, program, `Can't write to ${name}`, { secret });
    await this.#place.write(run, secret, this.#replaces ?? false, keys[0] ?? {});
  }

  async warning(): Promise<string | undefined> {
    return this.#place.note;
  }

  describe(count: number): Description {
    const { words, option, variable } = this.#place;
    return { count, words, savedTo: option, shownAs: option, ...(variable !== undefined && { variables: [variable] }) };
  }
}

/** Returns the variables that tell a program of the user's which key it gets. */
export function variablesOf({ id, name }: Pick<NewKey, 'id' | 'name'>): Environment {
  return { CHEAPESTINFERENCE_KEY_ID: id ?? undefined, CHEAPESTINFERENCE_KEY_NAME: name ?? undefined };
}

/** Returns the secret of the only key. These destinations are for commands that create one. */
export function oneSecret(keys: readonly NewKey[]): string {
  const [key, second] = keys;
  if (!key || second) throw new Error(`one key expected, not ${keys.length}`);
  return key.apiKey;
}

/**
 * Finds a program. Returns a function that runs it.
 *
 * @param what - what fails with it: `Can't write to GitHub repository acme/api`
 * @param details - of the error. The secret is removed from the program's message
 * @throws CommandError (file_error) if it can't be run
 */
export function programRunner(
  { world }: Pick<Context, 'world'>,
  { name, setUp, env = {}, mayIgnoreInput = false }: ProgramOfSecrets,
  what: string,
  { secret, ...details }: { readonly secret?: string; readonly hint?: string; readonly outcome?: 'not_applied' },
): RunProgram {
  const { sleep, interrupt } = world;
  const cwd = workingDirectory(world);
  const found = findProgram(name, { env: world.env, cwd: cwd ?? '/' });
  if ('problem' in found) {
    const problem = found.problem === 'missing' ? "can't be found" : "isn't executable";
    throw new CommandError('file_error', `${what}: ${name} ${problem}`, { ...details, hint: details.hint ?? setUp });
  }
  const programEnv = {
    ...world.env,
    ...withoutKeys,
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
    CLICOLOR_FORCE: undefined,
    ...env,
  };
  return async (args, input, additions) => {
    const result = await runProgram(found.file, args, {
      ...(input !== undefined && { input, mayIgnoreInput }),
      env: { ...programEnv, ...additions },
      cwd,
      sleep,
      interrupt,
    }).catch((error: unknown) => {
      throw error instanceof CommandError ? error.with({ outcome: details.outcome }) : error;
    });
    if (result.failure === undefined && (input !== undefined || !result.isCut)) return result.stdout;
    const failure = result.failure ?? 'it printed more than 1 MiB';
    throw new CommandError('file_error', `${what}: ${failureText(name, { ...result, failure }, secret)}`, details);
  };
}
