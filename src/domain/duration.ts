import { counted } from './counted.ts';
import { usageError } from './errors.ts';

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Parses a duration: `500ms`, `30s`, `5m`, `6h`, `30d`; a number without a unit is in seconds.
 *
 * @param name - the option or setting that it is for, such as `--for`
 * @returns milliseconds, a whole number above 0
 * @throws CommandError (usage)
 */
export function parseDuration(text: string, name?: string): number {
  const [, digits = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? [];
  const length = Math.round(Number(digits) * (milliseconds[unit] ?? Number.NaN));
  if (digits === '' || !Number.isSafeInteger(length) || length <= 0) {
    throw usageError(
      `"${text}" is not a valid duration${name === undefined ? '' : ` for ${name}`}`,
      'Use a number and a unit, such as 500ms, 30s, 5m, 6h or 30d.',
    );
  }
  return length;
}

/** Returns a valid duration as typed, with its unit: `30` is `30s`. */
export function withUnit(text: string): string {
  const duration = text.trim();
  return /\d$/.test(duration) ? `${duration}s` : duration;
}

/** Formats a duration for people, rounded: `45 seconds`, `5 minutes`, `3 hours`. */
export function durationInWords(length: number): string {
  if (length < 1000 && length > 0) return `${Math.ceil(length)} ms`;
  const seconds = Math.ceil(length / 1000);
  if (seconds < 120 && seconds !== 60) return counted(seconds, 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 120 && minutes !== 60) return counted(minutes, 'minute');
  const hours = Math.round(minutes / 60);
  return hours < 48 ? counted(hours, 'hour') : counted(Math.round(hours / 24), 'day');
}
