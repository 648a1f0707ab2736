/**
 * Returns where the statement that starts at an offset ends, as one kind of program reads dotenv files; undefined if it rejects the
 * file. These programs disagree on some files: whether an apostrophe starts a value of several lines, what a backslash does before a
 * quotation mark, and what an unclosed quotation mark means.
 */
type Reader = (text: string, start: number) => number | undefined;

/** ASCII whitespace. `\s` also matches the byte A0, which in UTF-8 is a part of a character, such as `à`. */
const blank = '[ \\t\\v\\f\\r\\n]';

/** Matches the start of a quoted value, by reader. The first group is the quotation mark. */
const opening = {
  dotenvPackage: startingWith(`[\\w.-]+(?:${blank}*=|:${blank})${blank}*(["'\`])`),
  compose: startingWith('[\\w.-]+[ \\t]*[=:][ \\t\\v\\f\\r]*(["\'])'),
  node: startingWith('[\\w.-]+[ \\t]*=[ \\t]*(["\'`])'),
};

/** Matches a name up to its value. The `dotenv` package allows a line break before `=` and after `:`. */
const beforeValue = startingWith(`[\\w.-]+(?:${blank}*=|:\\r?\\n?)`);
const aroundValue = new RegExp(`^${blank}+|${blank}+$`, 'g');
const betweenWords = new RegExp(`${blank}|[;&|()]`);
const noName = startingWith('["\'`]');
const beforeName = startingWith('');

/**
 * The `dotenv` package: a quotation mark closes a value if the line ends after it. A backslash before it keeps the value open only if
 * another quotation mark follows.
 */
function dotenvPackage(text: string, start: number): number {
  const [head = ''] = matchAt(beforeValue, text, start) ?? [];
  return lineEnd(text, quotedEnd(text, start) ?? start + head.length, /\r\n?|\n/g);
}

/** Docker Compose: a quoted value ends at the next quotation mark without a backslash. */
const compose: Reader = (text, start) => {
  const opened = matchAt(opening.compose, text, start);
  if (!opened) return matchAt(noName, text, start) ? undefined : lineEnd(text, start);
  let at = start + opened[0].length;
  do at = text.indexOf(quoteOf(opened), at) + 1;
  while (at > 0 && text[at - 2] === '\\');
  return at > 0 ? at : undefined;
};

/** `node --env-file`: a quoted value ends at the next quotation mark, or with its line if there is no other. */
const node: Reader = (text, start) => {
  const opened = matchAt(opening.node, text, start);
  const close = opened ? text.indexOf(quoteOf(opened), start + opened[0].length) : -1;
  return lineEnd(text, close < 0 ? start : close);
};

/** A POSIX shell: quotation marks count anywhere, and a backslash joins two lines. */
const shell: Reader = (text, start) => {
  let inWord = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\n') return at + 1;
    if (char === '#' && !inWord) return lineEnd(text, at);
    if (char === '\\') {
      at += 1;
      inWord ||= text[at] !== '\n';
    } else if (char === "'" || char === '"' || char === '`') {
      for (at += 1; text[at] !== char; at += 1) {
        if (at >= text.length) return undefined;
        if (text[at] === '\\' && char !== "'") at += 1;
      }
      inWord = true;
    } else inWord = !betweenWords.test(char ?? '');
  }
  return text.length;
};

const readers: readonly Reader[] = [dotenvPackage, compose, node, shell];

/**
 * Returns a dotenv file with one variable set, and every other byte unchanged. Replaces the last assignment, and keeps a comment after
 * it. If a reader could take that assignment for a part of another value, adds a line at the end instead, because the last assignment
 * wins.
 *
 * An unclosed quotation mark counts as a part of its line: some readers reject such a file, and the others don't read on.
 *
 * @throws Error if the value can't be written so that every reader reads it unchanged
 */
export function withVariable(content: Buffer, variable: string, value: string): Buffer {
  // One character per byte, so that bytes that aren't UTF-8 stay as they are.
  const text = content.toString('latin1');
  const assignment = `${variable}=${Buffer.from(notation(value), 'utf8').toString('latin1')}`;
  const place = lastAssignment(text, variable);
  if (place) {
    const [from, to] = place;
    const prefix = matchAt(beforeName, text, from)?.[0] ?? '';
    const whole = `${text.slice(0, from)}${prefix}${assignment}${ending(text, from, to)}${text.slice(to)}`;
    // An unclosed quotation mark before it may now end elsewhere.
    if (lastAssignment(whole, variable)?.[0] === from) return Buffer.from(whole, 'latin1');
  }
  return Buffer.from(`${text}${gap(text)}${assignment}${lineBreak(text)}`, 'latin1');
}

/**
 * Returns the value of a variable in a dotenv file; undefined if it is unset or empty. If readers disagree on which assignment is the
 * last, it is the last that any of them sees.
 */
export function variableIn(content: Buffer, variable: string): string | undefined {
  const text = content.toString('latin1');
  const from = lastStart(text, variable, viewsOf(text));
  if (from < 0) return undefined;
  const start = from + (matchAt(assignmentOf(variable), text, from)?.[0].length ?? 0);
  const end = quotedEnd(text, from);
  const value =
    end === undefined ? unquoted(text.slice(start, lineEnd(text, start))) : text.slice(start, end).trim().slice(1, -1);
  return value === '' ? undefined : Buffer.from(value, 'latin1').toString('utf8');
}

