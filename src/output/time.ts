import { counted } from '../domain/counted.ts';
import { lazy } from '../domain/lazy.ts';

const minute = 60_000;
const hour = 60 * minute;
const dayLength = 24 * hour;
const month = 30.4375 * dayLength;

/** Units, their lengths, and the distance from which each is used: where the next smaller one would round up to it. */
const units = [
  ['year', 12 * month, 11.5 * month],
  ['month', month, 29.5 * dayLength],
  ['week', 7 * dayLength, 6.5 * dayLength],
  ['day', dayLength, 23.5 * hour],
  ['hour', hour, 59.5 * minute],
  ['minute', minute, 0.5 * minute],
] as const;

/** Creating one takes longer than formatting with it. */
const relative = lazy(() => new Intl.RelativeTimeFormat('en'));

/** Formats the distance to a moment, rounded: `in 3 weeks`, `2 hours ago`, `now`. */
export function relativeTime(moment: Date, now: Date): string {
  const distance = moment.getTime() - now.getTime();
  const fitting = units.find(([, , from]) => Math.abs(distance) >= from);
  if (!fitting) return 'now';
  const [unit, length] = fitting;
  return relative().format(Math.sign(distance) * Math.round(Math.abs(distance) / length), unit);
}

/**
 * Formats the time since a moment, rounded: `3 months`, `0 minutes`; the distance to a later one: `in 3 days`. Returns an empty text for
 * no timestamp, and invalid ones as they are.
 */
export function ageInWords(timestamp: string | null | undefined, now: Date): string {
  if (!timestamp) return '';
  const age = now.getTime() - Date.parse(timestamp);
  if (Number.isNaN(age)) return timestamp;
  if (age <= -minute) return distanceTo(timestamp, now);
  const [unit, length] = units.find(([, , from]) => age >= from) ?? ['minute', minute];
  return counted(Math.max(0, Math.round(age / length)), unit);
}

/** Formats how long ago a moment was, rounded: `2 hours ago`, `just now`. @param now - epoch milliseconds */
export function timeAgo(moment: string, now: number): string {
  const when = relativeTime(new Date(moment), new Date(now));
  return when === 'now' ? 'just now' : when;
}

/** Formats a day in a time zone: `23 May 2026`. Returns an empty text for an invalid date. */
export function day(moment: Date, timeZone: string): string {
  return written(moment, 'en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone });
}

/** Formats a time of day in a time zone: `17:30`. Returns an empty text for an invalid date. */
export function timeOfDay(moment: Date, timeZone: string): string {
  return written(moment, 'en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone });
}

/** Formats a date and time in a time zone: `2026-04-14 17:30:05`. Returns an empty text for an invalid date. */
export function dateAndTime(moment: Date, timeZone: string): string {
  // Sweden uses the ISO format.
  return written(moment, 'sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone });
}

/** Formats a date; an invalid one, which text from the API can cause, is empty because Intl would throw. */
function written(moment: Date, language: string, options: Intl.DateTimeFormatOptions): string {
  return Number.isNaN(moment.getTime()) ? '' : new Intl.DateTimeFormat(language, options).format(moment);
}

/** Formats a span of time in a time zone: `17:30–01:30`. */
export function timeSpan(from: Date, to: Date, timeZone: string): string {
  return `${timeOfDay(from, timeZone)}–${timeOfDay(to, timeZone)}`;
}

/** Formats the distance to a timestamp: `in 4 weeks`. Returns an empty text for none, and invalid ones as they are. */
export function distanceTo(timestamp: string | null | undefined, now: Date): string {
  if (!timestamp) return '';
  const moment = new Date(timestamp);
  return Number.isNaN(moment.getTime()) ? timestamp : relativeTime(moment, now);
}

/** Formats a day and the distance to it: `23 May 2026 (in 4 weeks)`. Returns invalid timestamps as they are. */
export function dayAndDistance(timestamp: string | null | undefined, now: Date, timeZone: string): string {
  if (!timestamp) return '';
  const moment = new Date(timestamp);
  if (Number.isNaN(moment.getTime())) return timestamp;
  return `${day(moment, timeZone)} (${relativeTime(moment, now)})`;
}
