import { Option } from 'commander';
import { usageError } from '../domain/errors.ts';
import { missingOption, parseCount } from './options.ts';
import { invalidValue, namesOf, ValueOption } from './values.ts';

/** Number of requests that run at a time, unless the user says another. */
export const defaultConcurrency = 8;
/** The most requests at a time. More connections than that overload servers, and many systems allow 1,024 open files. */
const mostConcurrency = 256;

/** Returns `--from FILE`. */
export function fromOption(description: string): Option {
  return new ValueOption('--from <file>', `${description}, or - for standard input`, namesOf('files'));
}

/** Returns `--save-to FILE`. */
export function saveToOption(description = 'With --from, append the secrets to this NDJSON or CSV file'): Option {
  return new ValueOption('--save-to <file>', description, namesOf('files'));
}

/** Returns `--failed FILE`. */
export function failedOption(): Option {
  return new ValueOption('--failed <file>', 'With --from, write the rows that failed to this file', namesOf('files'));
}

/** Returns `--concurrency COUNT`. */
export function concurrencyOption(description = 'With --from, the most requests at a time'): Option {
  const parse = parseCount('--concurrency');
  return new Option('--concurrency <count>', `${description} (default: ${defaultConcurrency})`).argParser((text) => {
    const count = parse(text);
    if (count <= mostConcurrency) return count;
    throw invalidValue(text, 'value for --concurrency', `Use a whole number from 1 to ${mostConcurrency}.`);
  });
}

/** Returns `--rate COUNT`. */
export function rateOption(description = 'With --from, the most requests per second'): Option {
  return new Option('--rate <count>', description).argParser((text) => {
    const rate = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
    if (rate > 0) return rate;
    throw invalidValue(text, 'value for --rate', 'Use a number above 0, such as 20 or 0.5.');
  });
}

/** The options for many keys, as typed. */
export interface BulkFlags {
  readonly from?: string;
  readonly saveTo?: string;
  readonly failed?: string;
  readonly concurrency?: number;
  readonly rate?: number;
}

/** Refuses the options for many keys without a file. @throws CommandError (usage) */
export function refuseBulkOptions({ saveTo, failed, concurrency, rate }: BulkFlags): void {
  const options = { '--save-to': saveTo, '--failed': failed, '--concurrency': concurrency, '--rate': rate };
  const [option] = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (option !== undefined) throw missingOption(option, '--from');
}

/** Refuses what can't be combined with a file. @param options - the values of the other options, by name @throws CommandError (usage) */
export function refuseWithFrom(options: Readonly<Record<string, unknown>>): void {
  const [option] = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (option !== undefined)
    throw usageError(`--from and ${option} can't be combined`, 'The file says which keys there are, in its columns.');
}
