import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { createTwoFilesPatch } from 'diff';
import {
  type Change,
  DocumentError,
  type Format,
  isLeaf,
  isSame,
  isWritten,
  type Setting,
  valueAt,
} from '../documents/document.ts';
import { jsonc } from '../documents/jsonc.ts';
import { markedLinesFormat } from '../documents/marked-lines.ts';
import { isThere, withoutChanges, withSettings } from '../documents/settings.ts';
import { toml } from '../documents/toml.ts';
import { yaml } from '../documents/yaml.ts';
import { CommandError, messageOf } from '../domain/errors.ts';
import { redacted } from '../domain/secrets.ts';
import { fileFailure, orUnchanged, textOf } from '../output/file-change.ts';
import { octal, statsOf } from '../state/folder.ts';
import { checkReplaceable, replaceFile } from '../state/replace-file.ts';
import { digestOf, type RecordedFile, revealed } from './records.ts';
import type { FileSettings, FormatName } from './tool.ts';

const formats: Readonly<Record<FormatName, Format>> = { jsonc, toml, yaml, script: markedLinesFormat };

/** The permissions of a file with a secret. */
const ownerOnly = 0o600;

/** More than a file with settings has, in bytes. */
const largestFile = 32 * 1024 * 1024;

/** A line of a diff that is longer, in characters, is that of a file without line breaks. */
const longestLine = 300;

/** How many values and texts of connections a record keeps, for undoing after a crash. */
const mostEarlier = 5;

/** A change to a file of a tool. */
export interface PlannedFile {
  readonly file: string;
  readonly format: FormatName;
  /** The text now; undefined if there is no file. */
  readonly before: string | undefined;
  /** The text after the change; undefined: the file is removed. */
  readonly after: string | undefined;
  /** The text that undoing restores; undefined: no file. */
  readonly original: string | undefined;
  /** What is written, for undoing. */
  readonly changes: readonly Change[];
  /** The SHA-256 of the text after the change, and of those that earlier connections wrote. */
  readonly digests: readonly string[];
  /** The permissions after the change; undefined: those that it has. */
  readonly mode?: number | undefined;
  /** The permissions that undoing restores; undefined: those that it has. */
  readonly originalMode?: number | undefined;
  /** The directories that were created for it, the outermost first. */
  readonly folders: readonly string[];
  readonly holdsSecret: boolean;
}

/**
 * Returns the change that writes settings to a file.
 *
 * @param recorded - what was written to it earlier
 * @param backup - the text before that; undefined if there was no file
 * @throws CommandError (file_error) if it can't be read, or is damaged
 */
export function planSettings(
  { file, format: name, settings, holdsSecret = false, strictFor, expected }: FileSettings,
  recorded?: RecordedFile,
  backup?: string,
): PlannedFile {
  const format = formats[name];
  const before = settingsIn(file);
  return orRefuse(file, () => {
    const data = format.parse(before ?? '');
    if (strictFor !== undefined && data !== undefined) requireStrict(before ?? '', strictFor);
    if (expected !== undefined && data !== undefined && data !== null && valueAt(data, [expected]) === undefined)
      throw new DocumentError(`it has no ${expected}, so it belongs to another program`);
    const earlier = changesIn(recorded, data);
    const [wanted, stale] = partition(earlier, (change) => settings.some((each) => isSame(each.path, change.path)));
    const start = withoutChanges(format, before ?? '', stale);
    const { text: after, changes: written } = withSettings(format, start, settings);
    // All of them are there without a record: it was lost, or the file comes from another machine.
    const isAdopted = !recorded && written.length === 0 && settings.length > 0;
    const made = isAdopted ? settings.map((setting) => ({ ...setting, depth: 0 })) : written;
    // A value that the user has changed since is the one to restore.
    const kept = wanted
      .filter((change) => !isLeaf(change.value) || isWritten(valueAt(data, change.path), change))
      .map((change) => updated(change, settings));
    const changes = [...kept, ...made.filter((change) => !kept.some((each) => isSame(each.path, change.path)))];
    const mode = modeOf(file);
    return {
      file,
      format: name,
      before,
      after: after === '' && before === undefined ? undefined : after,
      original: recorded
        ? originalOf(recorded, before, backup)
        : isAdopted
          ? withoutChanges(format, before ?? '', made)
          : before,
      changes: changes.map((change) => inherited(change, stale)),
      digests: [...new Set([digestOf(after), ...(recorded?.digests ?? [])])].slice(0, mostEarlier),
      mode: holdsSecret ? ownerOnly : undefined,
      originalMode: recorded ? recorded.mode : holdsSecret && mode !== ownerOnly ? mode : undefined,
      folders: recorded?.folders ?? missingFolders(targetOf(file)),
      holdsSecret,
    };
  });
}

