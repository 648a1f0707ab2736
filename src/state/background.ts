import type { Environment } from '../domain/environment.ts';

/**
 * Starts this program again, to continue in the background after this process ends. Ignores a failure to start it.
 *
 * @param program - the words before the arguments: the file to run, or in a standalone binary an option
 */
export async function startInBackground(
  program: readonly string[],
  args: readonly string[],
  { env, ...options }: { readonly env: Environment; readonly cwd?: string },
): Promise<void> {
  // Loaded only here, because that takes longer than everything else the caller does.
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [...program, ...args], {
    ...options,
    env: { ...env },
    detached: true,
    stdio: 'ignore',
    windowsHide: true,
  });
  child.on('error', () => {});
  child.unref();
}
