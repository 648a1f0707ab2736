import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
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

/** A folder in memory for the users of the tests, whose files are synced to disk often; elsewhere where it can't hold programs. */
function folderForUsers(): string {
  try {
    const folder = mkdtempSync('/dev/shm/ci-');
    try {
      const program = path.join(folder, 'program');
      writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
      execFileSync(program);
      return '/dev/shm';
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch {
    return tmpdir();
  }
}

/** The files that take longest. Those that compute and those that wait take turns, so that both cores have something to do. */
const longest = [
  'faults/late/purchases',
  'faults/matrix',
  'commands/setup/setup',
  'account/watch/rivals',
  'faults/late/keys',
  'process/signals',
  'cli/completion/completion',
  'account/watch/subscribe',
  'faults/late/kills',
  'completion/names',
  'faults/late/cancellations',
  'cli/error-table',
  'process/many-at-once',
];

/** Starts the longest files first: none of them then runs on alone in the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.includes(`/test/${name}.`));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

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
      { extends: true, test: { name: 'simulated', include: simulated, isolate: false } },
    ],
    env: { TMPDIR: folderForUsers() },
    unstubEnvs: true,
    reporters: ['default', new Count()],
    // No time limit may decide a test on a slow machine: these end what hangs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Of those that say they may run at once: they wait for one another's processes.
    maxConcurrency: 16,
  },
});
