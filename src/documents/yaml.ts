import { type Document, isCollection, isMap, isPair, isScalar, isSeq, parseAllDocuments, stringify } from 'yaml';
import {
  type Changed,
  DocumentError,
  damaged,
  edited,
  endOfLine,
  type Format,
  isLeaf,
  isWritten,
  leadAtEnd,
  lineEndOf,
  matches,
  nested,
  pathInWords,
  type Setting,
  type Step,
  startOfLine,
  type TextEdit,
  type Value,
  withoutEntry,
  wrongKind,
} from './document.ts';

/** YAML in block style. */
export const yaml: Format = {
  parse(text) {
    return documentOf(text)?.toJS();
  },

  set(text, setting) {
    const { path } = setting;
    const document = documentOf(text);
    const found = document ? membersAt(document, path) : [];
    const [root] = found;
    if (!root || isNull(root.node)) return atEnd(text, setting);
    const depth = found.length - 1;
    const { node } = found[depth] ?? root;
    return depth === path.length ? replaced(text, node, setting) : inserted(text, node, setting, depth);
  },

  unset(text, change) {
    const { path, value, before, depth, empty } = change;
    const document = documentOf(text);
    const found = document ? membersAt(document, path) : [];
    const last = found[path.length];
    if (!document || !last) return text;
    if (isLeaf(value) && !isWritten(toJs(last.node, document), change)) return text;
    const [from, to] = rangeOf(last.node);
    if (before !== undefined) {
      const start = change.lead === ' ' && text[from - 1] === ' ' ? from - 1 : from;
      return edited(text, [{ from: start, to, text: before }]);
    }
    let at = path.length;
    while (at > depth + 1 && sizeOf(found[at - 1]?.node) <= 1) at--;
    const container = found[at - 1]?.node;
    const member = found[at];
    if (!isCollection(container) || !member) return text;
    if (container.flow) throw new DocumentError('it has { } or [ ] around its entries. Remove the entry by hand');
    if (container.items.length === 1 && empty !== undefined)
      return edited(text, [{ from: rangeOf(container)[0], to: textEnd(container), text: empty }]);
    return withoutEntry(text, { from: member.start, to: rangeOf(member.node)[1] }, change.lead);
  },
};

/** A value, and where the text of its member or item starts. */
interface Member {
  readonly node: unknown;
  readonly start: number;
}

function documentOf(text: string): Document.Parsed | undefined {
  const parsed = parseAllDocuments(text);
  const documents = Array.isArray(parsed) ? parsed : [];
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) throw damaged(text, error.pos[0], (error.message.split(/ at line |:?\r?\n/)[0] ?? '').replace(/\.$/, ''));
  const [document, second] = documents;
  if (second) throw new DocumentError('it has several documents, separated by ---');
  return document;
}

/** Returns the values along a path, the root first, as far as there are any. */
function membersAt(document: Document.Parsed, path: readonly Step[]): Member[] {
  const members: Member[] = [{ node: document.contents, start: 0 }];
  for (const step of path) {
    const next = memberOf(members.at(-1)?.node, step, document);
    if (!next) break;
    members.push(next);
  }
  return members;
}

function memberOf(node: unknown, step: Step, document: Document.Parsed): Member | undefined {
  if (typeof step !== 'string') {
    const item = isSeq(node) ? node.items.find((each) => matches(toJs(each, document), step)) : undefined;
    return item === undefined ? undefined : { node: item, start: rangeOf(item)[0] };
  }
  const pair = isMap(node)
    ? node.items.find((each) => isPair(each) && isScalar(each.key) && each.key.value === step)
    : undefined;
  return pair ? { node: pair.value, start: rangeOf(pair.key)[0] } : undefined;
}

function rangeOf(node: unknown): [number, number] {
  const range = isScalar(node) || isCollection(node) ? node.range : undefined;
  if (!range) throw new DocumentError('it has an alias (*) in the place of the value');
  return [range[0], range[1]];
}

