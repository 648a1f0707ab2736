import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { count, fraction, hour, id, looseObject, maybe, usd } from '../../src/api/schema.ts';

const read = (schema: z.ZodMiniType, value: unknown) => {
  const result = z.safeParse(schema, value);
  return result.success ? result.data : result.error.issues[0]?.message;
};

test.each([
  ['39.00', 39],
  [25.0, 25],
  ['4.88', 4.88],
  ['$1,234.50', 1234.5],
  ['0', 0],
  ['-1.5', -1.5],
  [1e-7, 1e-7],
  [1.23456e-99, 1.23456e-99],
  [Number.MIN_VALUE, Number.MIN_VALUE],
  [`0.${'0'.repeat(150)}1`, 1e-151],
  ['10000000000', 1e10],
])('reads USD %j as the number %d', (amount, number) => {
  expect(read(usd(), amount)).toBe(number);
});

test.each([
  'free',
  '',
  '1.2.3',
  Number.MAX_VALUE,
  'NaN',
  'Infinity',
  '-Infinity',
  '10000000000.01',
  '-10000000000.01',
  `1${'0'.repeat(150)}`,
  '9'.repeat(1001),
])('refuses %j as USD', (amount) => {
  expect(read(usd(), amount)).toBe('expected an amount in USD');
});

test.each([
  ['an id', id(), 'abc', 'abc'],
  ['an id', id(), 42, '42'],
  ['a count', count(), 12, 12],
  ['a count', count(), '12', 12],
  ['a fraction', fraction(), 0.15, 0.15],
  ['a fraction', fraction(), '0.15', 0.15],
  ['a fraction', fraction(), '0', 0],
  ['a fraction', fraction(), 1, 1],
  ['an hour', hour(), 0, 0],
  ['an hour', hour(), 23, 23],
  ['an optional amount', maybe(usd()), null, null],
  ['an optional amount', maybe(usd()), undefined, undefined],
] as const)('reads as %s: %3$j as %4$j', (_name, schema, value, result) => {
  expect(read(schema, value)).toBe(result);
});

test.each([
  ['an id', id(), true],
  ['a count', count(), 'many'],
  ['a count', count(), '-1'],
  ['a count', count(), '9'.repeat(16)],
  ['a count', count(), '9'.repeat(400)],
  ['a count', count(), Number.POSITIVE_INFINITY],
  ['a fraction', fraction(), 15],
  ['a fraction', fraction(), -0.1],
  ['a fraction', fraction(), '15%'],
  ['an hour', hour(), 24],
  ['an hour', hour(), -1],
  ['an hour', hour(), 7.5],
  ['USD', maybe(usd()), {}],
] as const)('refuses as %s: %3$j', (_name, schema, value) => {
  expect(z.safeParse(schema, value).success).toBe(false);
});

test('refuses a number in an object that is too large for JSON', () => {
  const schema = looseObject({ seats: maybe(count()), rate: maybe(z.number()) });
  expect(z.safeParse(schema, JSON.parse('{"seats":1e308,"rate":0.5}')).success).toBe(true);
  for (const text of ['{"seats":1e999}', '{"rate":-1e999}'])
    expect(z.safeParse(schema, JSON.parse(text)).success).toBe(false);
});

test('reads an object like `z.looseObject`, in the same order and with the same errors', () => {
  const shape = () => ({
    id: id(),
    name: maybe(z.string()),
    amount: maybe(usd()),
    seats: count(),
    any: z.unknown(),
    inner: maybe(looseObject({ id: id(), on: maybe(z.boolean()) })),
  });
  const fast = z.array(looseObject(shape()));
  const complete = z.array(
    z.looseObject({ ...shape(), inner: maybe(z.looseObject({ id: id(), on: maybe(z.boolean()) })) }),
  );
  const value = fc.oneof(
    fc.constantFrom(
      null,
      undefined,
      true,
      7,
      -1.5,
      '',
      '12',
      '39.00',
      'free',
      [],
      {},
      { id: 1, on: null, more: 1 },
      { on: 2 },
    ),
    fc.jsonValue(),
  );
  const name = fc.constantFrom(
    'id',
    'name',
    'amount',
    'seats',
    'any',
    'inner',
    'extra',
    '__proto__',
    'constructor',
    'toString',
  );
  const object = fc
    .array(fc.tuple(name, value), { maxLength: 9 })
    .map((members) =>
      JSON.parse(
        `{${members.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each) ?? 'null'}`).join(',')}}`,
      ),
    );
  const complaints = (issues: readonly z.core.$ZodIssue[]) =>
    issues.map(({ code, path, message }) => [code, path, message]);
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: object }, value), { maxLength: 3 }), (input) => {
      const [ours, theirs] = [z.safeParse(fast, input), z.safeParse(complete, input)];
      expect(ours.success).toBe(theirs.success);
      if (ours.error || theirs.error) {
        expect(complaints(ours.error?.issues ?? [])).toEqual(complaints(theirs.error?.issues ?? []));
      } else expect(JSON.stringify(ours.data)).toBe(JSON.stringify(theirs.data));
    }),
    { numRuns: 2000 },
  );
});
