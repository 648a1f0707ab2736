import { Composer, CST, type ErrorCode, isMap, isScalar, isSeq, Lexer, Parser, type YAMLParseError } from 'yaml';
import { shown } from './shown.ts';

/** A value of a YAML file, and where it is. */
export interface Tree {
  /** Where it starts, in UTF-16 units. */
  readonly offset: number;
  /** Plain data: texts, numbers, booleans, null, arrays and objects. */
  readonly value: unknown;
  /** The members of a map. */
  readonly fields?: ReadonlyMap<string, Field>;
  /** The items of a list. */
  readonly items?: readonly Tree[];
  /** A value that isn't a map or a list, as it is written. */
  readonly source?: string | undefined;
}

/** A member of a map. */
interface Field extends Tree {
  /** Where its name starts. */
  readonly nameOffset: number;
}

/** Takes what is wrong with a text, as a clause. */
type Report = (offset: number, problem: string) => void;

/** The deepest nesting that is read. The format has five levels; the parser counts each about three times. */
const mostLevels = 40;
/** The most tokens that are read, about those of 12,000 keys. They take about a second. */
const mostTokens = 600_000;
/** The most lines that are read. */
const mostLines = 150_000;
/** After so many things that aren't allowed, the rest isn't read. */
const mostRefused = 100;
const tooMany = 'the file has too many entries up to here; move keys to a table, as in from: tenants.csv';

/**
 * Parses a text as one document of YAML 1.2, without what hides or repeats content: anchors, aliases, tags and merge keys.
 *
 * @param report - called for each mistake; once for those that make the rest unclear
 * @returns undefined if the text is empty, or can't be understood
 */
export function parsedTree(text: string, report: Report): Tree | undefined {
  const tokens = tokensOf(text, report);
  if (!tokens) return undefined;
  const [document] = composed(tokens, text.length);
  const [error] = (document?.errors ?? []).toSorted((one, other) => one.pos[0] - other.pos[0]);
  if (error) {
    report(Math.min(error.pos[0], text.length), problemOf(error));
    return undefined;
  }
  return isScalar(document?.contents) || isMap(document?.contents) || isSeq(document?.contents)
    ? treeOf(document.contents, report, 0)
    : undefined;
}

/** Returns the tokens of a text; undefined if it can't be read. */
function tokensOf(text: string, report: Report): CST.Token[] | undefined {
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(text);
  if (control) {
    report(control.index, `control character ${codeOf(control[0])} isn't allowed; remove it`);
    return undefined;
  }
  const lastLine = lineStart(text, mostLines);
  if (lastLine !== undefined) {
    report(lastLine, tooMany);
    return undefined;
  }
  const tokens: CST.Token[] = [];
  const parser = new Parser();
  let [count, documents, refused, isScalarNext] = [0, 0, 0, false];
  const take = (token: CST.Token) => {
    tokens.push(token);
    if (token.type !== 'document') return true;
    documents++;
    if (documents === 2) report(token.offset, 'a second document starts here; write one document per file');
    return documents < 2;
  };
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    const kind = isScalarNext ? undefined : CST.tokenType(lexeme);
    isScalarNext = kind === 'scalar';
    const refusal = refusalOf(kind, lexeme);
    if (refusal) {
      report(offset + refusal.at, refusal.what);
      if (++refused === mostRefused) return undefined;
    }
    for (const token of parser.next(lexeme)) if (!take(token)) return undefined;
    if (parser.stack.length > mostLevels) {
      report(offset, 'this is nested too deeply; the format has five levels');
      return undefined;
    }
    if (++count > mostTokens) {
      report(offset, tooMany);
      return undefined;
    }
  }
  for (const token of parser.end()) if (!take(token)) return undefined;
  return refused > 0 ? undefined : tokens;
}

/** Returns where a line starts, by its index; undefined if the text has fewer. */
function lineStart(text: string, index: number): number | undefined {
  let start = 0;
  for (let line = 0; line < index; line++) {
    start = text.indexOf('\n', start) + 1;
    if (start === 0) return undefined;
  }
  return start;
}

interface Refusal {
  /** Where in the token. */
  readonly at: number;
  readonly what: string;
}

/** Returns what is wrong with a token of a kind that isn't allowed or isn't complete. */
function refusalOf(kind: CST.TokenType | null | undefined, lexeme: string): Refusal | undefined {
  switch (kind) {
    case 'anchor':
      return { at: 0, what: "an anchor (&) isn't allowed; write the value out each time, or quote it if it is text" };
    case 'alias':
      return { at: 0, what: "an alias (*) isn't allowed; write the value out, or quote it if it is text" };
    case 'tag':
      return { at: 0, what: "a tag (!) isn't allowed; remove it, or quote the value if it is text" };
    case 'directive-line':
      if (/^%YAML[ \t]+1\.2\s*$/.test(lexeme)) return undefined;
      return { at: 0, what: "a directive (%) isn't allowed; remove it, or quote the value if it is text" };
    case 'double-quoted-scalar':
      return isClosed(lexeme) ? badEscape(lexeme) : { at: 0, what: 'this quotation mark (") isn\'t closed' };
    case 'single-quoted-scalar':
      if (/^'(?:[^']|'')*'$/.test(lexeme)) return undefined;
      return { at: 0, what: "this quotation mark (') isn't closed" };
    default:
      return undefined;
  }
}

