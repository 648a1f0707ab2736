import type { Environment } from '../domain/environment.ts';

/** Starts a Node.js program that continues after this process ends, detached from the terminal. Ignores a failure to start it. */
export async function startInBackground(
  program: string,
  args: readonly string[],
  { env, ...options }: { readonly env: Environment; readonly cwd?: string },
): Promise<void> {
  // Loaded only here, because that takes longer than everything else the caller does.
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
