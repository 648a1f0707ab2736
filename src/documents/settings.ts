import {
  type Change,
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
  let before = { text, data: format.parse(text) };
  for (const setting of settings) {
    const { ignored, isRequired, path } = setting;
    if (isThere(before.data, setting) || (isRequired && valueAt(before.data, path) !== undefined)) continue;
    const { text: after, change } = format.set(before.text, setting);
    before = { text: after, data: dataOf(format, after, { before: before.data, path }) };
    if (!isThere(before.data, setting)) throw notEditable(path);
    changes.push({ ...change, ...(ignored ? { ignored } : {}), ...(isRequired ? { isRequired } : {}) });
  }
  return { text: before.text, changes };
}

/**
 * Takes back changes to a document, the last one first, and checks that nothing else has changed in it.
 *
 * @throws DocumentError if the document is damaged or a change can't be taken back
 */
export function withoutChanges(format: Format, text: string, changes: readonly Change[]): string {
  let before = { text, data: format.parse(text) };
  for (const change of [...changes].reverse()) {
    const after = format.unset(before.text, change);
    if (after !== before.text)
      before = { text: after, data: dataOf(format, after, { before: before.data, path: change.path }) };
  }
  return before.text;
}

/** Returns whether a document has a setting, not counting the members that programs change. @param data - its content */
export function isThere(data: unknown, { path, value, ignored = [] }: Setting): boolean {
  const counted = (each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).filter(([name]) => !ignored.includes(name)))
      : each;
  return isSame(counted(valueAt(data, path)), counted(value));
}

/**
 * Returns the content of a document that was edited.
 *
 * @throws DocumentError if it differs from the content before not only at the path: the code that edits it doesn't know how it is written
 */
function dataOf(
  format: Format,
  text: string,
  { before, path }: { readonly before: unknown; readonly path: readonly Step[] },
): unknown {
  const after = parsed(format, text, path);
  if (!isSame(without(before, path), without(after, path))) throw notEditable(path);
  return after;
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