/** Returns whether a text in double quotes ends with a quotation mark that isn't escaped. */
function isClosed(lexeme: string): boolean {
  let at = lexeme.length - 2;
  while (lexeme[at] === '\\') at--;
  return lexeme.length > 1 && lexeme.endsWith('"') && (lexeme.length - at) % 2 === 0;
}

/** Returns the first escape that YAML doesn't know. The parser would report each of a million. */
function badEscape(lexeme: string): Refusal | undefined {
  const escapes =
    /\\(?:["\\/0abefnrtvNLP_ \t\n]|\r\n|x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|U(?:000[\dA-Fa-f]|0010)[\dA-Fa-f]{4}|(.?))/gsu;
  for (const { 1: letter, index } of lexeme.matchAll(escapes)) {
    if (letter !== undefined) return { at: index, what: `"\\${letter}" isn't an escape; write "\\\\" for a backslash` };
  }
  return undefined;
}

/** Composes tokens. The composer collects all errors; hundreds of thousands would take seconds if each had a stack. */
function composed(tokens: readonly CST.Token[], length: number) {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, strict: true });
    return [...composer.compose(tokens, true, length)];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const misaligned = "this doesn't line up with its list or map; indent its entries by the same number of spaces";
const textForField = 'this is text where a field is expected; write name: value';

/** What the errors of the parser mean, where its words would be hard to understand. */
const syntaxProblems: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: misaligned,
  BLOCK_AS_IMPLICIT_KEY:
    'a second field starts in this value; write it on a line of its own, indented like the first, or quote the value',
  BLOCK_IN_FLOW: "a list or map on lines of its own can't be in [ ] or { }",
  KEY_OVER_1024_CHARS: 'the name of a field is longer than 1,024 characters',
  MULTILINE_IMPLICIT_KEY: textForField,
  TAB_AS_INDENT: 'a tab indents this line; indent with spaces',
};

function problemOf({ code, message }: YAMLParseError): string {
  const [, reserved] = /Plain value cannot start with .*character (\S)/.exec(message) ?? [];
  if (reserved !== undefined) return `a value can't start with ${reserved}; write it in quotes`;
  const [, bracket] = /(?:end with a|be closed with|Expected flow \w+ end) ?([\]}])/.exec(message) ?? [];
  if (bracket !== undefined) return `${bracket} is missing before this`;
  if (/followed by map values/.test(message)) return textForField;
  if (/at node end/.test(message)) return 'this follows a value that has ended; quote the whole value, or start a line';
  if (/without - indicator/.test(message)) return misaligned;
  const [first = ''] = message.split('\n');
  return syntaxProblems[code] ?? `it isn't YAML here (${first.charAt(0).toLowerCase()}${first.slice(1, 100)})`;
}

/** @param start - where to report a value that has no text */
function treeOf(node: unknown, report: Report, start: number): Tree {
  if (isScalar(node)) {
    const { value, source, range } = node;
    const offset = value === null && source === '' ? start : (range?.[0] ?? start);
    return { offset, value, source };
  }
  if (isSeq(node)) {
    const offset = node.range?.[0] ?? start;
    const items = node.items.map((item) => treeOf(item, report, offset));
    return { offset, items, value: items.map(({ value }) => value) };
  }
  if (!isMap(node)) return { offset: start, value: null };
  const offset = node.range?.[0] ?? start;
  const fields = new Map<string, Field>();
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? (key.source ?? String(key.value)) : undefined;
    const nameOffset = (isScalar(key) || isMap(key) || isSeq(key) ? key.range?.[0] : undefined) ?? offset;
    if (name === undefined) report(nameOffset, 'the name of a field is text, not a list or map');
    else if (name === '<<') report(nameOffset, "a merge key (<<) isn't allowed; write the fields out");
    else if (name === '__proto__') report(nameOffset, `field "${name}" isn't known`);
    else if (fields.has(name)) report(nameOffset, `field "${shown(name)}" appears twice; remove one`);
    else fields.set(name, { nameOffset, ...treeOf(value, report, nameOffset) });
  }
  return { offset, fields, value: Object.fromEntries([...fields].map(([name, { value }]) => [name, value])) };
}

function codeOf(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
