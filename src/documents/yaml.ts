import { type Document, isCollection, isMap, isPair, isScalar, isSeq, parseAllDocuments, stringify } from 'yaml';
import {
  type Change,
  type Changed,
  DocumentError,
  damaged,
  edited,
  endOfLine,
  type Format,
  isLeaf,
  isSame,
  isWritten,
  lineEndOf,
  matches,
  nested,
  pathInWords,
  type Setting,
  type Step,
  type Value,
  wrongKind,
} from './document.ts';

/** YAML in block style. */
export const yaml: Format = {
  parse(text) {
    return documentOf(text)?.toJS();
  },

  set(text, { path, value }) {
    const document = documentOf(text);
    const found = document ? membersAt(document, path) : [];
    const [root] = found;
    if (!document || !root || isNull(root.node)) return atEnd(text, { path, value }, '');
    const depth = found.length - 1;
    const { node } = found[depth] ?? root;
    const newline = lineEndOf(text);
    if (depth === path.length) {
      if (isSame(toJs(node, document), value)) return { text };
      const [from, to] = rangeOf(node);
      const before = text.slice(from, to);
      if (isNull(node) && isLeaf(value)) {
        // An empty value is after the spaces that belong to a comment.
        const colon = before === '' ? text.slice(0, from).trimEnd().length : from;
        const [at, lead] = text[colon - 1] === ':' ? [colon, ' '] : [from, ''];
        const after = `${lead}${linesOf(value, newline, '').trimEnd()}`;
        const end = before === '' ? at : to;
        return {
          text: edited(text, [{ from: at, to: end, text: after }]),
          change: { path, value, before, depth, lead },
        };
      }
      if (isLeaf(value) ? !isScalar(node) : !isCollection(node) || node.flow) throw wrongKind(path, 'of the same kind');
      const lines = linesOf(value, newline, ' '.repeat(columnOf(text, from))).trimStart();
      const after = isLeaf(value) || !before.endsWith('\n') ? lines.trimEnd() : lines;
      return { text: edited(text, [{ from, to, text: after }]), change: { path, value, before, depth } };
    }
    const step = path[depth] ?? '';
    if (isNull(node))
      throw new DocumentError(`${pathInWords(path.slice(0, depth))} is empty. Remove it, or add an entry`);
    if (typeof step === 'string' ? !isMap(node) : !isSeq(node))
      throw wrongKind(path.slice(0, depth), typeof step === 'string' ? 'a map' : 'a list');
    if (!isCollection(node)) return { text };
    const inner = nested(path.slice(depth), value);
    if (node.flow) {
      const [from, to] = rangeOf(node);
      if (node.items.length > 0 || depth > 0)
        throw new DocumentError('it has { } or [ ] around its entries. Write each entry on a line of its own');
      const block = linesOf(inner, newline, '').trimEnd();
      return {
        text: edited(text, [{ from, to, text: block }]),
        change: { path, value, depth, empty: text.slice(from, to) },
      };
    }
    const [start] = rangeOf(node);
    const [, end] = rangeOf(node);
    const at = end > 0 && text[end - 1] !== '\n' ? endOfLine(text, end) : end;
    const lead = text[at - 1] === '\n' ? '' : newline;
    const block = `${lead}${linesOf(inner, newline, ' '.repeat(columnOf(text, start)))}`;
    return { text: edited(text, [{ from: at, to: at, text: block }]), change: { path, value, depth, lead } };
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
    return withoutMember(text, member, change);
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
function atEnd(text: string, { path, value }: Setting, indentation: string): Changed {
  const newline = lineEndOf(text);
  const lead = text === '' || text.endsWith('\n') || text === '\ufeff' ? '' : newline;
  const block = linesOf(nested(path, value), newline, indentation);
  return { text: `${text}${lead}${block}`, change: { path, value, depth: 0, lead } };
}

function withoutMember(text: string, { node, start }: Member, { lead = '' }: Change): string {
  const lineStart = startOfLine(text, start);
  const [, valueEnd] = rangeOf(node);
  const end = text[valueEnd - 1] === '\n' ? valueEnd : endOfLine(text, valueEnd);
  // A comment that the user added to the line stays.
  const rest = text.slice(valueEnd, end);
  if (rest.includes('#')) {
    const to = valueEnd + (rest.length - rest.trimStart().length);
    return edited(text, [{ from: start, to, text: '' }]);
  }
  const from = lead !== '' && text.slice(0, lineStart).endsWith(lead) ? lineStart - lead.length : lineStart;
  const joins = from > 0 && end < text.length && !['\n', '\ufeff'].includes(text[from - 1] ?? '');
  return edited(text, [{ from, to: end, text: joins ? lineEndOf(text) : '' }]);
}

function columnOf(text: string, offset: number): number {
  return offset - startOfLine(text, offset);
}

/** Returns the offset of the line at an offset. A byte order mark isn't part of it. */
function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1 || (text.startsWith('\ufeff') ? 1 : 0);
}