/** Returns where the text of a value ends, without the comment and the line end after it. */
function textEnd(node: unknown): number {
  const last = isCollection(node) ? node.items.at(-1) : undefined;
  if (last === undefined || (isCollection(node) && node.flow)) return rangeOf(node)[1];
  return textEnd(isPair(last) ? last.value : last);
}

function toJs(node: unknown, document: Document.Parsed): unknown {
  return isScalar(node) || isCollection(node) ? node.toJS(document) : undefined;
}

function isNull(node: unknown): boolean {
  return node == null || (isScalar(node) && node.value === null);
}

function sizeOf(node: unknown): number {
  return isCollection(node) ? node.items.length : 0;
}

/** Returns a value in block style, with a line end. */
function linesOf(value: Value, newline: string, indentation: string): string {
  const text = stringify(value, { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `${indentation}${line}${newline}`)
    .join('');
}

/** Adds the root to a document that has none. */
function atEnd(text: string, { path, value }: Setting): Changed {
  const lead = leadAtEnd(text);
  const block = linesOf(nested(path, value), lineEndOf(text), '');
  return { text: `${text}${lead}${block}`, change: { path, value, depth: 0, lead } };
}

function replaced(text: string, node: unknown, { path, value }: Setting): Changed {
  const [from, to] = rangeOf(node);
  const before = text.slice(from, to);
  const depth = path.length;
  if (isNull(node) && isLeaf(value)) return filled(text, { from, to }, { path, value });
  if (isLeaf(value) ? !isScalar(node) : !isCollection(node) || node.flow) throw wrongKind(path, 'of the same kind');
  const lines = linesOf(value, lineEndOf(text), ' '.repeat(columnOf(text, from))).trimStart();
  const after = isLeaf(value) || !before.endsWith('\n') ? lines.trimEnd() : lines;
  return { text: edited(text, [{ from, to, text: after }]), change: { path, value, before, depth } };
}

/** Writes a value in the place of an empty one or of `~`. */
function filled(text: string, { from, to }: Pick<TextEdit, 'from' | 'to'>, { path, value }: Setting): Changed {
  const before = text.slice(from, to);
  // An empty value is after the spaces that belong to a comment.
  const colon = before === '' ? text.slice(0, from).trimEnd().length : from;
  const [at, lead] = text[colon - 1] === ':' ? [colon, ' '] : [from, ''];
  const after = `${lead}${linesOf(value, lineEndOf(text), '').trimEnd()}`;
  return {
    text: edited(text, [{ from: at, to: before === '' ? at : to, text: after }]),
    change: { path, value, before, depth: path.length, lead },
  };
}

/** Adds a member or an item at the end of a map or a list. @param depth - how many steps of the path lead to it */
function inserted(text: string, node: unknown, { path, value }: Setting, depth: number): Changed {
  const above = path.slice(0, depth);
  if (isNull(node)) throw new DocumentError(`${pathInWords(above)} is empty. Remove it, or add an entry`);
  const isMember = typeof path[depth] === 'string';
  if (!isCollection(node) || (isMember ? !isMap(node) : !isSeq(node)))
    throw wrongKind(above, isMember ? 'a map' : 'a list');
  const newline = lineEndOf(text);
  const inner = nested(path.slice(depth), value);
  const [from, to] = rangeOf(node);
  if (node.flow) {
    if (node.items.length > 0 || depth > 0)
      throw new DocumentError('it has { } or [ ] around its entries. Write each entry on a line of its own');
    const block = linesOf(inner, newline, '').trimEnd();
    return {
      text: edited(text, [{ from, to, text: block }]),
      change: { path, value, depth, empty: text.slice(from, to) },
    };
  }
  const at = to > 0 && text[to - 1] !== '\n' ? endOfLine(text, to) : to;
  const lead = text[at - 1] === '\n' ? '' : newline;
  const block = `${lead}${linesOf(inner, newline, ' '.repeat(columnOf(text, from)))}`;
  return { text: edited(text, [{ from: at, to: at, text: block }]), change: { path, value, depth, lead } };
}

function columnOf(text: string, offset: number): number {
  return offset - startOfLine(text, offset);
}
