import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import {
  type Change,
  type Changed,
  damaged,
  edited,
  type Format,
  indentationAt,
  isLeaf,
  isWritten,
  leadAtEnd,
  lineEndOf,
  matches,
  nested,
  type Setting,
  type Step,
  type TextEdit,
  type Value,
  wrongKind,
} from './document.ts';

/** JSON with comments and trailing commas. */
export const jsonc: Format = {
  parse(text) {
    const root = treeOf(text);
    return root && getNodeValue(root);
  },

  set(text, setting) {
    const root = treeOf(text);
    return root ? setIn(text, root, setting) : withoutRoot(text, setting);
  },

  unset(text, change) {
    const root = treeOf(text);
    if (!root) return text;
    const found = nodesAt(root, change.path);
    const node = found[change.path.length];
    if (!node) return text;
    const { before } = change;
    if (isLeaf(change.value) && !isWritten(getNodeValue(node), change)) return text;
    if (before !== undefined) return edited(text, [replacing(node, before)]);
    return removed(text, found, change);
  },
};

/** Returns the tree of a document; undefined if it is empty, or has only comments. @throws DocumentError */
function treeOf(text: string): Node | undefined {
  const errors: ParseError[] = [];
  // A byte order mark isn't part of the document.
  const hasMark = text.startsWith('\ufeff');
  const root = parseTree(hasMark ? ` ${text.slice(1)}` : text, errors, { allowTrailingComma: true });
  const [error] = root ? errors : errors.filter(({ error: code }) => printParseErrorCode(code) !== 'ValueExpected');
  if (error) throw damaged(text, error.offset, problem(printParseErrorCode(error.error)));
  return root;
}

/** Returns what is wrong in words: `CommaExpected` is `a comma is missing`. */
function problem(code: string): string {
  const expected = /^(.+)Expected$/.exec(code)?.[1];
  if (expected === undefined) return 'this text is not valid JSON';
  const names: Readonly<Record<string, string>> = {
    PropertyName: 'a member name',
    Value: 'a value',
    Colon: 'a colon',
    Comma: 'a comma',
    CloseBrace: 'a closing brace',
    CloseBracket: 'a closing bracket',
    EndOfFile: 'the end of the file',
  };
  return expected === 'EndOfFile' ? 'the file should end here' : `${names[expected] ?? 'something'} is missing`;
}

/** Returns the nodes along a path, the root first, as far as there are any. */
function nodesAt(root: Node, path: readonly Step[]): Node[] {
  const nodes = [root];
  for (const step of path) {
    const next = childOf(nodes.at(-1) ?? root, step);
    if (!next) break;
    nodes.push(next);
  }
  return nodes;
}

/** Returns the value of a member, or an item. Of several members with one name, programs use the last. */
function childOf(node: Node, step: Step): Node | undefined {
  const { children = [], type } = node;
  if (typeof step === 'string') {
    if (type !== 'object') return undefined;
    return children.findLast(({ children: [name] = [] }) => name?.value === step)?.children?.[1];
  }
  return type === 'array' ? children.find((item) => matches(getNodeValue(item), step)) : undefined;
}

function setIn(text: string, root: Node, { path, value }: Setting): Changed {
  const found = nodesAt(root, path);
  const depth = found.length - 1;
  const node = found[depth] ?? root;
  if (depth === path.length) {
    const before = text.slice(node.offset, node.offset + node.length);
    const indented = serialized(value, styleOf(text, root), indentationAt(text, node.offset));
    return { text: edited(text, [replacing(node, indented)]), change: { path, value, before, depth } };
  }
  const step = path[depth] ?? '';
  if (typeof step === 'string' && node.type !== 'object') throw wrongKind(path.slice(0, depth), 'an object');
  if (typeof step !== 'string' && node.type !== 'array') throw wrongKind(path.slice(0, depth), 'a list');
  const inner = nested(path.slice(depth + 1), value);
  const isEmpty = !node.children?.length;
  return {
    text: edited(
      text,
      insertion(text, { root, node, name: typeof step === 'string' ? step : undefined, value: inner }),
    ),
    change: { path, value, depth, empty: isEmpty ? text.slice(node.offset, node.offset + node.length) : undefined },
  };
}

