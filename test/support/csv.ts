/** Parses CSV according to RFC 4180 into rows of cells. @throws Error if a row has no end or a cell isn't closed */
export function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  do {
    const begin = cell.lastIndex;
    const match = cell.exec(text);
    if (!match) throw new Error(`no CSV at ${begin}: ${JSON.stringify(text.slice(begin, begin + 60))}`);
    const [, quoted, plain = '', end] = match;
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  } while (cell.lastIndex < text.length || row.length > 0);
  return rows;
}
