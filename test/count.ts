import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with one line that a script can read: `12 passed, 0 failed`. */
export default class Count implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++;
    }
    const left = counts.skipped + counts.pending;
    console.log(`${counts.passed} passed, ${counts.failed} failed${left > 0 ? `, ${left} skipped` : ''}`);
  }
}
