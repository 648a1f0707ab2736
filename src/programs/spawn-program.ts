import type { ChildProcess, SpawnOptions } from 'node:child_process';

/**
 * Starts a program without a shell. On Windows, programs that npm installs are scripts (`.cmd`), which only `cmd.exe` can run.
 * cross-spawn quotes their arguments for it.
 *
 * Add the listeners right after `await`: a program that can't be started reports that with an `error` event in the next moment.
 */
export async function spawnProgram(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ChildProcess> {
  // Waits on every system. Without the wait, the event could come before the caller has the process.
  const spawn = await spawnFunction();
  return spawn(file, args, options);
}

/** Returns why the operating system didn't start a program. The message of Node.js is only the code: `spawn E2BIG`. */
export function systemReason(error: unknown): string | undefined {
  const { getSystemErrorMap } = process.getBuiltinModule('node:util');
  const number = error instanceof Error && 'errno' in error ? Number(error.errno) : 0;
  return getSystemErrorMap().get(number)?.[1];
}

type Spawn = (file: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

async function spawnFunction(): Promise<Spawn> {
  if (process.platform === 'win32') {
    const { default: spawn } = await import('cross-spawn');
    return (file, args, options) => spawn(file, [...args], options);
  }
  // `import` would load the whole loader of ES modules, which takes longer than everything else that `ci run` does.
  return process.getBuiltinModule('node:child_process').spawn;
}
