import * as z from 'zod/mini';
import { isObject } from '../domain/json.ts';
import { lazy } from '../domain/lazy.ts';
import { type Cents, parseUsd } from '../domain/money.ts';

/** The schema inside each schema of {@link maybe}. */
const valueSchemas = new WeakMap<z.core.$ZodType, z.core.$ZodType>();

/**
 * Returns a schema for a field that may be absent or null. Generations of the API differ: money is a string or a number, fields are
 * missing or null, and new fields appear. So objects are loose, and a field is required only if no command works without it.
 */
export function maybe<Schema extends z.ZodMiniType>(schema: Schema) {
  const field = z.optional(z.nullable(schema));
  valueSchemas.set(field, schema);
  return field;
}

/**
 * Returns a schema for an object that keeps unknown fields. Does the same as `z.looseObject`, but runs no schema for a field of
 * {@link maybe} that is absent or null, for an unknown one, nor for a value that a plain schema returns unchanged. For 10,000 keys, that
 * takes a third of the time.
 */
export function looseObject<Shape extends Record<string, z.ZodMiniType>>(shape: Shape) {
  const schema = z.looseObject(shape);
  const runComplete = schema._zod.run;
  const fields = Object.entries(shape).map(([name, field]) => {
    const value = valueSchemas.get(field);
    return { name, field, value, isPlain: plainTest(value ?? field) };
  });
  const known = new Set(Object.keys(shape));
  schema._zod.run = (payload, context) => {
    const input: unknown = payload.value;
    if (!isObject(input)) return runComplete(payload, context);
    const output: Record<string, unknown> = {};
    const issues: z.core.$ZodRawIssue[] = [];
    for (const { name, field, value, isPlain } of fields) {
      const given = input[name];
      if (isPlain?.(given)) {
        output[name] = given;
        continue;
      }
      if (value && (given === undefined || given === null)) {
        if (name in input) output[name] = given;
        continue;
      }
      const result = (value ?? field)._zod.run({ value: given, issues: [] }, context);
      if (result instanceof Promise || !(name in input)) return runComplete(payload, context);
      if (result.issues.length > 0) issues.push(...z.core.util.prefixIssues(name, result.issues));
      output[name] = result.value;
    }
    for (const name in input) if (!known.has(name) && name !== '__proto__') output[name] = input[name];
    payload.value = output;
    payload.issues.push(...issues);
    return payload;
  };
  return schema;
}

type PlainTest = (value: unknown) => boolean;

const plainTests: Readonly<Record<string, PlainTest>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  // Neither NaN nor infinity.
  number: (value) => Number.isFinite(value),
};

/** Returns whether a schema without checks returns a value unchanged, for a schema of a text, a number, or first of all a number. */
function plainTest(schema: z.core.$ZodType): PlainTest | undefined {
  const { def } = schema._zod;
  if (schema instanceof z.core.$ZodUnion) {
    const [first] = schema._zod.def.options;
    return first && plainTest(first);
  }
  const isPlain = Object.keys(def).every((name) => name === 'type' || Reflect.get(def, name) === undefined);
  return isPlain ? plainTests[def.type] : undefined;
}

/** Largest accepted amount: ten billion USD, so that sums and products of amounts stay exact integers. */
const highestAmount: Cents = 1e12;

/** An amount in USD, as a string (`"39.00"`) or a number (`25.00`), parsed to a number. */
export const usd = lazy(() =>
  z.pipe(
    z.union([z.number(), z.string()]),
    z.transform((amount, context) => {
      try {
        if (Math.abs(parseUsd(amount)) > highestAmount) throw new RangeError('the amount is too large');
        return Number(String(amount).replace(/[$,\s]/g, ''));
      } catch {
        context.issues.push({ code: 'custom', message: 'expected an amount in USD', input: amount });
        return z.NEVER;
      }
    }),
  ),
);

/** An id. Some generations of the API may use numbers. */
export const id = lazy(() =>
  z.pipe(
    z.union([z.string(), z.number()]),
    z.transform((value) => String(value)),
  ),
);

/** A number of tokens, requests or seats. */
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

/** A fraction from 0 to 1. */
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

/** A UTC hour of the day, 0–23. */
export const hour = lazy(() => z.int().check(z.minimum(0), z.maximum(23)));
