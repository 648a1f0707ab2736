import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import Count from './test/count.ts';

/** Loads the templates of completion scripts as text, like the bundler. */
const templates = {
  name: 'templates',
  enforce: 'pre',
  load: (id: string) =>
    /\/template\.(?:bash|zsh|fish|ps1)$/.test(id)
      ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`
      : undefined,
} as const;

/** Returns a directory for the users of the tests. It is in memory if programs can run there, because tests often sync files. */
function userDirectory(): string {
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

/** The slowest files. */
const longest = [
  'faults/late/purchases',
  'faults/late/keys',
  'faults/late/kills',
  'faults/late/cancellations',
  'faults/matrix',
  'commands/connect/processes',
  'faults/payments/payments',
  'commands/agent/wallet',
  'docs/agents',
  'commands/setup/setup',
  'watch/rivals',
  'process/signals',
  'cli/completion/completion',
  'watch/subscribe',
  'completion/names',
  'cli/error-table',
];

/** The order of the projects. Only the next file of the same project finds its modules loaded in a process that has ended a file. */
const projectOrder = ['simulated', 'programs', 'binary', 'unit', 'tools'];

/** Starts the slowest files of a project first, so that none of them runs alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.includes(`/test/${name}.`));
      return at < 0 ? longest.length : at;
    };
    const group = ({ project }: TestSpecification) => projectOrder.indexOf(project.name);
    return (await super.sort(files)).sort((one, other) => group(one) - group(other) || rank(one) - rank(other));
  }
}

const endToEnd = ['test/**/*.e2e.test.ts'];
const programs = [...endToEnd, 'test/**/*.process.test.ts'];
const simulated = ['test/virtual/**/*.test.ts', 'test/faults/late/**/*.test.ts', 'test/**/*.simulated.test.ts'];

const realTools = ['test/real-tools/*.test.ts'];

const fileOf = (name: string) => `test/${name}.e2e.test.ts`;

/** The tests of what the standalone binary could do differently. `npm run test:binary` runs all. */
const binary = [
  'api/tls-and-proxies',
  'cli/anchor',
  'cli/completion/scripts',
  'commands/completion/install',
  'config/keychain',
  'gateway/clients',
  'gateway/hostile',
  'gateway/moving-on',
  'gateway/tls-and-proxies',
  'gateway/transparency',
  'process/foreign-folders',
  'process/hostile-folder',
  'process/killed',
  'process/main-job',
  'process/streams',
  'prompts/asking',
].map(fileOf);

/** End-to-end tests that need Node.js: of what a command loads, or with a script that is loaded before the program. */
const nodeOnly = ['process/loaded', 'process/crash', 'watch/week', 'screenshots/screenshots'].map(fileOf);

/** Whether to run all tests with the binary, and not only those. */
const isAll = process.env.TEST_PROGRAM === 'binary';

export default defineConfig({
  plugins: [templates],
  test: {
    projects: [
      // Needs no build and starts few processes: `npm run test:quick`.
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...programs, ...simulated, ...realTools],
          isolate: false,
        },
      },
      // Runs the bundle, or starts processes.
      { extends: true, test: { name: 'programs', include: programs, isolate: false } },
      // Runs the standalone binary.
      {
        extends: true,
        test: {
          name: 'binary',
          include: isAll ? endToEnd : binary,
          exclude: nodeOnly,
          env: { TEST_PROGRAM: 'binary' },
          isolate: false,
        },
      },
      // Replaces a module and the clock. A file that loads that module without replacing it must not share a process with these.
      { extends: true, test: { name: 'simulated', include: simulated, exclude: programs, isolate: false } },
      // Installs coding tools from npm, 2 GB, on disk: `npm run test:tools`. `npm test` leaves it out.
      {
        extends: true,
        test: {
          name: 'tools',
          include: realTools,
          env: { TMPDIR: tmpdir() },
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
    ],
    env: { TMPDIR: userDirectory() },
    unstubEnvs: true,
    reporters: ['default', new Count()],
    // These limits only stop tests that hang. No test may depend on the speed of the machine.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    // Concurrent tests mostly wait for processes.
    maxConcurrency: 48,
  },
});
