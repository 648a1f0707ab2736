import { usageError } from './errors.ts';
import { isObject, parsedJson } from './json.ts';
import { type PricedQuantity, unitPrice } from './money.ts';
import { prefixOf } from './usage-groups.ts';

/** The columns of a file with prices. */
const units = { promptPerMillion: 1_000_000, completionPerMillion: 1_000_000, perRequest: 1 } as const;
type Unit = keyof typeof units;
const unitNames = ['promptPerMillion', 'completionPerMillion', 'perRequest'] as const;

/** Prices in trillionths of a dollar; a missing one is 0. */
type Price = Partial<Readonly<Record<Unit, bigint>>>;

/** Prices by the name or prefix of a key, or `*`. */
export type Prices = ReadonlyMap<string, Price>;

/**
 * Parses a file with prices in USD: CSV with the columns `name`, `promptPerMillion`, `completionPerMillion` and `perRequest`, or JSON, a
 * list of objects with these members.
 *
 * @param file - its name, for errors
 * @throws CommandError (usage)
 */
export function parsePrices(text: string, file: string): Prices {
  const rows = /^\s*\[/.test(text) ? jsonRows(text) : csvRows(text);
  const refuse = (problem: string) =>
    usageError(`${file} is not a valid price list: ${problem}`, `Its columns are name, ${unitNames.join(', ')}.`);
  if (rows === undefined) throw refuse("it isn't CSV or a JSON list");
  const prices = new Map<string, Price>();
  for (const [at, { name, ...others }] of rows.entries()) {
    const where = `entry ${at + 1}`;
    if (!name) throw refuse(`${where} has no name`);
    if (prices.has(name)) throw refuse(`"${name}" has two prices`);
    const price: { [Name in Unit]?: bigint } = {};
    for (const [column, value] of Object.entries(others)) {
      const unit = unitNames.find((each) => each === column);
      if (unit === undefined) throw refuse(`"${column}" is not a known column`);
      if (value === '') continue;
      const parsed = unitPrice(value);
      if (parsed === undefined) throw refuse(`"${value}" in ${where} is not a price in USD`);
      price[unit] = parsed;
    }
    if (Object.keys(price).length === 0) throw refuse(`"${name}" has no price`);
    prices.set(name, price);
  }
  if (prices.size === 0) throw refuse('it has no prices');
  return prices;
}

/** Returns the price of a key: that of its name, or else of its prefix, or else of `*`. */
export function priceFor(prices: Prices, name: string): Price | undefined {
  return prices.get(name) ?? prices.get(prefixOf(name)) ?? prices.get('*');
}

/** Returns what a key's usage is charged for. */
export function pricedQuantities(
  price: Price,
  used: { readonly requests: number; readonly promptTokens: number; readonly completionTokens: number },
): PricedQuantity[] {
  const quantities = {
    promptPerMillion: used.promptTokens,
    completionPerMillion: used.completionTokens,
    perRequest: used.requests,
  };
  return unitNames.map((unit) => ({ quantity: quantities[unit], price: price[unit] ?? 0n, per: units[unit] }));
}

function jsonRows(text: string): Record<string, string>[] | undefined {
  const value = parsedJson(text);
  if (!Array.isArray(value)) return undefined;
  return value.map((row: unknown) =>
    isObject(row)
      ? Object.fromEntries(Object.entries(row).map(([name, each]) => [name, each === null ? '' : String(each)]))
      : {},
  );
}

/** Parses CSV (RFC 4180) with a header. */
function csvRows(text: string): Record<string, string>[] | undefined {
  const lines: string[][] = [[]];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  const content = text.replace(/^\uFEFF/, '').replace(/(?:\r?\n)+$/, '');
  while (pattern.lastIndex <= content.length) {
    const match = pattern.exec(content);
    if (!match) return undefined;
    const [, quoted, bare = '', end] = match;
    lines.at(-1)?.push(quoted === undefined ? bare.trim() : quoted.replaceAll('""', '"'));
    if (end === '') break;
    if (end !== ',') lines.push([]);
  }
  const [header = [], ...rows] = lines.filter((line) => line.some((cell) => cell !== ''));
  if (!header.includes('name') || rows.some(({ length }) => length > header.length)) return undefined;
  return rows.map((row) => Object.fromEntries(header.map((column, at) => [column, row[at] ?? ''])));
}
