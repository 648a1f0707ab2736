import type { Environment } from '../domain/environment.ts';

/**
 * Starts a program of Node.js that goes on when this process ends, and that no terminal knows of. That it cannot be started is
 * nobody's business.
 */
export async function startInBackground(
  program: string,
  args: readonly string[],
  { env, ...options }: { readonly env: Environment; readonly cwd?: string },
): Promise<void> {
  // Loaded when it is needed: it takes longer than all the rest of who starts something.
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [program, ...args], {
    ...options,
    env: { ...env },
    detached: true,
    stdio: 'ignore',
    windowsHide: true,
  });
  child.on('error', () => {});
  child.unref();
}
