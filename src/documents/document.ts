/** A value that can be written to a document. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [name: string]: Value | undefined };

/** One step of the way to a value: the name of a member, or for an item of a list some members that it has. */
export type Step = string | Readonly<Record<string, string>>;

/** A value, and where it belongs in a document. */
export interface Setting {
  readonly path: readonly Step[];
  readonly value: Value;
  /** The members of an object that programs change: whether the setting is there already doesn't depend on them. */
  readonly ignored?: readonly string[] | undefined;
  /** Whether the file isn't valid without some value there. An existing one stays, and this one stays as long as there is anything else. */
  readonly isRequired?: boolean | undefined;
}

/** A setting that was written to a document, and what it takes to take it back. */
export interface Change extends Setting {
  /** The values that were written before this one. */
  readonly earlier?: readonly Value[] | undefined;
  /** The text of the value before; undefined if there was none. */
  readonly before?: string | undefined;
  /** How many steps of the path led to a value before. */
  readonly depth: number;
  /** The text of the object or list that got a new member, if it was empty before. */
  readonly empty?: string | undefined;
  /** The text between the new member and what precedes it. */
  readonly lead?: string | undefined;
}

/** The text of a document, and what was changed in it. */
export interface Changed {
  readonly text: string;
  readonly change: Change;
}

/** Changes documents of one format. Everything else in them stays as it is: comments, order, indentation and line ends. */
export interface Format {
  /** Returns the content of a document; undefined if it is empty. @throws DocumentError for a damaged one */
  parse(text: string): unknown;
  /** Writes a setting that isn't there yet. @throws DocumentError */
  set(text: string, setting: Setting): Changed;
  /** Takes back a change. A value that the user has changed since then stays, unless it is an object or a list. @throws DocumentError */
  unset(text: string, change: Change): string;
}

/** A document that can't be read or changed. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

/** Returns the error for a damaged document. @param offset - where, in characters */
export function damaged(text: string, offset: number, what: string): DocumentError {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  return new DocumentError(`line ${line}, column ${column}: ${what}`);
}

/** Returns the error for a value of another kind than expected. */
export function wrongKind(path: readonly Step[], expected: string): DocumentError {
  return new DocumentError(path.length === 0 ? `it isn't ${expected}` : `${pathInWords(path)} isn't ${expected}`);
}

/** Returns a path as text: `provider.cheapestinference`. */
export function pathInWords(path: readonly Step[]): string {
  return path.map((step) => (typeof step === 'string' ? step : `[${Object.values(step).join(', ')}]`)).join('.');
}

/** A replacement of a part of a text. */
export interface TextEdit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Returns a text with some edits, which don't overlap. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  let result = text;
  for (const edit of [...edits].sort((a, b) => b.from - a.from))
    result = result.slice(0, edit.from) + edit.text + result.slice(edit.to);
  return result;
}

/** Returns the line end that a text uses. */
export function lineEndOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n';
}

/** Returns what has to precede a line that is added at the end of a text. */
export function leadAtEnd(text: string): string {
  return text === '' || text === '\ufeff' || text.endsWith('\n') ? '' : lineEndOf(text);
}

/** Removes whole lines, and the text that was added before them. */
export function withoutLines(text: string, { from, to }: Pick<TextEdit, 'from' | 'to'>, lead = ''): string {
  const start = text.slice(0, from).endsWith(lead) ? from - lead.length : from;
  const joins = start > 0 && to < text.length && !['\n', '\ufeff'].includes(text[start - 1] ?? '');
  return edited(text, [{ from: start, to, text: joins ? lineEndOf(text) : '' }]);
}

/** Removes the lines of an entry of TOML or YAML. A comment that the user added to the last one stays. */
export function withoutEntry(text: string, { from, to }: Pick<TextEdit, 'from' | 'to'>, lead?: string): string {
  const end = text[to - 1] === '\n' ? to : endOfLine(text, to);
  const rest = text.slice(to, end);
  if (rest.includes('#')) return edited(text, [{ from, to: end - rest.trimStart().length, text: '' }]);
  return withoutLines(text, { from: startOfLine(text, from), to: end }, lead);
}

/** Returns the offset of the line at an offset. A byte order mark isn't part of it. */
export function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1 || (text.startsWith('\ufeff') ? 1 : 0);
}

/** Returns the offset after the line end that follows an offset. */
export function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

/** Returns the indentation of the line at an offset. */
export function indentationAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start))?.[0] ?? '';
}

/** Returns whether two values have the same content. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Date || b instanceof Date) return String(a) === String(b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a, b].map((value) =>
    Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)),
  );
  const names = Object.keys(left ?? {});
  return (
    names.length === Object.keys(right ?? {}).length &&
    names.every((name) => Object.hasOwn(right ?? {}, name) && isSame(left?.[name], right?.[name]))
  );
}

/** Returns whether a value is one that a change has written. */
export function isWritten(value: unknown, change: Pick<Change, 'value' | 'earlier'>): boolean {
  return [change.value, ...(change.earlier ?? [])].some((written) => isSame(value, written));
}

/** Returns whether a value is neither an object nor a list. */
export function isLeaf(value: Value): boolean {
  return typeof value !== 'object' || value === null;
}

/** Returns whether an item of a list has the members of a step. */
export function matches(item: unknown, step: Readonly<Record<string, string>>): boolean {
  if (typeof item !== 'object' || item === null) return false;
  const members = new Map(Object.entries(item));
  return Object.entries(step).every(([name, value]) => members.get(name) === value);
}

/** Returns the value at a path; undefined if there is none. */
export function valueAt(data: unknown, path: readonly Step[]): unknown {
  let value = data;
  for (const step of path) {
    if (typeof step === 'string') {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      value = Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined;
    } else value = Array.isArray(value) ? value.find((item) => matches(item, step)) : undefined;
  }
  return value;
}

/** Returns the value that leads through the rest of a path: each step an object or a list with one member. */
export function nested(path: readonly Step[], value: Value): Value {
  return path.reduceRight<Value>((inner, step) => (typeof step === 'string' ? { [step]: inner } : [inner]), value);
}
