import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Skips a test on a machine without a program that it runs. In CI, all programs are required. */
export function needs({ skip }: TestContext, ...programs: readonly string[]): void {
  for (const program of programs) if (!isInstalled(program) && !process.env.CI) skip(`${program} is not installed`);
}

/** Skips a test on a machine without a program of npm. `.ci/run` installs it, and fails if it can't. */
export function needsFromNpm({ skip }: TestContext, program: string): void {
  if (!isInstalled(program)) skip(`${program} is not installed`);
}

function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}
