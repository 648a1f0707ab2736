/**
 * One kind of reader of dotenv files: where the statement that begins at an offset ends; undefined where it refuses the file.
 * They agree on most files, not on all: whether an apostrophe opens a value of several lines, what a backslash does before
 * a quote, what an open quote means.
 */
type Reader = (text: string, start: number) => number | undefined;

/** Opens a value in quotes, the quote its first group: for each reader in its own way. */
const opening = {
  dotenvPackage: startingWith('[\\w.-]+(?:\\s*=|:\\s)\\s*(["\'`])'),
  compose: startingWith('[\\w.-]+[ \\t]*[=:][ \\t\\v\\f\\r]*(["\'])'),
  node: startingWith('[\\w.-]+[ \\t]*=[ \\t]*(["\'`])'),
};

/** For the `dotenv` package a line may end before `=`, and behind `:`. */
const beforeValue = startingWith('[\\w.-]+(?:\\s*=|:\\r?\\n?)');
const noName = startingWith('["\'`]');
const beforeName = startingWith('');

/** The `dotenv` package: a quote counts when a line ends after it, and a backslash keeps it open only if another one follows. */
function dotenvPackage(text: string, start: number): number {
  const [head = ''] = matchAt(beforeValue, text, start) ?? [];
  return lineEnd(text, quotedEnd(text, start) ?? start + head.length, /\r\n?|\n/g);
}

/** docker compose: what stands in quotes goes on to the next one without a backslash. */
const compose: Reader = (text, start) => {
  const opened = matchAt(opening.compose, text, start);
  if (!opened) return matchAt(noName, text, start) ? undefined : lineEnd(text, start);
  let at = start + opened[0].length;
  do at = text.indexOf(quoteOf(opened), at) + 1;
  while (at > 0 && text[at - 2] === '\\');
  return at > 0 ? at : undefined;
};

/** `node --env-file`: what stands in quotes goes on to the next one, and is a line where there is none. */
const node: Reader = (text, start) => {
  const opened = matchAt(opening.node, text, start);
  const close = opened ? text.indexOf(quoteOf(opened), start + opened[0].length) : -1;
  return lineEnd(text, close < 0 ? start : close);
};

/** A POSIX shell: quotes count wherever they stand, and a backslash joins two lines. */
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
    } else inWord = !/[\s;&|()]/.test(char ?? '');
  }
  return text.length;
};

const readers: readonly Reader[] = [dotenvPackage, compose, node, shell];

/**
 * A dotenv file with one variable set, every other byte as it was: what was assigned last is replaced, whole; a comment behind
 * it stays. Where that cannot be told from a part of another value, by any reader, a line is added at the end instead: there
 * every reader looks last.
 *
 * An open quote that nothing closes is read as a part of its line: some readers refuse such a file, none that takes it reads on.
 *
 * @throws Error when there is no notation of the value that every reader takes as it is
 */
export function withVariable(content: Buffer, variable: string, value: string): Buffer {
  // A character a byte: what is no UTF-8 comes through as well.
  const text = content.toString('latin1');
  const assignment = `${variable}=${Buffer.from(notation(value), 'utf8').toString('latin1')}`;
  const place = lastAssignment(text, variable);
  if (place) {
    const [from, to] = place;
    const prefix = matchAt(beforeName, text, from)?.[0] ?? '';
    const whole = `${text.slice(0, from)}${prefix}${assignment}${ending(text, from, to)}${text.slice(to)}`;
    // An open quote before it may end in another place now.
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

/** Returns a value without quotes: up to the comment behind it. */
function unquoted(line: string): string {
  return line.replace(/(?:^|[ \t])#.*/s, '').trim();
}

/** Returns where the statements of a text begin, for each reader that takes it. */
function viewsOf(text: string): readonly (readonly number[])[] {
  return readers.map((reader) => statements(text, reader)).filter((view) => view !== undefined);
}

/** Returns where the last assignment begins that any reader sees; -1 if there is none. */
function lastStart(text: string, variable: string, views: readonly (readonly number[])[]): number {
  const isMine = assignmentOf(variable);
  return Math.max(...views.map((view) => view.findLast((at) => matchAt(isMine, text, at)) ?? -1));
}

/** Returns where the last assignment begins and ends, if every reader sees the same one and nothing else in it. */
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

/** Where the statements of a text begin. */
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

/** A statement's beginning: what may stand before a name, a byte order mark too, and a pattern. */
function startingWith(pattern: string): RegExp {
  return new RegExp(String.raw`(?:[ \t\v\f]|\xef\xbb\xbf)*(?:export[ \t]+)?${pattern}`, 'y');
}

/** `export NAME = ` and, which some take too, `NAME: `. */
function assignmentOf(name: string): RegExp {
  return startingWith(`${name}(?:\\s*=|[ \\t]*:)`);
}

/** The end of a value in quotes, by the rules of the `dotenv` package. */
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

/** What stands behind a value: a comment, and the line break. */
function ending(text: string, from: number, to: number): string {
  const lineBreak = /(?:\r?\n)?$/.exec(text.slice(from, to))?.[0] ?? '';
  const line = text.slice(from, to - lineBreak.length);
  const quoted = quotedEnd(text, from);
  const comment = quoted === undefined ? /[ \t]+#.*$/.exec(line) : /^[ \t]+#.*$/.exec(line.slice(quoted - from));
  return `${comment?.[0] ?? ''}${lineBreak}`;
}

/** What has to stand between a text and a line added to it. */
function gap(text: string): string {
  const open = text === '' || text.endsWith('\n') ? '' : lineBreak(text);
  // The shell joins a line that ends in a backslash with the next one, the dotenv package one that ends in a colon.
  return /[\\:]\r?\n?$/.test(text) ? `${open}\n` : open;
}

/** The line break that a text uses. */
function lineBreak(text: string): string {
  return /\r\n[^\n]*$/.test(text) ? '\r\n' : '\n';
}

/** A value on one line, as every reader takes it: as it is, or in quotes that leave it as it is. */
function notation(value: string): string {
  if (/^[\w.:/@%+=-]+$/.test(value)) return value;
  if (!/['\\\0\r\n]/.test(value)) return `'${value}'`;
  if (!/["\\$`\0\r\n]/.test(value)) return `"${value}"`;
  throw new Error('the value has no notation that every reader of dotenv files takes as it is');
}

/** Where the line of an offset ends, its line break included. */
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
