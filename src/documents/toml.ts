import { type AST, getStaticTOMLValue, ParseError, parseTOML } from 'toml-eslint-parser';
import {
  type Change,
  type Changed,
  DocumentError,
  damaged,
  edited,
  endOfLine,
  type Format,
  isSame,
  isWritten,
  leadAtEnd,
  lineEndOf,
  pathInWords,
  type Setting,
  startOfLine,
  type Value,
  withoutEntry,
  withoutLines,
  wrongKind,
} from './document.ts';

/** TOML. A setting is a value at the top, a value in a table, or a whole table of values. */
export const toml: Format = {
  parse(text) {
    return getStaticTOMLValue(treeOf(text));
  },

  set(text, setting) {
    const { path, value } = setting;
    const tree = treeOf(text);
    const existing = entryAt(tree, namesOf(path));
    if (existing) {
      if (isTable(value)) throw wrongKind(path, 'a table with a header of its own');
      return replaced(text, existing, setting);
    }
    if (isTable(value)) return withTable(text, tree, setting, value);
    const table = tableAt(tree, namesOf(path.slice(0, -1)));
    if (!table) throw wrongKind(path.slice(0, -1), 'a table');
    return withEntry(text, table, setting);
  },

  unset(text, change) {
    const tree = treeOf(text);
    const names = namesOf(change.path);
    if (isTable(change.value)) return withoutTable(text, tree, names, change);
    const entry = entryAt(tree, names);
    if (!entry || !isWritten(getStaticTOMLValue(entry.value), change)) return text;
    if (change.before === undefined) {
      const [from, to] = entry.range;
      return withoutEntry(text, { from, to }, change.lead);
    }
    const [from, to] = entry.value.range;
    return edited(text, [{ from, to, text: change.before }]);
  },
};

type Table = AST.TOMLTable | AST.TOMLTopLevelTable;
type TableValue = { readonly [name: string]: Value | undefined };

function treeOf(text: string): AST.TOMLProgram {
  try {
    return parseTOML(text.replace(/^\ufeff/, ' '));
  } catch (error) {
    if (error instanceof ParseError) throw damaged(text, error.index, error.message);
    throw error;
  }
}

function namesOf(path: Setting['path']): string[] {
  return path.map((step) => {
    if (typeof step === 'string') return step;
    throw new DocumentError(`${pathInWords(path)} can't be set in TOML`);
  });
}

function isTable(value: Value): value is TableValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the tables with a header, and the values before the first one. */
function tablesOf(tree: AST.TOMLProgram): { readonly names: readonly (string | number)[]; readonly table: Table }[] {
  const [top] = tree.body;
  return [
    { names: [], table: top },
    ...top.body.flatMap((each) => (each.type === 'TOMLTable' ? [{ names: each.resolvedKey, table: each }] : [])),
  ];
}

function tableAt(tree: AST.TOMLProgram, names: readonly string[]): Table | undefined {
  return tablesOf(tree).find((each) => isSame(each.names, names))?.table;
}

function entriesOf(table: Table): AST.TOMLKeyValue[] {
  return table.body.flatMap((each) => (each.type === 'TOMLKeyValue' ? [each] : []));
}

/** Returns the entry that sets a value. Its key may be dotted: `a.b = 1`. */
function entryAt(tree: AST.TOMLProgram, path: readonly string[]): AST.TOMLKeyValue | undefined {
  for (const { names, table } of tablesOf(tree)) {
    const found = entriesOf(table).find(({ key }) => isSame([...names, ...getStaticTOMLValue(key)], path));
    if (found) return found;
  }
  return undefined;
}

function serialized(value: Value): string {
  // A JSON string is a basic string of TOML.
  return Array.isArray(value) ? `[${value.map(serialized).join(', ')}]` : JSON.stringify(value);
}

function keyText(name: string): string {
  return /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
}

function replaced(text: string, { value: node }: AST.TOMLKeyValue, { path, value }: Setting): Changed {
  const [from, to] = node.range;
  const change: Change = { path, value, before: text.slice(from, to), depth: path.length };
  return { text: edited(text, [{ from, to, text: serialized(value) }]), change };
}

/** Adds an entry at the end of a table, or of the values before the first one. */
function withEntry(text: string, table: Table, { path, value }: Setting): Changed {
  const newline = lineEndOf(text);
  const last = entriesOf(table).at(-1) ?? (table.type === 'TOMLTable' ? table.key : undefined);
  // Comments at the beginning of the file may belong to the table that follows.
  const at = last ? endOfLine(text, last.range[1]) : text.startsWith('\ufeff') ? 1 : 0;
  const lead = at > 1 && text[at - 1] !== '\n' ? newline : '';
  const line = `${lead}${keyText(String(path.at(-1)))} = ${serialized(value)}${newline}`;
  const change: Change = { path, value, depth: path.length - 1, lead };
  return { text: edited(text, [{ from: at, to: at, text: line }]), change };
}

/** Adds a table at the end of the document, or its entries to the one that is there. */
function withTable(text: string, tree: AST.TOMLProgram, { path, value }: Setting, entries: TableValue): Changed {
  const names = namesOf(path);
  const newline = lineEndOf(text);
  const lines = [
    `[${names.map(keyText).join('.')}]`,
    ...Object.entries(entries).flatMap(([name, each]) =>
      each === undefined ? [] : [`${keyText(name)} = ${serialized(each)}`],
    ),
  ];
  const block = lines.map((line) => `${line}${newline}`).join('');
  const existing = tableAt(tree, names);
  if (existing?.type === 'TOMLTable') {
    const [from, to] = linesOf(text, existing);
    const before = text.slice(from, to);
    return { text: edited(text, [{ from, to, text: block }]), change: { path, value, before, depth: path.length } };
  }
  const lead = text === '' || text === '\ufeff' ? '' : `${leadAtEnd(text)}${newline}`;
  return { text: `${text}${lead}${block}`, change: { path, value, depth: path.length - 1, lead } };
}

function withoutTable(text: string, tree: AST.TOMLProgram, names: readonly string[], change: Change): string {
  const table = tableAt(tree, names);
  if (table?.type !== 'TOMLTable') return text;
  const [from, to] = linesOf(text, table);
  if (change.before !== undefined) return edited(text, [{ from, to, text: change.before }]);
  return withoutLines(text, { from, to }, change.lead);
}

/** Returns the lines of a table, from its header to its last entry. */
function linesOf(text: string, table: AST.TOMLTable): [number, number] {
  const last = table.body.at(-1) ?? table.key;
  return [startOfLine(text, table.range[0]), endOfLine(text, last.range[1])];
}
