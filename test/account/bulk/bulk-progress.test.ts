import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BulkProgress } from '../../../src/account/bulk/bulk-progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('writes a line a minute where there is no terminal, and none afterward', async () => {
  const notes: string[] = [];
  const counts = { done: 0, failed: 0, unclear: 0 };
  const start = Date.now();
  const context = {
    clocks: { monotonic: () => Date.now() - start },
    output: { note: (text: string) => notes.push(text) },
    progress: { spinner: async () => undefined },
    world: { stderr: { write: () => true } },
  };
  const progress = await BulkProgress.start(context as never, 5000, () => counts);
  counts.done = 1200;
  await vi.advanceTimersByTimeAsync(59_999);
  expect(notes).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(notes).toEqual(['1,200 of 5,000, 20 per second, 3 minutes left']);
  Object.assign(counts, { done: 4800, failed: 3, unclear: 1 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(notes[1]).toBe('4,800 of 5,000, 40 per second, 5 seconds left, 3 failed, 1 outcome unclear');
  progress.stop();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(notes.length).toBe(2);
});
