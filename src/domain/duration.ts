import { usageError } from './errors.ts';

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a length of time as typed: `500ms`, `30s`, `5m`, `6h`, `30d`; a bare number is seconds.
 *
 * @param what - what is read, where there are several: `--for`
 * @returns milliseconds, a whole number above 0
 * @throws CommandError (usage) that names what was typed and what would be right
 */
export function parseDuration(text: string, what?: string): number {
  const [, digits = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? [];
  const length = Math.round(Number(digits) * (milliseconds[unit] ?? Number.NaN));
  if (digits === '' || !Number.isSafeInteger(length) || length <= 0) {
    const typed = what === undefined ? `"${text}" is not` : `${what} is "${text}", which is not`;
    throw usageError(`${typed} a length of time`, 'Write a number and a unit: 500ms, 30s, 5m, 6h or 30d.');
  }
  return length;
}