/** Returns the text of a file with settings; undefined if there is none. @throws CommandError (file_error) if it can't be one */
function settingsIn(file: string): string | undefined {
  const stats = statsOf(file, statSync);
  if (stats && !stats.isFile() && !stats.isDirectory()) throw fileFailure(`${file} is not a regular file`);
  if (stats && stats.size > largestFile) throw fileFailure(`${file} is too large for settings (${stats.size} bytes)`);
  return textOf(file);
}

/** Refuses JSON with comments or trailing commas. @throws DocumentError */
function requireStrict(text: string, program: string): void {
  try {
    JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    throw new DocumentError(`it has comments or trailing commas, which ${program} doesn't accept there`);
  }
}

/** Returns the change that restores a file. @throws CommandError (file_error) if it can't be read, or is damaged */
export function planUndo(recorded: RecordedFile, backup: string | undefined): PlannedFile {
  const { file, format, folders, mode, holdsSecret = false } = recorded;
  const before = settingsIn(file);
  return orRefuse(file, () => {
    const after = originalOf(recorded, before, backup);
    // Permissions that the user has changed since stay.
    const isOurs = mode !== undefined && modeOf(file) === ownerOnly;
    return {
      file,
      format,
      before,
      after,
      original: after,
      changes: [],
      digests: [],
      mode: isOurs ? mode : undefined,
      folders,
      holdsSecret,
    };
  });
}

/** Returns whether a file still has everything that was written to it. */
export function isIntact(recorded: RecordedFile): boolean {
  const format = formats[recorded.format];
  const text = textOf(recorded.file);
  if (text === undefined) return false;
  const data = format.parse(text);
  return changesIn(recorded, data).every((change) => isThere(data, change));
}

/** Returns the items that a condition is true of, and the others. */
function partition<Item>(items: readonly Item[], condition: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(condition), items.filter((item) => !condition(item))];
}

/** Returns a change with the value that is set now. */
function updated(change: Change, settings: readonly Setting[]): Change {
  const value = settings.find(({ path: each }) => isSame(each, change.path))?.value;
  if (value === undefined || isSame(value, change.value)) return change;
  return { ...change, value, earlier: [change.value, ...(change.earlier ?? [])].slice(0, mostEarlier) };
}

/** Returns a change that removes what was created for another one, which is gone, if it is the last one in there. */
function inherited(change: Change, stale: readonly Change[]): Change {
  const creator = stale.find(
    ({ depth, path: each }) =>
      depth < change.depth && isSame(each.slice(0, depth + 1), change.path.slice(0, depth + 1)),
  );
  return creator ? { ...change, depth: creator.depth, empty: creator.empty, lead: creator.lead } : change;
}

/** Returns the changes of a record, with the secrets that the file still has. @param data - of the file */
function changesIn(recorded: RecordedFile | undefined, data: unknown): readonly Change[] {
  return recorded?.changes.map((change) => revealed(change, valueAt(data, change.path))) ?? [];
}

/** Returns the text of a file without what was written to it; undefined if there is none. */
function originalOf(recorded: RecordedFile, text: string | undefined, backup: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const existed = recorded.backup !== undefined;
  if (recorded.digests.includes(digestOf(text)) && (!existed || backup !== undefined)) return backup;
  const format = formats[recorded.format];
  const changes = changesIn(recorded, format.parse(text));
  const [required, others] = partition(changes, ({ isRequired }) => isRequired === true);
  const without = withoutChanges(format, text, others);
  const bare = withoutChanges(format, without, required);
  const isEmpty = /^\ufeff?\s*(?:\{\s*\})?\s*$/.test(bare);
  if (isEmpty && !existed) return undefined;
  return isEmpty || bare === backup ? bare : without;
}

