import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Display } from '../../src/output/display.ts';
import { Spinner } from '../../src/output/spinner.ts';
import { Buffered } from '../support/buffer.ts';

const erased = '\r\u001b[K';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function spinner(env = {}, columns = 80) {
  const sink = new Buffered(true, columns);
  const spinner = new Spinner(sink, new Display(sink, { LANG: 'C.UTF-8', ...env }, { noColor: true }, 'linux'));
  return { spinner, sink };
}

test('shows nothing for up to 200 ms', () => {
  const { spinner: each, sink } = spinner();
  const ended = each.begin('Fetching pools');
  vi.advanceTimersByTime(199);
  ended();
  vi.advanceTimersByTime(10_000);
  expect(sink.text).toBe('');
});

test('shows a longer wait until it ends, and leaves nothing behind', () => {
  const { spinner: each, sink } = spinner();
  const ended = each.begin('Fetching pools');
  vi.advanceTimersByTime(200);
  expect(sink.text).toBe('\r⠋ Fetching pools…\u001b[K');
  vi.advanceTimersByTime(160);
  expect(sink.text).toBe('\r⠋ Fetching pools…\u001b[K\r⠙ Fetching pools…\u001b[K\r⠹ Fetching pools…\u001b[K');
  ended();
  expect(sink.text.endsWith(`\u001b[K${erased}`)).toBe(true);
  const { length } = sink.text;
  vi.advanceTimersByTime(10_000);
  expect(sink.text).toHaveLength(length);
});

test('shows the first of several waits', () => {
  const { spinner: each, sink } = spinner();
  const first = each.begin('Finding out');
  const second = each.begin('Fetching pools');
  vi.advanceTimersByTime(200);
  expect(sink.text).toContain('Finding out…');
  first();
  vi.advanceTimersByTime(80);
  expect(sink.text).toMatch(/Fetching pools…\u001b\[K$/);
  second();
  expect(sink.text.endsWith(erased)).toBe(true);
});

test('shows no waits of less than 200 ms, however many', () => {
  const { spinner: each, sink } = spinner();
  for (let count = 0; count < 10; count++) {
    const ended = each.begin('Fetching pools');
    vi.advanceTimersByTime(150);
    ended();
  }
  expect(sink.text).toBe('');
});

describe('a spinner', () => {
  test('hides for other text, and comes back', () => {
    const { spinner: each, sink } = spinner();
    each.begin('Fetching pools');
    vi.advanceTimersByTime(200);
    each.erase();
    sink.write('A line.\n');
    expect(sink.text.endsWith(`…\u001b[K${erased}A line.\n`)).toBe(true);
    each.erase();
    expect(sink.text.endsWith('A line.\n')).toBe(true);
    vi.advanceTimersByTime(80);
    expect(sink.text).toMatch(/A line\.\n\r⠙ Fetching pools…\u001b\[K$/);
  });

  test('hides during a prompt, whatever begins meanwhile', () => {
    const { spinner: each, sink } = spinner();
    each.begin('Fetching pools');
    vi.advanceTimersByTime(200);
    const answered = each.hold();
    const { length } = sink.text;
    expect(sink.text.endsWith(erased)).toBe(true);
    each.begin('Fetching your keys');
    vi.advanceTimersByTime(10_000);
    expect(sink.text).toHaveLength(length);
    answered();
    vi.advanceTimersByTime(200);
    expect(sink.text).toMatch(/Fetching pools…\u001b\[K$/);
  });

  test('hides permanently', () => {
    const { spinner: each, sink } = spinner();
    each.begin('Fetching pools');
    vi.advanceTimersByTime(200);
    each.stop();
    expect(sink.text.endsWith(erased)).toBe(true);
    each.begin('Fetching your keys');
    const { length } = sink.text;
    vi.advanceTimersByTime(10_000);
    expect(sink.text).toHaveLength(length);
  });
});

test('is ASCII without UTF-8', () => {
  const { spinner: each, sink } = spinner({ LANG: 'C' });
  each.begin('Fetching pools');
  vi.advanceTimersByTime(280);
  expect(sink.text).toBe('\r| Fetching pools...\u001b[K\r/ Fetching pools...\u001b[K');
});

test('is one line, however narrow the terminal', () => {
  const { spinner: each, sink } = spinner({}, 10);
  each.begin('Fetching pools');
  vi.advanceTimersByTime(200);
  expect(sink.text).toBe('\r⠋ Fetchin\u001b[K');
});

test('keeps no process alive', () => {
  vi.useRealTimers();
  const { spinner: each } = spinner();
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const ended = each.begin('Fetching pools');
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
  ended();
});
