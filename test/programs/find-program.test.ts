import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../../src/programs/find-program.ts';
import { emptyFolder } from '../support/folder.ts';

/** Returns a directory with programs, and files that aren't programs. */
function folder() {
  const root = realpathSync(emptyFolder());
  const at = (...names: readonly string[]) => path.join(root, ...names);
  for (const name of ['first', 'second', 'work', 'second/tool-folder', 'first/gh']) mkdirSync(at(name));
  const write = (mode: number, ...names: readonly string[]) => {
    writeFileSync(at(...names), '#!/bin/sh\n');
    chmodSync(at(...names), mode);
  };
  write(0o755, 'second', 'gh');
  write(0o644, 'second', 'notes');
  write(0o755, 'second', 'tool.CMD');
  write(0o755, 'work', 'local');
  return { at, env: { PATH: `${at('first')}:${at('second')}` }, cwd: at('work') };
}

test.each([
  ['gh', 'second/gh'],
  ['./local', 'work/local'],
  ['../second/gh', 'second/gh'],
])('finds %s', (name, file) => {
  const { at, ...surroundings } = folder();
  expect(findProgram(name, surroundings)).toEqual({ file: at(file) });
});

test('finds a program by its absolute path', () => {
  const { at, ...surroundings } = folder();
  expect(findProgram(at('second', 'gh'), surroundings)).toEqual({ file: at('second', 'gh') });
});

test.each([
  ['a program that is missing', 'nope', 'missing'],
  ['a program of the working directory', 'local', 'missing'],
  ['a directory', 'tool-folder', 'missing'],
  ['a file that is not a program', 'notes', 'not executable'],
  ['a path to a file that is not a program', '../second/notes', 'not executable'],
])('finds no program for %s', (_what, name, problem) => {
  const { at: _at, ...surroundings } = folder();
  expect(findProgram(name, surroundings)).toEqual({ problem });
});

test.each(['', '.', ':', 'work', '../work', './'])('skips the entry %j of PATH, which is not absolute', (entry) => {
  const { cwd } = folder();
  expect(findProgram('local', { env: { PATH: entry }, cwd })).toEqual({ problem: 'missing' });
});

test('finds nothing without PATH', () => {
  const { cwd } = folder();
  expect(findProgram('gh', { env: {}, cwd })).toEqual({ problem: 'missing' });
});

test.each([
  ['tool', {}, 'second/tool.CMD'],
  ['tool.cmd', { PATHEXT: '.EXE;.CMD' }, undefined],
  ['tool.CMD', { PATHEXT: '.EXE;.CMD' }, 'second/tool.CMD'],
  ['tool', { PATHEXT: '.EXE' }, undefined],
])('looks for %s with %j as Windows does', (name, more, file) => {
  const { at, cwd } = folder();
  // Files of this system have names with exact case.
  const env = { Path: `${at('first')};${at('second')}`, ...more };
  expect(findProgram(name, { env, cwd }, 'win32')).toEqual(
    file === undefined ? { problem: 'missing' } : { file: at(file) },
  );
});
