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

test('nothing is told of what takes no longer than 200 ms', () => {
  const { spinner: each, sink } = spinner();
  const ended = each.begin('Fetching the pools');
  vi.advanceTimersByTime(199);
  ended();
  vi.advanceTimersByTime(10_000);
  expect(sink.text).toBe('');
});

test('what takes longer is told, until it has ended: then nothing is left of it', () => {
  const { spinner: each, sink } = spinner();
  const ended = each.begin('Fetching the pools');
  vi.advanceTimersByTime(200);
  expect(sink.text).toBe('\r⠋ Fetching the pools…\u001b[K');
  vi.advanceTimersByTime(160);
  expect(sink.text).toBe(
    '\r⠋ Fetching the pools…\u001b[K\r⠙ Fetching the pools…\u001b[K\r⠹ Fetching the pools…\u001b[K',
  );
  ended();
  expect(sink.text.endsWith(`\u001b[K${erased}`)).toBe(true);
  const { length } = sink.text;
  vi.advanceTimersByTime(10_000);
  expect(sink.text).toHaveLength(length);
});

test('of several things the first is told, as long as one is left', () => {
  const { spinner: each, sink } = spinner();
  const first = each.begin('Finding out');
  const second = each.begin('Fetching the pools');
  vi.advanceTimersByTime(200);
  expect(sink.text).toContain('Finding out…');
  first();
  vi.advanceTimersByTime(80);
  expect(sink.text).toMatch(/Fetching the pools…\u001b\[K$/);
  second();
  expect(sink.text.endsWith(erased)).toBe(true);
});

test('things that each take less than 200 ms are not told, however many there are', () => {
  const { spinner: each, sink } = spinner();
  for (let count = 0; count < 10; count++) {
    const ended = each.begin('Fetching the pools');
    vi.advanceTimersByTime(150);
    ended();
  }
  expect(sink.text).toBe('');
});

describe('it makes room', () => {
  test('for other text, and comes again', () => {
    const { spinner: each, sink } = spinner();
    each.begin('Fetching the pools');
    vi.advanceTimersByTime(200);
    each.erase();
    sink.write('A line.\n');
    expect(sink.text.endsWith(`…\u001b[K${erased}A line.\n`)).toBe(true);
    each.erase();
    expect(sink.text.endsWith('A line.\n')).toBe(true);
    vi.advanceTimersByTime(80);
    expect(sink.text).toMatch(/A line\.\n\r⠙ Fetching the pools…\u001b\[K$/);
  });

  test('for a question, whatever begins meanwhile', () => {
    const { spinner: each, sink } = spinner();
    each.begin('Fetching the pools');
    vi.advanceTimersByTime(200);
    const answered = each.hold();
    const { length } = sink.text;
    expect(sink.text.endsWith(erased)).toBe(true);
    each.begin('Fetching your keys');
    vi.advanceTimersByTime(10_000);
    expect(sink.text).toHaveLength(length);
    answered();
    vi.advanceTimersByTime(200);
    expect(sink.text).toMatch(/Fetching the pools…\u001b\[K$/);
  });

  test('for good', () => {
    const { spinner: each, sink } = spinner();
    each.begin('Fetching the pools');
    vi.advanceTimersByTime(200);
    each.stop();
    expect(sink.text.endsWith(erased)).toBe(true);
    each.begin('Fetching your keys');
    const { length } = sink.text;
    vi.advanceTimersByTime(10_000);
    expect(sink.text).toHaveLength(length);
  });
});

test('it is ASCII where there is nothing else', () => {
  const { spinner: each, sink } = spinner({ LANG: 'C' });
  each.begin('Fetching the pools');
  vi.advanceTimersByTime(280);
  expect(sink.text).toBe('\r| Fetching the pools...\u001b[K\r/ Fetching the pools...\u001b[K');
});

test('it is one line, however narrow the terminal', () => {
  const { spinner: each, sink } = spinner({}, 10);
  each.begin('Fetching the pools');
  vi.advanceTimersByTime(200);
  expect(sink.text).toBe('\r⠋ Fetchin\u001b[K');
});

test('it keeps no process alive', () => {
  vi.useRealTimers();
  const { spinner: each } = spinner();
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const ended = each.begin('Fetching the pools');
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
  ended();
});
