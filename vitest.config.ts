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

export default defineConfig({
  plugins: [templates],
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', new Count()],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most tests wait for processes of their own.
    maxWorkers: 2,
    // Of those that say they may run at once: they wait for one another's processes.
    maxConcurrency: 16,
  },
});