/** Adds the root to a document without one. */
function withoutRoot(text: string, { path, value }: Setting): Changed {
  const newline = lineEndOf(text);
  const root = serialized(nested(path, value), { newline, unit: '  ', isOneLine: false }, '');
  const lead = leadAtEnd(text);
  return { text: `${text}${lead}${root}${newline}`, change: { path, value, depth: 0, lead } };
}

/** How a document is written. */
interface JsonStyle {
  readonly newline: string;
  /** The indentation of one level. */
  readonly unit: string;
  /** Whether values are written in one line. */
  readonly isOneLine: boolean;
}

function styleOf(text: string, root: Node): JsonStyle {
  const [first] = root.children ?? [];
  const gap = first && text.slice(root.offset, first.offset);
  const unit = gap?.includes('\n') ? indentationAt(text, first?.offset ?? 0) : '';
  return {
    newline: lineEndOf(text),
    unit: unit === '' ? '  ' : unit,
    isOneLine: gap !== undefined && !gap.includes('\n'),
  };
}

function serialized(value: Value, { newline, unit, isOneLine }: JsonStyle, indentation: string): string {
  if (isOneLine) return JSON.stringify(value);
  return JSON.stringify(value, undefined, unit).replaceAll('\n', `${newline}${indentation}`);
}

function replacing({ offset, length }: Node, text: string): TextEdit {
  return { from: offset, to: offset + length, text };
}

/** Returns the edits that add a member or an item at the end of an object or a list. */
function insertion(
  text: string,
  { root, node, name, value }: { root: Node; node: Node; name: string | undefined; value: Value },
): TextEdit[] {
  const style = styleOf(text, root);
  const { newline, unit } = style;
  const outer = indentationAt(text, node.offset);
  const close = node.offset + node.length - 1;
  const last = node.children?.at(-1);
  const key = name === undefined ? '' : `${JSON.stringify(name)}: `;
  if (!last) {
    const { length } = text.slice(node.offset + 1, close).trimEnd();
    const at = node.offset + 1 + length;
    const isOneLine = style.isOneLine && length === 0;
    if (isOneLine) return [{ from: at, to: at, text: `${key}${serialized(value, style, '')}` }];
    const inner = `${outer}${unit}`;
    const member = `${newline}${inner}${key}${serialized(value, { ...style, isOneLine: false }, inner)}`;
    return [{ from: at, to: close, text: `${member}${newline}${outer}` }];
  }
  const first = node.children?.[0] ?? last;
  const isSpread = text.slice(node.offset, first.offset).includes('\n');
  const end = last.offset + last.length;
  const { comma, lineEnd, endsInLineComment } = trivia(text, end, close);
  const isOwnLine = isSpread || endsInLineComment;
  const inner = isSpread ? indentationAt(text, first.offset) : outer;
  const before = isOwnLine ? `${newline}${inner}` : ' ';
  const member = `${before}${key}${serialized(value, { ...style, isOneLine: !isOwnLine || style.isOneLine }, inner)}`;
  if (comma !== undefined) return [{ from: lineEnd, to: lineEnd, text: `${member},` }];
  return lineEnd === end
    ? [{ from: end, to: end, text: `,${member}` }]
    : [
        { from: end, to: end, text: ',' },
        { from: lineEnd, to: lineEnd, text: member },
      ];
}

/** What follows a member up to the next one, or the end of the object or list. */
interface Trivia {
  /** The offset of the comma, if there is one. */
  readonly comma: number | undefined;
  /** The end of the comma and the comments on the same line. */
  readonly lineEnd: number;
  readonly endsInLineComment: boolean;
}