/** Returns whether a change does anything. */
export function changesAnything({ file, before, after, mode }: PlannedFile): boolean {
  return before !== after || (mode !== undefined && before !== undefined && modeOf(file) !== mode);
}

/** Returns a change as people read it, in the unified format. Secrets are masked. */
export function diffOf({ file, before, after, mode, changes, holdsSecret }: PlannedFile): string {
  const now = modeOf(file);
  const modes =
    mode === undefined || now === undefined || now === mode
      ? ''
      : `${file}: mode ${octal({ mode: now })} → ${octal({ mode })}\n`;
  if (before === after) return modes;
  const [from, to] = [before === undefined ? '/dev/null' : file, after === undefined ? '/dev/null' : file];
  const options = { context: holdsSecret ? 0 : 2 };
  const patch = createTwoFilesPatch(from, to, before ?? '', after ?? '', '', '', options);
  const lines = patch.replace(/^(?:Index: .*\n)?=+\n/, '').replace(/^(---|\+\+\+) (.*?)\t?$/gm, '$1 $2');
  // The backslash of this line isn't an escape.
  const mark = '\n\\ No newline at end of file\n';
  const masked = lines
    .split('\n')
    .map((line) => (holdsSecret || line.length > longestLine ? withoutStrings(line, changes) : line))
    .join('\n');
  return modes + masked.split(mark).map(redacted).join(mark);
}

/** Masks the strings in a line of JSON that may have secrets of others, except for those that were written to it. */
function withoutStrings(line: string, changes: readonly Change[]): string {
  const written = JSON.stringify(changes.map(({ value }) => value));
  return line.replace(/("(?:[^"\\\n]|\\.)*")(\s*:)?/g, (whole, text: string, colon?: string) =>
    colon !== undefined || written.includes(text) ? whole : '"…"',
  );
}

/** Checks that the changes can be made. @throws CommandError (file_error) */
export function checkFiles(files: readonly PlannedFile[]): void {
  for (const { file, before, after } of files) {
    if (before === after) continue;
    orUnchanged(file, () => {
      if (before !== undefined) accessSync(file, constants.W_OK);
      checkReplaceable(targetOf(file), Buffer.byteLength(after ?? ''));
    });
  }
}

/** Checks that a file is as it was when the change was planned. @throws CommandError (file_error) */
export function requireUnchanged({ file, before }: PlannedFile): void {
  if (textOf(file) === before) return;
  throw new CommandError('file_error', `Another program has just changed ${file}`, { hint: 'Run the command again.' });
}

/** Makes a change. @throws CommandError (file_error), also if the file has been changed since the change was planned */
export function applyFile(planned: PlannedFile): void {
  const { file, after, mode, folders } = planned;
  requireUnchanged(planned);
  orFailure(file, () => {
    const target = targetOf(file);
    if (after === undefined) return removeFile(target, folders);
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
    replaceFile(target, after, mode === undefined ? {} : { mode });
  });
}

function removeFile(file: string, folders: readonly string[]): void {
  rmSync(file, { force: true });
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // It has other files.
      return;
    }
  }
}

/** Returns the file that a path leads to through links, even if it doesn't exist yet. */
function targetOf(file: string): string {
  let target = file;
  // As many as Linux follows.
  for (let links = 0; links < 40; links++) {
    if (!lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink()) break;
    target = path.resolve(path.dirname(target), readlinkSync(target));
  }
  return target;
}

/** Returns the directories above a file that don't exist, the outermost first. */
function missingFolders(file: string): string[] {
  const missing: string[] = [];
  for (let folder = path.dirname(file); !existsSync(folder); folder = path.dirname(folder)) {
    missing.unshift(folder);
    if (folder === path.dirname(folder)) break;
  }
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
    const problem = error instanceof DocumentError ? error.message : excessIn(error);
    if (problem === undefined) throw error;
    throw new CommandError('file_error', `Can't change ${file}: ${problem}`, {
      hint: 'The file was left unchanged. Correct it, and run the command again.',
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** Returns what is wrong with a document that is too much for its parser; undefined for any other error. */
function excessIn(error: unknown): string | undefined {
  if (error instanceof RangeError) return 'it is nested too deeply';
  return error instanceof ReferenceError ? 'it has too many aliases' : undefined;
}

function orFailure(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError('file_error', `Can't write ${file}: ${messageOf(error)}`, { cause: error });
  }
}
