import { defineConfig } from 'vitest/config';
import Count from './test/count.ts';

export default defineConfig({
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
