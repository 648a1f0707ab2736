import path from 'node:path';
import type { Environment, Surroundings } from '../domain/environment.ts';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { findProgram } from './find-program.ts';
import { placeOnTerminal } from './foreground.ts';
import type { PassSignals } from './signals.ts';
import { spawnProgram, systemReason } from './spawn-program.ts';

/** Where the system looks for programs if `PATH` isn't set. */
const usualPath = '/usr/bin:/bin';

/** How a command ended. */
export interface CommandEnd {
  /** Its exit code; 128 plus the number of the signal that ended it. */
  readonly exitCode: number;
  /** Whether Ctrl-C ended it. The terminal has sent the signal to this process, too. */
  readonly isInterrupted: boolean;
}

/**
 * Runs a command with the streams of this process and without a shell, and passes signals on to it.
 *
 * @throws CommandError (command_not_found), (command_not_executable); the command was then not started
 */
export async function runCommand(
  [program = '', ...args]: readonly string[],
  { env, passSignals }: { readonly env: Environment; readonly passSignals: PassSignals },
): Promise<CommandEnd> {
  const early: NodeJS.Signals[] = [];
  let receive = (signal: NodeJS.Signals) => void early.push(signal);
  const end = passSignals((signal) => receive(signal));
  try {
    const child = await spawnProgram(program, args, { env: { ...env }, stdio: 'inherit' }).catch((error: unknown) => {
      throw notStarted(program, error);
    });
    return await new Promise((resolve, reject) => {
      let isFromTerminal = false;
      receive = (signal) => {
        // The terminal sends these to all processes in its foreground. A command such as a coding agent quits at the second Ctrl-C.
        if ((signal === 'SIGINT' || signal === 'SIGQUIT') && isInForeground()) isFromTerminal = true;
        else child.kill(signal);
      };
      child.on('error', (error) => {
        // A running child has a process ID. The error is then that it doesn't take a signal from this user, as with `sudo`.
        if (child.pid === undefined) reject(notStarted(program, error));
      });
      child.once('exit', (code, signal) => {
        const exitCode = code ?? (signal ? 128 + numberOf(signal) : 1);
        // The child may end before its signal has arrived here.
        const isInterrupted = signal === 'SIGINT' && (isFromTerminal || isInForeground());
        resolve({ exitCode, isInterrupted });
      });
      for (const signal of early) receive(signal);
    });
  } finally {
    end();
  }
}

/**
 * Checks that a program can be started, without starting it.
 *
 * @throws CommandError (command_not_found), (command_not_executable)
 */
export function requireProgram(program: string, { env, cwd }: Surroundings): void {
  const folders = (env.PATH ?? usualPath).split(path.delimiter).map((folder) => path.resolve(cwd, folder));
  const found = findProgram(program, { env: { ...env, PATH: folders.join(path.delimiter) }, cwd });
  if ('problem' in found) throw found.problem === 'missing' ? notFound(program) : notExecutable(program);
}

function notStarted(program: string, error: unknown): CommandError {
  const code = codeOf(error);
  if (code === 'ENOENT') return notFound(program, error);
  if (code === 'EACCES') return notExecutable(program, error);
  return new CommandError(
    'command_not_executable',
    `Can't execute "${program}": ${systemReason(error) ?? messageOf(error)}`,
    {
      hint: code === 'ENOEXEC' ? 'Run it with its interpreter.' : undefined,
      cause: error,
    },
  );
}

function notFound(program: string, cause?: unknown): CommandError {
  return new CommandError('command_not_found', `Can't find "${program}"`, {
    hint: 'Check its name and your PATH. Commands of a shell need the shell: `ci run -- sh -c "…"`.',
    cause,
  });
}

function notExecutable(program: string, cause?: unknown): CommandError {
  return new CommandError('command_not_executable', `Can't execute "${program}": permission denied`, {
    hint: 'Make it executable with `chmod +x`, or run it with its interpreter.',
    cause,
  });
}

function numberOf(signal: NodeJS.Signals): number {
  return process.getBuiltinModule('node:os').constants.signals[signal];
}

/** Returns whether this process is in the foreground of a terminal, which then sends Ctrl-C to the child, too. */
function isInForeground(): boolean {
  const place = placeOnTerminal();
  if (place !== undefined) return place === 'foreground';
  const { isatty } = process.getBuiltinModule('node:tty');
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}
