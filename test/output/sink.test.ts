import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fileSink, written } from '../../src/output/sink.ts';
import { emptyFolder } from '../config/folder.ts';

function opened(file: string, flags: string): number {
  const descriptor = openSync(file, flags);
  onTestFinished(() => closeSync(descriptor));
  return descriptor;
}

test('a file has all that is written to it, in order', async () => {
  const file = join(emptyFolder(), 'out');
  const sink = fileSink(opened(file, 'w'));
  const long = 'ü'.repeat(300_000);
  for (const text of ['first\n', '', long]) sink.write(text);
  expect(await written(sink)).toBeUndefined();
  expect(readFileSync(file, 'utf8')).toBe(`first\n${long}`);
});

test('what is appended to a file leaves the rest of it', () => {
  const file = join(emptyFolder(), 'out');
  writeFileSync(file, 'before\n');
  fileSink(opened(file, 'a')).write('after\n');
  expect(readFileSync(file, 'utf8')).toBe('before\nafter\n');
});

test('a file that cannot be written is known by writing nothing, and stays an error', async () => {
  const file = join(emptyFolder(), 'out');
  writeFileSync(file, '');
  const sink = fileSink(opened(file, 'r'));
  expect(sink.errored).toBeUndefined();
  const error = await written(sink);
  expect(error?.message).toMatch(/^EBADF/);
  expect(sink.errored).toBe(error);
  expect(await written(sink)).toBe(error);
});

test.runIf(existsSync('/dev/full'))('a full disk is known', async () => {
  const sink = fileSink(opened('/dev/full', 'w'));
  let told: unknown;
  sink.write('x', (error) => {
    told = error;
  });
  expect(told).toMatchObject({ code: 'ENOSPC' });
  expect(await written(sink)).toBe(told);
});
