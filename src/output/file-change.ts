import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError, codeOf, messageOf } from '../domain/errors.ts';
import { checkReplaceable, replaceFile } from '../state/replace-file.ts';

/** A change to a file of the user. */
export interface FileChange {
  readonly file: string;
  /** `created`: the file is new; `added`: our lines are new; `updated`: our lines have changed. */
  readonly change: 'created' | 'added' | 'updated' | 'unchanged';
  /** Our lines, counted from 1. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** The text of the file after the change. */
  readonly text: string;
}

/** Our lines in a file of the user, between two comments. */
export interface Block {
  readonly start: string;
  readonly lines: readonly string[];
  readonly end: string;
}

/**
 * Returns the change that replaces a block in a file, or appends it. Other lines stay as they are.
 *
 * @throws CommandError (file_error) if the file can't be read, or has the start of the block without its end
 */
export function withBlock(file: string, { start, lines, end }: Block): FileChange {
  const before = textOf(file) ?? '';
  const newline = before.includes('\r\n') ? '\r\n' : '\n';
  const ours = [start, ...lines, end];
  const there = before === '' ? [] : before.split(/\r?\n/);
  const first = there.indexOf(start);
  const last = there.indexOf(end, first);
  if (first >= 0 && last < 0) {
    throw fileFailure(`${file} has the line "${start}" but not "${end}"`, {
      hint: 'Remove the line, and run the command again.',
    });
  }
  if (first < 0) {
    const kept = there.at(-1) === '' ? there.slice(0, -1) : there;
    return {
      file,
      change: before === '' ? 'created' : 'added',
      firstLine: kept.length + 1,
      lastLine: kept.length + ours.length,
      text: `${[...kept, ...ours].join(newline)}${newline}`,
    };
  }
  const text = [...there.slice(0, first), ...ours, ...there.slice(last + 1)].join(newline);
  const change = text === there.join(newline) ? 'unchanged' : 'updated';
  return { file, change, firstLine: first + 1, lastLine: first + ours.length, text };
}

/** Applies a change. Symbolic links are kept. @throws CommandError (file_error) */
export function applyChange({ file, change, text }: FileChange): void {
  if (change === 'unchanged') return;
  orUnchanged(file, () => {
    // Not writable for the group, whatever the umask: zsh ignores such directories.
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    replaceFile(file, text);
  });
}

/** Checks that a change can be applied. @throws CommandError (file_error) */
export function checkChange({ file, change, text }: FileChange): void {
  if (change !== 'unchanged') orUnchanged(file, () => checkReplaceable(file, Buffer.byteLength(text)));
}

/** Runs a function. If it fails, throws an error that says that a file can't be written and that nothing was changed. */
export function orUnchanged(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw fileFailure(`Can't write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Returns the text of a file; undefined if none exists. @throws CommandError (file_error) if it can't be read, or isn't UTF-8 */
export function textOf(file: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw fileFailure(`Can't read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Returns the error for a file of the user that wasn't changed. */
export function fileFailure(
  message: string,
  { hint = 'Nothing was changed.', cause }: { readonly hint?: string; readonly cause?: unknown } = {},
): CommandError {
  return new CommandError('file_error', message, { hint, outcome: 'not_applied', cause });
}
