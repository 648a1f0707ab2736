import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import Count from './test/count.ts';

/** Loads the parts of completion scripts as texts, as the bundler does. */
const templates = {
  name: 'templates',
  enforce: 'pre',
  load: (id: string) =>
    /\/template\.(?:bash|zsh|fish|ps1)$/.test(id)
      ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`
      : undefined,
} as const;

const programs = ['test/**/*.e2e.test.ts', 'test/**/*.process.test.ts'];
const simulated = ['test/virtual/**/*.test.ts', 'test/faults/late/**/*.test.ts', 'test/**/*.simulated.test.ts'];

export default defineConfig({
  plugins: [templates],
  test: {
    projects: [
      // Needs no build and starts hardly any process: `npm run test:quick`.
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...programs, ...simulated], isolate: false },
      },
      // Runs the shipped bundle, or starts processes.
      { extends: true, test: { name: 'programs', include: programs, isolate: false } },
      // Replaces a module and the clock of its process, so that each file takes one of its own.
      { extends: true, test: { name: 'simulated', include: simulated } },
    ],
    unstubEnvs: true,
    reporters: ['default', new Count()],
    // No time limit may decide a test on a slow machine: these end what hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 4,
    // Of those that say they may run at once: they wait for one another's processes.
    maxConcurrency: 16,
  },
});
