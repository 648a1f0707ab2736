import * as z from 'zod/mini';
import { lazy } from '../domain/lazy.ts';
import { type Cents, parseUsd } from '../domain/money.ts';

/**
 * The building blocks of every answer's schema. The API's generations differ: money is a string or a number, a field may be
 * absent or null, new fields appear. So objects are loose, fields optional, and only what a command cannot do without is required.
 */
export function maybe<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.optional(z.nullable(schema));
}

/** Largest amount that is accepted: ten billion USD, so that sums and products of amounts stay exact integers. */
const highestAmount: Cents = 1e12;

/** USD, as a string (`"39.00"`) or a number (`25.00`), read as a number of USD. */
export const usd = lazy(() =>
  z.pipe(
    z.union([z.number(), z.string()]),
    z.transform((amount, context) => {
      try {
        if (Math.abs(parseUsd(amount)) > highestAmount) throw new RangeError('no account has so much');
        return Number(String(amount).replace(/[$,\s]/g, ''));
      } catch {
        context.issues.push({ code: 'custom', message: 'expected an amount of USD', input: amount });
        return z.NEVER;
      }
    }),
  ),
);

/** An identifier; some generations may count with numbers. */
export const id = lazy(() =>
  z.pipe(
    z.union([z.string(), z.number()]),
    z.transform((value) => String(value)),
  ),
);

/** A number of tokens, requests, seats. */
export const count = lazy(() =>
  z.union([
    z.number(),
    z.pipe(
      // Longer numbers lose precision, and hundreds of digits parse as Infinity.
      z.string().check(z.regex(/^\d{1,15}$/)),
      z.transform((digits) => Number(digits)),
    ),
  ]),
);

/** A part of one, from 0 to 1. */
export const fraction = lazy(() =>
  z.pipe(
    z.union([
      z.number(),
      z.pipe(
        z.string().check(z.regex(/^\d+(\.\d+)?$/)),
        z.transform((digits) => Number(digits)),
      ),
    ]),
    z.number().check(z.minimum(0), z.maximum(1)),
  ),
);

/** UTC hour of the day. */
export const hour = lazy(() => z.int().check(z.minimum(0), z.maximum(23)));
