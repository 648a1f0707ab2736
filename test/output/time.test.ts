import { describe, expect, test } from 'vitest';
import {
  ageInWords,
  dateAndTime,
  day,
  dayAndDistance,
  distanceTo,
  relativeTime,
  timeOfDay,
  timeSpan,
} from '../../src/output/time.ts';

const now = new Date('2026-04-14T09:00:00Z');
const later = (milliseconds: number) => new Date(now.getTime() + milliseconds);
const minute = 60_000;
const hour = 60 * minute;
const dayLong = 24 * hour;

test.each([
  [0, 'now'],
  [29_999, 'now'],
  [-29_999, 'now'],
  [30_000, 'in 1 minute'],
  [minute, 'in 1 minute'],
  [-minute, '1 minute ago'],
  [89_999, 'in 1 minute'],
  [90_000, 'in 2 minutes'],
  [59.4 * minute, 'in 59 minutes'],
  [59.5 * minute, 'in 1 hour'],
  [hour - 1, 'in 1 hour'],
  [2 * hour, 'in 2 hours'],
  [-23.4 * hour, '23 hours ago'],
  [-23.9 * hour, '1 day ago'],
  [dayLong, 'in 1 day'],
  [6.4 * dayLong, 'in 6 days'],
  [6.9 * dayLong, 'in 1 week'],
  [21 * dayLong, 'in 3 weeks'],
  [28 * dayLong, 'in 4 weeks'],
  [30 * dayLong, 'in 1 month'],
  [-31 * dayLong, '1 month ago'],
  [61 * dayLong, 'in 2 months'],
  [334 * dayLong, 'in 11 months'],
  [365 * dayLong, 'in 1 year'],
  [366 * dayLong, 'in 1 year'],
  [-730 * dayLong, '2 years ago'],
])('%i ms from now is "%s"', (distance, words) => {
  expect(relativeTime(later(distance), now)).toBe(words);
});

describe('a time of day', () => {
  test.each([
    ['UTC', '2026-04-14T00:05:00Z', '00:05'],
    ['UTC', '2026-04-14T24:00:00Z', '00:00'],
    ['Asia/Kolkata', '2026-04-14T00:00:00Z', '05:30'],
    ['Asia/Kolkata', '2026-04-14T18:30:00Z', '00:00'],
    ['America/Los_Angeles', '2026-04-14T00:00:00Z', '17:00'],
    ['Europe/Berlin', '2026-03-28T08:00:00Z', '09:00'],
    ['Europe/Berlin', '2026-03-29T00:59:00Z', '01:59'],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', '03:00'],
    ['Europe/Berlin', '2026-03-29T08:00:00Z', '10:00'],
    ['Europe/Berlin', '2026-10-25T00:59:00Z', '02:59'],
    ['Europe/Berlin', '2026-10-25T01:00:00Z', '02:00'],
    ['Europe/Berlin', '2026-10-25T08:00:00Z', '09:00'],
  ])('in %s at %s is %s', (zone, moment, time) => {
    expect(timeOfDay(new Date(moment), zone)).toBe(time);
  });
});

describe('a block in local time', () => {
  const block = (from: string, zone: string) => {
    const start = new Date(from);
    return timeSpan(start, new Date(start.getTime() + 8 * hour), zone);
  };

  test.each([
    ['2026-04-14T08:00:00Z', 'UTC', '08:00–16:00'],
    ['2026-04-14T16:00:00Z', 'Asia/Kolkata', '21:30–05:30'],
    ['2026-03-28T08:00:00Z', 'Europe/Berlin', '09:00–17:00'],
    ['2026-03-29T00:00:00Z', 'Europe/Berlin', '01:00–10:00'],
    ['2026-10-24T08:00:00Z', 'Europe/Berlin', '10:00–18:00'],
    ['2026-10-25T00:00:00Z', 'Europe/Berlin', '02:00–09:00'],
  ])('beginning at %s is, in %s, %s', (from, zone, span) => {
    expect(block(from, zone)).toBe(span);
  });
});

test.each([
  ['2026-05-23T15:55:16.220Z', 'UTC', '23 May 2026'],
  ['2026-05-23T23:30:00Z', 'Asia/Kolkata', '24 May 2026'],
  ['2026-01-01T00:00:00Z', 'America/New_York', '31 Dec 2025'],
  ['2026-03-28T23:30:00Z', 'Europe/Berlin', '29 Mar 2026'],
])('the day of %s in %s is %s', (moment, zone, text) => {
  expect(day(new Date(moment), zone)).toBe(text);
});

test.each([
  ['2026-05-23T15:55:16.220Z', '23 May 2026 (in 1 month)', 'in 1 month'],
  ['2026-04-14T08:00:00Z', '14 Apr 2026 (1 hour ago)', '1 hour ago'],
  ['some day', 'some day', 'some day'],
  ['', '', ''],
  [null, '', ''],
  [undefined, '', ''],
])('formats %j as "%s" or "%s"', (timestamp, withDay, distance) => {
  expect(dayAndDistance(timestamp, now, 'UTC')).toBe(withDay);
  expect(distanceTo(timestamp, now)).toBe(distance);
});

test.each([
  ['+275760-09-13T00:00:00.000Z', /^\d+ Sept? 275760 \(in 273,729 years\)$/],
  ['-271821-04-20T00:00:00.000Z', /^\d+ Apr 27182\d(?: BC)? \(273,841 years ago\)$/],
  ['+275760-09-13T00:00:00.001Z', /^\+275760-09-13T00:00:00\.001Z$/],
  ['9'.repeat(400), /^9{400}$/],
  ['NaN', /^NaN$/],
])('formats %j, at the limit of dates, in any time zone', (timestamp, shown) => {
  for (const zone of ['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
    expect(dayAndDistance(timestamp, now, zone)).toMatch(shown);
  }
  expect(dayAndDistance(timestamp, now, 'UTC')).toContain(distanceTo(timestamp, now));
});

test.each([
  [0, '0 minutes'],
  [-29_999, '0 minutes'],
  [-minute, '1 minute'],
  [-3 * dayLong, '3 days'],
  [-90 * dayLong, '3 months'],
  [-400 * dayLong, '1 year'],
  // Clocks differ by a few seconds.
  [20_000, '0 minutes'],
  [3 * dayLong, 'in 3 days'],
])('formats the age of a moment that is %d ms away as "%s"', (distance, age) => {
  expect(ageInWords(later(distance).toISOString(), now)).toBe(age);
});

test('formats no age without a valid moment', () => {
  expect([ageInWords(null, now), ageInWords(undefined, now), ageInWords('soon', now)]).toEqual(['', '', 'soon']);
});

test('formats an invalid date as an empty text', () => {
  const none = new Date(Number.NaN);
  expect([day, timeOfDay, dateAndTime].map((write) => write(none, 'UTC'))).toEqual(['', '', '']);
  expect(relativeTime(none, now)).toBe('now');
  expect(timeSpan(none, none, 'UTC')).toBe('–');
});
