import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Skips a test on a machine without a program that it runs. In CI, all programs are required. */
export function needs({ skip }: TestContext, ...programs: readonly string[]): void {
  for (const program of programs) {
    const isThere = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
    if (!isThere && !process.env.CI) skip(`${program} is not installed`);
  }
}