/** Matches what can be between two members: a comment, a comma, a line end or spaces. */
const triviaToken = /\/\/[^\r\n]*|\/\*[\s\S]*?\*\/|,|\r?\n|[^\S\n]/y;

/** Returns the comments, commas, line ends and spaces that follow an offset, and where each of them ends. */
function* tokens(text: string, from: number, to: number): Generator<{ readonly token: string; readonly end: number }> {
  for (let end = from; end < to; ) {
    triviaToken.lastIndex = end;
    const [token] = triviaToken.exec(text) ?? [];
    if (token === undefined) return;
    end += token.length;
    yield { token, end };
  }
}

function trivia(text: string, from: number, to: number): Trivia {
  let comma: number | undefined;
  let lineEnd = from;
  let endsInLineComment = false;
  let isSameLine = true;
  for (const { token, end } of tokens(text, from, to)) {
    if (token === ',') {
      if (comma !== undefined) break;
      comma = end - 1;
      isSameLine = true;
    } else if (token.endsWith('\n')) isSameLine = false;
    const isComment = token.startsWith('/');
    if (token !== ',' && !(isComment && isSameLine)) continue;
    lineEnd = end;
    endsInLineComment = token.startsWith('//');
  }
  return { comma, lineEnd, endsInLineComment };
}

/** Removes the value at a path, and the objects and lists around it that were added for it. @param found - the nodes along the path */
function removed(text: string, found: readonly Node[], { path, depth, empty, lead }: Change): string {
  let at = path.length;
  while (at > depth + 1 && (found[at - 1]?.children?.length ?? 0) <= 1) at--;
  const container = found[at - 1];
  const value = found[at];
  if (!container || !value) return text;
  const members = container.children ?? [];
  const member = typeof path[at - 1] === 'string' ? value.parent : value;
  if (!member) return text;
  const index = members.indexOf(member);
  const open = container.offset + 1;
  const close = container.offset + container.length - 1;
  const previous = members[index - 1];
  const from = previous ? previous.offset + previous.length : open;
  if (members.length === 1 && at === depth + 1) {
    const rest = text.slice(open, member.offset).trim() + text.slice(member.offset + member.length, close).trim();
    // Comments that the user added stay.
    if (lead !== undefined && rest === '') return withoutNode(text, container, lead);
    if (empty !== undefined && (rest === '' || rest === empty.slice(1, -1).trim()))
      return edited(text, [replacing(container, empty)]);
  }
  return edited(text, removal(text, member, from, close));
}

/** Removes the root that was added to a document without one. @param lead - the text that was added before it */
function withoutNode(text: string, { offset, length }: Node, lead: string): string {
  const from = text.slice(0, offset).endsWith(lead) ? offset - lead.length : offset;
  const rest = text.slice(offset + length).replace(/^\r?\n/, '');
  return text.slice(0, from) + rest;
}

/** Returns the edits that remove a member or an item with its comma. @param from - where what precedes it ends */
function removal(text: string, { offset, length }: Node, from: number, close: number): TextEdit[] {
  const end = offset + length;
  const before = trivia(text, from, offset);
  const { comma } = trivia(text, end, close);
  const to = comma === undefined ? end : comma + 1;
  // What follows must not become a part of a comment.
  const needsLine = isLineComment(text, from, offset) && !/^[ \t]*\r?\n/.test(text.slice(to));
  const comments = text.slice(end, comma ?? end).trim() === '' ? '' : text.slice(end, comma);
  const start = text.slice(0, offset).trimEnd().length;
  const cut: TextEdit = { from: start, to, text: `${needsLine ? lineEndOf(text) : ''}${comments}` };
  if (comma !== undefined || before.comma === undefined) return [cut];
  return [{ from: before.comma, to: before.comma + 1, text: '' }, cut];
}

/** Returns whether the last of the comments between two members ends with its line. */
function isLineComment(text: string, from: number, to: number): boolean {
  const last = [...tokens(text, from, to)].findLast(({ token }) => token.trim() !== '');
  return last?.token.startsWith('//') === true;
}
