import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import { parseUsd, toUsd } from '../../domain/money.ts';
import { nearest } from '../../domain/nearest.ts';
import { isManagementKey, isWholeKey, masked } from '../../domain/secrets.ts';
import { inWords } from '../../output/text.ts';
import type { FileRow, RowFile } from './row-file.ts';

/** The columns of a file with keys to create. `error` is written for failed rows, and ignored. */
export const createColumns = [
  'name',
  'type',
  'pool',
  'subscription',
  'maxBudget',
  'rpm',
  'tpm',
  'to',
  'error',
] as const;

/** The columns of a file with keys that exist: those that `keys create` reads and writes. */
export const existingColumns = ['id', 'apiKey', 'subscriptionId', ...createColumns] as const;

/** The limits of a credit key: USD, requests per minute, tokens per minute. */
export interface KeyLimits {
  readonly maxBudget?: number | undefined;
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
}

/** A key to create, as a row of a file says it. */
export interface KeyRow {
  readonly line: number;
  readonly name: string;
  /** Undefined for a credit key. */
  readonly seat: { readonly pool: string } | { readonly subscription: string } | undefined;
  readonly limits: KeyLimits;
  /** Where its secret goes, as `--to` takes it. */
  readonly to: string | undefined;
  readonly values: FileRow['values'];
}

/** The longest value that a message shows whole, in characters. */
const longestShown = 100;
/** Most lines of mistakes that an error shows. */
const mostShown = 20;

/** Collects what is wrong with the rows of a file. */
export class Mistakes {
  readonly #lines: string[] = [];
  #count = 0;

  add(line: number, problem: string): void {
    this.addAt(`line ${line}`, problem);
  }

  /** @param place - where the mistake is, for people */
  addAt(place: string, problem: string): void {
    this.#count++;
    if (this.#lines.length < mostShown) this.#lines.push(`${place}: ${problem}`);
  }

  /** @throws CommandError (usage) with the lines, if anything is wrong */
  check(file: Pick<RowFile, 'name'>): void {
    if (this.#count > 0) throw this.errorIn(file.name);
  }

  /** Returns the error with the lines. @param name - of the file */
  errorIn(name: string): CommandError {
    const more = this.#count - this.#lines.length;
    const [what, them] = this.#count === 1 ? ['a mistake', 'it'] : [counted(this.#count, 'mistake'), 'them'];
    return new CommandError('usage', `${name} has ${what}`, {
      hint: `Nothing was sent. Correct ${them}, and run the command again:`,
      lines: [...this.#lines, ...(more > 0 ? [`and ${more} more`] : [])],
      outcome: 'not_applied',
    });
  }
}

/** Returns a function that reports the columns of a row that aren't known, each once per file. */
export function unknownColumns(known: readonly string[]): (row: FileRow, mistakes: Pick<Mistakes, 'add'>) => void {
  const seen = new Set<string>(known);
  return ({ line, values, header = { line, columns: values.keys() } }, mistakes) => {
    for (const column of header.columns) {
      if (seen.has(column)) continue;
      seen.add(column);
      const [similar] = nearest(shortened(column), known);
      const advice = similar === undefined ? `the columns are ${inWords(known)}` : `did you mean "${similar}"?`;
      mistakes.add(header.line, `column "${shortened(column)}" isn't known; ${advice}`);
    }
  };
}

/** Returns a text that is short enough for a message. */
export function shortened(text: string): string {
  return text.length > longestShown ? `${text.slice(0, longestShown - 1)}…` : text;
}

/** Reports names that appear twice. */
export function repeatedNames(): (name: string, line: number) => string | undefined {
  const lines = new Map<string, number>();
  return (name, line) => {
    const earlier = lines.get(name);
    if (earlier === undefined) lines.set(name, line);
    return earlier === undefined ? undefined : `"${shortened(name)}" is also in line ${earlier}`;
  };
}

/** Returns the key that a row describes, or what is wrong with it, as a clause. */
export function keyRowOf({ line, values, problem }: FileRow): KeyRow | string {
  if (problem !== undefined) return problem;
  const name = nameOf(values.get('name'));
  if (typeof name !== 'string') return name.problem;
  const [pool, subscription, to] = [textOf(values, 'pool'), textOf(values, 'subscription'), textOf(values, 'to')];
  const type = textOf(values, 'type')?.toLowerCase();
  if (type !== undefined && type !== 'credit' && type !== 'subscription')
    return `type "${shortened(type)}" isn't credit or subscription`;
  if (pool !== undefined && subscription !== undefined) return 'it has a pool and a subscription; name one of them';
  const limits = limitsOf(values);
  if (typeof limits === 'string') return limits;
  const [limit] = Object.entries(limits).flatMap(([column, value]) => (value === undefined ? [] : [column]));
  const seat = pool !== undefined ? { pool } : subscription !== undefined ? { subscription } : undefined;
  if (seat) {
    if (type === 'credit') return `a credit key has no ${pool === undefined ? 'subscription' : 'pool'}`;
    if (limit !== undefined) return `only credit keys have ${limit}`;
  } else if (type === 'subscription') return 'its pool or subscription is missing';
  else if (type === undefined && limit === undefined) return 'its type is missing: credit, or subscription with a pool';
  return { line, name, seat, limits, to, values };
}

/** Returns a name without the spaces around it, or what is wrong with it. */
function nameOf(value: unknown): string | { readonly problem: string } {
  const name = typeof value === 'number' ? String(value) : value;
  if (typeof name !== 'string' || name.trim() === '') return { problem: 'its name is missing' };
  const isSecret = [isWholeKey, isManagementKey].some((is) => is(name));
  if (isSecret) return { problem: `${masked(name)} is a secret, not a name` };
  if (/\p{Cs}/u.test(name)) return { problem: "its name isn't valid Unicode" };
  return /\p{Cc}/u.test(name) ? { problem: 'its name has a control character' } : name.trim();
}

function textOf(values: FileRow['values'], column: string): string | undefined {
  const value = values.get(column);
  if (typeof value !== 'string' && typeof value !== 'number')
    return value === undefined ? undefined : JSON.stringify(value);
  return String(value).trim() || undefined;
}

/** Returns a text or number of a row, without the spaces around it; undefined if it is empty, or something else. */
export function wordOf(values: FileRow['values'], column: string): string | undefined {
  const value = values.get(column);
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() || undefined : undefined;
}

/** Returns the limits of a row, or what is wrong with one of them. */
export function limitsOf(values: FileRow['values']): KeyLimits | string {
  const budget = textOf(values, 'maxBudget');
  const maxBudget = budget === undefined ? undefined : usdOf(budget);
  if (budget !== undefined && maxBudget === undefined)
    return `maxBudget "${shortened(budget)}" isn't an amount in USD above 0, such as 49 or 49.50`;
  const limits: { maxBudget?: number; rpm?: number; tpm?: number } = maxBudget === undefined ? {} : { maxBudget };
  for (const column of ['rpm', 'tpm'] as const) {
    const text = textOf(values, column);
    if (text === undefined) continue;
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)) || Number(text) === 0)
      return `${column} "${shortened(text)}" isn't a whole number above 0`;
    limits[column] = Number(text);
  }
  return limits;
}

function usdOf(text: string): number | undefined {
  if (!/^\d+(?:\.\d{1,2})?$/.test(text)) return undefined;
  const cents = parseUsd(text);
  return cents > 0 ? toUsd(cents) : undefined;
}
