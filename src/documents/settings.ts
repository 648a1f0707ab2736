import {
  type Change,
  type Changed,
  DocumentError,
  type Format,
  isSame,
  pathInWords,
  type Setting,
  type Step,
  valueAt,
} from './document.ts';

/**
 * Writes settings to a document, and checks that nothing else has changed in it.
 *
 * @returns the text, and a change for each setting that wasn't there yet
 * @throws DocumentError if the document is damaged or can't hold a setting
 */
export function withSettings(
  format: Format,
  text: string,
  settings: readonly Setting[],
): { readonly text: string; readonly changes: readonly Change[] } {
  const changes: Change[] = [];
  let result = text;
  for (const setting of settings) {
    if (isThere(format, result, setting) || (setting.isRequired && hasValue(format, result, setting))) continue;
    const { text: after, change }: Changed = format.set(result, setting);
    if (!change) continue;
    requireOnly(format, { before: result, after, path: setting.path });
    if (!isThere(format, after, setting)) throw notEditable(setting.path);
    const { ignored, isRequired } = setting;
    changes.push({ ...change, ...(ignored ? { ignored } : {}), ...(isRequired ? { isRequired } : {}) });
    result = after;
  }
  return { text: result, changes };
}

/**
 * Takes back changes to a document, the last one first, and checks that nothing else has changed in it.
 *
 * @throws DocumentError if the document is damaged or a change can't be taken back
 */
export function withoutChanges(format: Format, text: string, changes: readonly Change[]): string {
  return changes.reduceRight((before, change) => {
    const after = format.unset(before, change);
    if (after !== before) requireOnly(format, { before, after, path: change.path });
    return after;
  }, text);
}

/** Returns whether a document has a setting, not counting the members that programs change. */
export function isThere(format: Format, text: string, { path, value, ignored = [] }: Setting): boolean {
  const counted = (each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).filter(([name]) => !ignored.includes(name)))
      : each;
  return isSame(counted(valueAt(format.parse(text), path)), counted(value));
}

function hasValue(format: Format, text: string, { path }: Setting): boolean {
  return valueAt(format.parse(text), path) !== undefined;
}

/** Checks that two texts of a document differ only at a path. Else the code that edits them doesn't know how it is written. */
function requireOnly(
  format: Format,
  { before, after, path }: { readonly before: string; readonly after: string; readonly path: readonly Step[] },
): void {
  if (!isSame(without(parsed(format, before, path), path), without(parsed(format, after, path), path)))
    throw notEditable(path);
}

function parsed(format: Format, text: string, path: readonly Step[]): unknown {
  try {
    return format.parse(text);
  } catch (error) {
    if (error instanceof DocumentError) throw notEditable(path);
    throw error;
  }
}

function notEditable(path: readonly Step[]): DocumentError {
  return new DocumentError(`${pathInWords(path)} can't be changed without changing something else`);
}

/** Returns a value without the one at a path, and without the objects and lists around it that are then empty. */
function without(data: unknown, path: readonly Step[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return undefined;
  if (Array.isArray(data)) {
    const found = valueAt(data, [step]);
    const items = data.flatMap((item) => {
      const kept: unknown = item === found ? without(item, rest) : item;
      return kept === undefined ? [] : [kept];
    });
    return items.length > 0 ? items : undefined;
  }
  if (typeof data !== 'object' || data === null || typeof step !== 'string') return data ?? undefined;
  const members = Object.entries(data).flatMap(([name, value]) => {
    const kept: unknown = name === step ? without(value, rest) : value;
    return kept === undefined ? [] : [[name, kept]];
  });
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}