/** Returns an unquoted value, without the comment after it. */
function unquoted(line: string): string {
  return line.replace(/(?:^|[ \t])#.*/s, '').replace(aroundValue, '');
}

/** Returns where the statements of a text start, for each reader that accepts it. */
function viewsOf(text: string): readonly (readonly number[])[] {
  return readers.map((reader) => statements(text, reader)).filter((view) => view !== undefined);
}

/** Returns where the last assignment starts that any reader sees; negative if none exists. */
function lastStart(text: string, variable: string, views: readonly (readonly number[])[]): number {
  const isMine = assignmentOf(variable);
  return Math.max(...views.map((view) => view.findLast((at) => matchAt(isMine, text, at)) ?? -1));
}

/** Returns where the last assignment starts and ends, if all readers see the same one and no other inside it. */
function lastAssignment(text: string, variable: string): readonly [number, number] | undefined {
  const views = viewsOf(text);
  const isAny = assignmentOf('[\\w.-]+');
  const from = lastStart(text, variable, views);
  if (from < 0) return undefined;
  const to = dotenvPackage(text, from);
  const agreed = views.every(
    (view) =>
      view.includes(from) &&
      (to === text.length || view.includes(to)) &&
      !view.some((at) => from < at && at < to && matchAt(isAny, text, at)),
  );
  return agreed ? [from, to] : undefined;
}

/** Returns where the statements of a text start; undefined if the reader rejects it. */
function statements(text: string, reader: Reader): readonly number[] | undefined {
  const starts: number[] = [];
  for (let at = 0; at < text.length; ) {
    starts.push(at);
    const end = reader(text, at);
    if (end === undefined) return undefined;
    at = end;
  }
  return starts;
}

/** Returns an expression for the start of a statement: what may come before a name, such as a byte order mark, and a pattern. */
function startingWith(pattern: string): RegExp {
  return new RegExp(String.raw`(?:[ \t\v\f]|\xef\xbb\xbf)*(?:export[ \t]+)?${pattern}`, 'y');
}

/** Returns an expression for an assignment: `export NAME = ` or `NAME: `, which some readers accept. */
function assignmentOf(name: string): RegExp {
  return startingWith(`${name}(?:${blank}*=|[ \\t]*:)`);
}

/** Returns the end of a quoted value, by the rules of the `dotenv` package; undefined if it isn't quoted. */
function quotedEnd(text: string, start: number): number | undefined {
  const opened = matchAt(opening.dotenvPackage, text, start);
  if (!opened) return undefined;
  const quote = quoteOf(opened);
  let end: number | undefined;
  for (let at = text.indexOf(quote, start + opened[0].length); at >= 0; at = text.indexOf(quote, at + 1)) {
    if (matchAt(/[ \t\v\f]*(?:[#\r\n]|$)/y, text, at + 1)) end = at + 1;
    if (text[at - 1] !== '\\') break;
  }
  return end;
}

/** Returns what follows a value: a comment, even without a space before it, and the line break. */
function ending(text: string, from: number, to: number): string {
  const lineBreak = /(?:\r?\n)?$/.exec(text.slice(from, to))?.[0] ?? '';
  const line = text.slice(from, to - lineBreak.length);
  const quoted = quotedEnd(text, from);
  const value = matchAt(beforeValue, text, from)?.[0].length ?? 0;
  const after = quoted === undefined ? line.slice(value) : line.slice(quoted - from);
  const comment = /^#.*$/.exec(after) ?? (quoted === undefined ? /[ \t]+#.*$/ : /^[ \t]+#.*$/).exec(after);
  return `${comment?.[0].replace(/^#/, ' #') ?? ''}${lineBreak}`;
}

/** Returns what must come between a text and a line added to it. */
function gap(text: string): string {
  const open = text === '' || text.endsWith('\n') ? '' : lineBreak(text);
  // A shell joins a line that ends with a backslash to the next one. The dotenv package joins one that ends with a colon.
  return /[\\:]\r?\n?$/.test(text) ? `${open}\n` : open;
}

/** Returns the line break that a text uses. */
function lineBreak(text: string): string {
  return /\r\n[^\n]*$/.test(text) ? '\r\n' : '\n';
}

/** Returns a value as every reader reads it unchanged: plain, or quoted. @throws Error if there is no such notation */
function notation(value: string): string {
  if (/^[\w.:/@%+=-]+$/.test(value)) return value;
  if (!/['\\\0\r\n]/.test(value)) return `'${value}'`;
  if (!/["\\$`\0\r\n]/.test(value)) return `"${value}"`;
  throw new Error("programs that read dotenv files don't agree on how to quote the value");
}

/** Returns where the line of an offset ends, including its line break. */
function lineEnd(text: string, start: number, lineBreak = /\n/g): number {
  lineBreak.lastIndex = start;
  return lineBreak.test(text) ? lineBreak.lastIndex : text.length;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function quoteOf(opened: RegExpExecArray): string {
  return opened[1] ?? '';
}
