import { invalidValue } from '../../cli/values.ts';
import { usageError } from '../../domain/errors.ts';
import type { Span } from '../../domain/usage-bounds.ts';

/** A month in UTC. */
export interface Month extends Span {
  /** `2026-11` */
  readonly name: string;
}

/** Parses `--month`. @throws CommandError (usage) */
export function parseMonth(text: string): Month {
  const [, year, month] = /^(20\d\d)-(0[1-9]|1[0-2])$/.exec(text) ?? [];
  if (year === undefined) throw invalidValue(text, 'month', 'Use a year and a month, such as 2026-11.');
  return {
    name: text,
    from: Date.UTC(Number(year), Number(month) - 1),
    to: Date.UTC(Number(year), Number(month)),
  };
}

/** Refuses a missing month. @throws CommandError (usage) */
export function requireMonth(month: Month | undefined): Month {
  if (month === undefined) throw usageError('--month is missing', 'Pass a month in UTC, such as --month 2026-11.');
  return month;
}
