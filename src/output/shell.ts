import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { workingDirectory } from '../config/folders.ts';
import type { Environment, Surroundings } from '../domain/environment.ts';

/** The longest line that is passed on as a whole, in characters. */
const longestLine = 65_536;

/**
 * Runs a command of the user's in a shell, without stdin.
 *
 * @param facts - additional environment variables
 * @param tell - called with each line of output, from either stream
 * @param interrupt - ends the shell
 * @returns why it failed; undefined if it succeeded
 */
export function runShell(
  line: string,
  facts: Environment,
  surroundings: Surroundings,
  tell: (line: string) => void,
  interrupt: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (interrupt.aborted) return resolve(undefined);
    const { env } = surroundings;
    const child = spawn(line, {
      shell: env.SHELL || true,
      env: { ...env, ...facts },
      cwd: presentFolder(surroundings),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = () => {
      child.kill('SIGTERM');
      // Don't wait for children of the shell, which may keep these open.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    interrupt.addEventListener('abort', end, { once: true });
    const rest = [child.stdout, child.stderr].map((stream) => forward(stream, tell));
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      interrupt.removeEventListener('abort', end);
      for (const flush of rest) flush();
      resolve(signal ? `it was terminated by ${signal}` : code === 0 ? undefined : `it exited with code ${code}`);
    });
  });
}

/** Returns the working directory; undefined if it was removed, because no process can start in it. */
function presentFolder(surroundings: Surroundings): string | undefined {
  const folder = workingDirectory(surroundings);
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/** Passes on a stream line by line. @returns a function that passes on the rest */
function forward(stream: NodeJS.ReadableStream, tell: (line: string) => void): () => void {
  let held = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = `${held}${text}`.split('\n');
    held = lines.pop() ?? '';
    if (held.length > longestLine) {
      // Split between words, because half a key wouldn't be recognized and masked.
      const end = /[^\w-](?=[\w-]*$)/.exec(held)?.index ?? held.length - 1;
      lines.push(held.slice(0, end + 1));
      held = held.slice(end + 1);
    }
    for (const line of lines) tell(line);
  });
  return () => {
    if (held !== '') tell(held);
  };
}
