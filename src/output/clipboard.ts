import { spawn, spawnSync } from 'node:child_process';
import type { Environment } from '../domain/environment.ts';

/** The clipboard, written with a program of the system. */
export interface Clipboard {
  /** The name of the program, for messages. */
  readonly program: string;
  /** @throws Error if the program fails */
  copy(text: string): Promise<void>;
}

/** Programs that read the text from stdin, so that it never shows up in a list of processes. */
const programs: readonly { name: string; args: readonly string[]; works: (env: Environment) => boolean }[] = [
  { name: 'pbcopy', args: [], works: () => process.platform === 'darwin' },
  { name: 'clip.exe', args: [], works: (env) => process.platform === 'win32' || env.WSL_DISTRO_NAME !== undefined },
  { name: 'wl-copy', args: [], works: (env) => Boolean(env.WAYLAND_DISPLAY) },
  { name: 'xclip', args: ['-selection', 'clipboard'], works: (env) => Boolean(env.DISPLAY) },
  { name: 'xsel', args: ['--clipboard', '--input'], works: (env) => Boolean(env.DISPLAY) },
];

/** The timeout, in milliseconds: without a display server, some programs wait forever. */
const timeout = 10_000;

/**
 * Returns the clipboard of this session; undefined if none exists.
 *
 * @param limit - the timeout of the program, in milliseconds
 */
export function findClipboard(env: Environment, limit = timeout): Clipboard | undefined {
  const found = programs.find(({ name, works }) => works(env) && isThere(name, env));
  if (!found) return undefined;
  const { name: program, args } = found;
  return {
    program,
    copy: (text) =>
      new Promise((resolve, reject) => {
        // The program may keep running to own the clipboard, and must not hold the streams of this process.
        const child = spawn(program, args, {
          env: { ...env },
          stdio: ['pipe', 'ignore', 'ignore'],
          timeout: limit,
          killSignal: 'SIGKILL',
        });
        child.on('error', reject);
        child.on('close', (code) => {
          if (code === 0) resolve();
          else reject(new Error(code === null ? `${program} didn't answer` : `${program} failed (exit ${code})`));
        });
        child.stdin.on('error', () => {});
        child.stdin.end(text);
      }),
  };
}

function isThere(program: string, env: Environment): boolean {
  const finder = process.platform === 'win32' ? 'where' : 'which';
  return spawnSync(finder, [program], { env: { ...env }, stdio: 'ignore' }).status === 0;
}
