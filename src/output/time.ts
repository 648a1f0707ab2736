const minute = 60_000;
const hour = 60 * minute;
const dayLength = 24 * hour;
const month = 30.4375 * dayLength;

/** Units, their lengths, and from what distance each is told: where the smaller one, rounded, would make a whole one. */
const units = [
  ['year', 12 * month, 11.5 * month],
  ['month', month, 29.5 * dayLength],
  ['week', 7 * dayLength, 6.5 * dayLength],
  ['day', dayLength, 23.5 * hour],
  ['hour', hour, 59.5 * minute],
  ['minute', minute, 0.5 * minute],
] as const;

/** How far off a moment is, rounded, for people: `in 3 weeks`, `2 hours ago`, `now`. */
export function relativeTime(moment: Date, now: Date): string {
  const distance = moment.getTime() - now.getTime();
  const told = units.find(([, , from]) => Math.abs(distance) >= from);
  if (!told) return 'now';
  const [unit, length] = told;
  return new Intl.RelativeTimeFormat('en').format(Math.round(distance / length), unit);
}

/** A day in a time zone: `23 May 2026`. */
export function day(moment: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone }).format(moment);
}

/** A time of day in a time zone: `17:30`. */
export function timeOfDay(moment: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone }).format(
    moment,
  );
}

/** A moment to the second in a time zone: `2026-04-14 17:30:05`. */
export function dateAndTime(moment: Date, timeZone: string): string {
  // Sweden writes dates so.
  return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone }).format(moment);
}

/** Two moments as times of day in a time zone: `17:30–01:30`. */
export function timeSpan(from: Date, to: Date, timeZone: string): string {
  return `${timeOfDay(from, timeZone)}–${timeOfDay(to, timeZone)}`;
}

/** How far off a timestamp is: `in 4 weeks`; nothing for none, and what is no moment as it came. */
export function distanceTo(timestamp: string | null | undefined, now: Date): string {
  if (!timestamp) return '';
  const moment = new Date(timestamp);
  return Number.isNaN(moment.getTime()) ? timestamp : relativeTime(moment, now);
}

/** The day and how far off it is: `23 May 2026 (in 4 weeks)`; what is no moment is shown as it came. */
export function dayAndDistance(timestamp: string | null | undefined, now: Date, timeZone: string): string {
  if (!timestamp) return '';
  const moment = new Date(timestamp);
  if (Number.isNaN(moment.getTime())) return timestamp;
  return `${day(moment, timeZone)} (${relativeTime(moment, now)})`;
}
