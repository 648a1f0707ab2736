import { existsSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { type Change, DocumentError, type Format, isSame } from '../documents/document.ts';
import { jsonc } from '../documents/jsonc.ts';
import { markedLinesFormat } from '../documents/marked-lines.ts';
import { isThere, withoutChanges, withSettings } from '../documents/settings.ts';
import { toml } from '../documents/toml.ts';
import { yaml } from '../documents/yaml.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { redacted } from '../domain/secrets.ts';
import { textOf } from '../output/file-change.ts';
import { realPathOf } from '../state/folder.ts';
import { checkReplaceable, replaceFile } from '../state/replace-file.ts';
import { digestOf, type RecordedFile } from './records.ts';
import type { FileSettings, FormatName } from './tool.ts';

const formats: Readonly<Record<FormatName, Format>> = { jsonc, toml, yaml, script: markedLinesFormat };

/** A change to a file of a tool. */
export interface PlannedFile {
  readonly file: string;
  readonly format: FormatName;
  /** The text now; undefined if there is no file. */
  readonly before: string | undefined;
  /** The text after the change; undefined: the file is removed. */
  readonly after: string | undefined;
  /** The text that undoing gives back; undefined: no file. */
  readonly original: string | undefined;
  /** What is written, for undoing. */
  readonly changes: readonly Change[];
  /** The permissions after the change; undefined: those that it has. */
  readonly mode?: number | undefined;
  /** The permissions that undoing gives back. */
  readonly originalMode?: number | undefined;
  /** The directories that were created for it. */
  readonly folders: readonly string[];
}

/**
 * Returns the change that writes settings to a file.
 *
 * @param recorded - what was written to it earlier
 * @param original - returns the text before that
 * @throws CommandError (file_error) if it can't be read, or is damaged
 */
export function planSettings(
  { file, format: name, settings, holdsSecret = false }: FileSettings,
  recorded?: RecordedFile,
  backup?: string,
): PlannedFile {
  const format = formats[name];
  const before = textOf(file);
  return orRefuse(file, () => {
    const original = recorded ? originalOf(recorded, before, backup) : before;
    const isKept = (change: Change) => settings.some((setting) => isSame(setting.path, change.path));
    const earlier = recorded?.changes ?? [];
    const stale = earlier.filter((change) => !isKept(change));
    const start = withoutChanges(format, before ?? '', stale);
    const { text: after, changes: made } = withSettings(format, start, settings);
    const kept = earlier.filter(isKept);
    const changes = [
      ...kept.map((change) => ({
        ...change,
        value: made.find((each) => isSame(each.path, change.path))?.value ?? change.value,
      })),
      ...made.filter((change) => !kept.some((each) => isSame(each.path, change.path))),
    ];
    const mode = modeOf(file);
    return {
      file,
      format: name,
      before,
      after: after === '' && before === undefined ? undefined : after,
      original,
      changes,
      mode: holdsSecret ? 0o600 : undefined,
      originalMode: recorded ? recorded.mode : mode,
      folders: recorded?.folders ?? missingFolders(file),
    };
  });
}

/** Returns the change that gives a file back as it was. @throws CommandError (file_error) if it can't be read, or is damaged */
export function planUndo(recorded: RecordedFile, backup: string | undefined): PlannedFile {
  const { file, format, changes, folders, mode } = recorded;
  const before = textOf(file);
  return orRefuse(file, () => {
    const after = originalOf(recorded, before, backup);
    return { file, format, before, after, original: after, changes, mode, originalMode: mode, folders };
  });
}

/** Returns whether a file still has everything that was written to it. */
export function isIntact({ file, format: name, changes }: RecordedFile): boolean {
  const text = textOf(file);
  return text !== undefined && changes.every((change) => isThere(formats[name], text, change));
}

/** Returns the text of a file without what was written to it; undefined if there is none. */
function originalOf(
  { format, digest, changes }: RecordedFile,
  text: string | undefined,
  backup: string | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  if (digestOf(text) === digest) return backup;
  const without = withoutChanges(formats[format], text, changes);
  const isEmpty = backup === undefined && /^\ufeff?\s*(?:\{\s*\})?\s*$/.test(without);
  return isEmpty ? undefined : without;
}

/** Returns whether a change does anything. */
export function changesAnything({ file, before, after, mode }: PlannedFile): boolean {
  return before !== after || (mode !== undefined && before !== undefined && modeOf(file) !== mode);
}

/** Returns a change as people read it, in the unified format. Secrets are masked. */
export function diffOf({ file, before, after }: PlannedFile): string {
  if (before === after) return '';
  const [from, to] = [before === undefined ? '/dev/null' : file, after === undefined ? '/dev/null' : file];
  const patch = createTwoFilesPatch(from, to, before ?? '', after ?? '', '', '', { context: 2 });
  const lines = patch.replace(/^(?:Index: .*\n)?=+\n/, '').replace(/^(---|\+\+\+) (.*?)\t?$/gm, '$1 $2');
  // The backslash of this line isn't an escape.
  const mark = '\n\\ No newline at end of file\n';
  return lines.split(mark).map(redacted).join(mark);
}

/** Checks that the changes can be made. @throws CommandError (file_error) */
export function checkFiles(files: readonly PlannedFile[]): void {
  for (const { file, before, after } of files) {
    if (before !== after) orFailure(file, () => checkReplaceable(file, Buffer.byteLength(after ?? '')));
  }
}

/**
 * Makes a change, unless the file has been changed since it was planned.
 *
 * @throws CommandError (file_error)
 */
export function applyFile({ file, before, after, mode, folders }: PlannedFile): void {
  if (textOf(file) !== before) {
    throw new CommandError('file_error', `Another program has just changed ${file}`, {
      hint: 'Run the command again.',
    });
  }
  orFailure(file, () => {
    if (after === undefined) return removeFile(file, folders);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    replaceFile(file, after, mode === undefined ? {} : { mode });
  });
}

function removeFile(file: string, folders: readonly string[]): void {
  rmSync(realPathOf(file), { force: true });
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // It has other files.
      return;
    }
  }
}

/** Returns the directories above a file that don't exist, the outermost first. */
function missingFolders(file: string): string[] {
  const missing: string[] = [];
  for (let folder = path.dirname(file); !existsSync(folder); folder = path.dirname(folder)) missing.unshift(folder);
  return missing;
}

function modeOf(file: string): number | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats && stats.mode & 0o7777;
}

function orRefuse<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new CommandError('file_error', `Can't change ${file}: ${error.message}`, {
      hint: 'The file was left unchanged. Correct it, and run the command again.',
      outcome: 'not_applied',
      cause: error,
    });
  }
}

function orFailure(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError('file_error', `Can't write ${file}: ${messageOf(error)}`, { cause: error });
  }
}
