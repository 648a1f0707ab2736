import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileSink, pipeSink, written } from '../../src/output/sink.ts';
import { emptyFolder } from '../support/folder.ts';

function opened(file: string, flags: string): number {
  const descriptor = openSync(file, flags);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

test('a file gets everything that is written, in order', async () => {
  const file = join(emptyFolder(), 'out');
  const sink = fileSink(opened(file, 'w'));
  const long = 'ü'.repeat(300_000);
  for (const text of ['first\n', '', long]) sink.write(text);
  expect(await written(sink)).toBeUndefined();
  expect(readFileSync(file, 'utf8')).toBe(`first\n${long}`);
});

test('a file keeps its text if more is appended', () => {
  const file = join(emptyFolder(), 'out');
  writeFileSync(file, 'before\n');
  fileSink(opened(file, 'a')).write('after\n');
  expect(readFileSync(file, 'utf8')).toBe('before\nafter\n');
});

test('a file that cannot be written fails even for empty text, and keeps failing', async () => {
  const file = join(emptyFolder(), 'out');
  writeFileSync(file, '');
  const sink = fileSink(opened(file, 'r'));
  expect(sink.errored).toBeUndefined();
  const error = await written(sink);
  expect(error?.message).toMatch(/^EBADF/);
  expect(sink.errored).toBe(error);
  expect(await written(sink)).toBe(error);
});

test.runIf(existsSync('/dev/full'))('detects a full disk', async () => {
  const sink = fileSink(opened('/dev/full', 'w'));
  let told: unknown;
  sink.write('x', (error) => {
    told = error;
  });
  expect(told).toMatchObject({ code: 'ENOSPC' });
  expect(await written(sink)).toBe(told);
});

describe('a pipe', () => {
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

  /** Creates a pipe, with a function that creates a stream for its end, and the number of streams created. */
  function pipe() {
    const file = join(emptyFolder(), 'pipe');
    execFileSync('mkfifo', [file]);
    const from = openSync(file, O_RDONLY | O_NONBLOCK);
    const to = openSync(file, O_WRONLY | O_NONBLOCK);
    let isOpen = true;
    const leave = () => {
      if (isOpen) closeSync(from);
      isOpen = false;
    };
    onTestFinished(leave);
    const streams: Socket[] = [];
    const stream = () => {
      const made = new Socket({ fd: to, readable: false });
      streams.push(made);
      return made;
    };
    onTestFinished(() => {
      if (streams.length === 0) closeSync(to);
      for (const each of streams) each.destroy();
    });
    return { sink: pipeSink(to, stream), to, leave, made: () => streams.length, read: () => readNow(from) };
  }

  test('gets short text at once, without a stream', async () => {
    const { sink, read, made } = pipe();
    let told: unknown = 'nothing yet';
    for (const text of ['first ✓\n', '', 'second\n']) sink.write(text, (error) => (told = error));
    expect(told).toBeUndefined();
    expect(read()).toBe('first ✓\nsecond\n');
    expect([await written(sink), made()]).toEqual([undefined, 0]);
  });

  test('gets long text, and all that follows, through a stream in order', async () => {
    const { sink, read, made } = pipe();
    const long = 'ü'.repeat(5000);
    for (const text of ['first\n', long, 'last\n']) sink.write(text);
    expect(await written(sink)).toBeUndefined();
    expect(read()).toBe(`first\n${long}last\n`);
    expect(made()).toBe(1);
  });

  test('gets many short texts like a long one', async () => {
    const { sink, read, made } = pipe();
    const line = 'x'.repeat(999);
    for (let count = 1; count <= 9; count++) sink.write(`${line}\n`);
    expect(await written(sink)).toBeUndefined();
    expect(read()).toBe(`${line}\n`.repeat(9));
    expect(made()).toBe(1);
  });

  test('is left to a stream, which waits, if it is full', async () => {
    const { sink, to, read, made } = pipe();
    fill(to);
    sink.write('late\n');
    expect([sink.errored, made()]).toEqual([null, 1]);
    expect(read()).toMatch(/^\0+$/);
    expect(await written(sink)).toBeUndefined();
    expect(read()).toBe('late\n');
  });

  test('fails, and keeps failing, once its reader has gone', async () => {
    const { sink, leave, made } = pipe();
    leave();
    let told: unknown;
    sink.write('unheard\n', (error) => (told = error));
    expect(told).toMatchObject({ code: 'EPIPE' });
    expect([await written(sink), sink.errored, made()]).toEqual([told, told, 0]);
  });
});

function readNow(descriptor: number): string {
  const bytes = Buffer.alloc(1 << 20);
  return bytes.toString('utf8', 0, readSync(descriptor, bytes));
}

function fill(descriptor: number): void {
  const bytes = Buffer.alloc(4096);
  try {
    for (;;) writeSync(descriptor, bytes);
  } catch (error) {
    expect(error).toMatchObject({ code: 'EAGAIN' });
  }
}
