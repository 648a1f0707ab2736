import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelScanner } from '../../src/gateway/model-scanner.ts';
import { codePoint } from '../support/code-point.ts';

/** Returns the model in a text, and whether no more of the text was needed. */
function scanned(text: string | Uint8Array): readonly [model: string | undefined, isDone: boolean] {
  const scanner = new ModelScanner();
  const isDone = scanner.scan(Buffer.from(text));
  return [scanner.model, isDone];
}

describe('a model', () => {
  test.each([
    ['{"model":"kimi"}'],
    ['{"model":"kimi"'],
    [' \t\r\n{ "model"\n:\r "kimi" , "stream": true}'],
    ['{"a":1,"b":-2.5e3,"c":null,"d":true,"model":"kimi"}'],
    ['{"messages":[{"role":"user","content":"hi"}],"model":"kimi"}'],
    ['{"a":{"model":"other"},"b":["model","other"],"c":[{"model":["other"]}],"model":"kimi"}'],
    ['{"a":"model","model":"kimi"}'],
    ['{"a":"\\"model\\":\\"other\\"","model":"kimi"}'],
    ['{"a":"\\\\","model":"kimi"}'],
    ['{"a":"}],{[","model":"kimi"}'],
    ['{"":"x","model":"kimi"}'],
    ['{"models":"x","mode":"y","Model":"z","model":"kimi"}'],
    ['{"mod\\u0065l":"kimi"}'],
    ['{"model":"k\\u0069m\\u0069"}'],
    ['{"model":"kimi","model":"other"}'],
  ])('is found in %s', (text) => {
    expect(scanned(text)).toEqual(['kimi', true]);
  });

  test('is found as soon as it has arrived', () => {
    const scanner = new ModelScanner();
    expect(scanner.scan(Buffer.from('{"model":"kim'))).toBe(false);
    expect(scanner.model).toBeUndefined();
    expect(scanner.scan(Buffer.from('i"'))).toBe(true);
    expect(scanner.scan(Buffer.from(',"model":"other"}'))).toBe(true);
    expect(scanner.model).toBe('kimi');
  });

  test('may be empty, and may have any character', () => {
    expect(scanned('{"model":""}')).toEqual(['', true]);
    expect(scanned('{"model":"ü/\\/\\n€\\ud83d\\ude00😀"}')).toEqual(['ü//\n€😀😀', true]);
  });

  test.each([
    ['a number', '{"model":5,"a":1}'],
    ['null', '{"model":null}'],
    ['an object', '{"model":{"model":"x"}}'],
    ['a list', '{"model":["x"]}'],
    ['nothing', '{"model":}'],
    ['an invalid escape', '{"model":"\\x"}'],
  ])("isn't found if it is %s", (_what, text) => {
    expect(scanned(text)).toEqual([undefined, true]);
  });

  test.each([
    ['an empty object', '{}'],
    ['an object without it', '{"a":1,"b":{"model":"x"}}'],
    ['a list', '[{"model":"x"}]'],
    ['a text', '"model"'],
    ['a number', '17'],
    ['no JSON', 'model=x'],
    ['a byte order mark', '\ufeff{"model":"x"}'],
    ['too many closing brackets', '{"a":1}]}}{"model":"x"}'],
    ["brackets that don't match", '{"a":1]"model":"x"}'],
    ['a second object', '{} {"model":"x"}'],
  ])("isn't found in %s", (_what, text) => {
    expect(scanned(text)).toEqual([undefined, true]);
  });

  test.each([
    ['nothing', ''],
    ['spaces', '  \n '],
    ['the beginning of a name', '{"mod'],
    ['a name without a value', '{"model"'],
    ['a name and a colon', '{"model": '],
    ['open brackets', `{"a":${'['.repeat(100_000)}"model":"x"`],
    ["a text that doesn't end", '{"a":"\\"model\\":\\"x'],
    ["an escape that doesn't end", '{"model":"x\\'],
  ])("isn't found in %s, while more is needed", (_what, text) => {
    expect(scanned(text)).toEqual([undefined, false]);
  });

  test('of 1,024 bytes is found, but not a longer one', () => {
    const longest = 'm'.repeat(1024);
    expect(scanned(`{"model":"${longest}"}`)).toEqual([longest, true]);
    expect(scanned(`{"model":"${longest}m"}`)).toEqual([undefined, true]);
  });

  test('is found after names and texts of any length', () => {
    const long = 'n'.repeat(3_000_000);
    expect(scanned(`{"${long}":"${long}","model":"kimi"}`)).toEqual(['kimi', true]);
    expect(scanned(`{"model${long}":"other","model":"kimi"}`)).toEqual(['kimi', true]);
    const escaped = '\\u0061'.repeat(500_000);
    expect(scanned(`{"${escaped}":1,"model":"kimi"}`)).toEqual(['kimi', true]);
  });

  test("isn't found among bytes that aren't UTF-8", () => {
    expect(scanned(Buffer.from([0xff, 0xfe, 0x7b]))).toEqual([undefined, true]);
    expect(scanned(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('","model":"x"}')]))).toEqual(
      ['x', true],
    );
  });
});

const text = fc.oneof(
  fc.array(codePoint, { maxLength: 8 }).map((characters) => characters.join('')),
  fc.constantFrom('model', '"model"', '\\', '"', '{"model":"x"}', ']', '}', ',', ':', '\\"'),
);
/** Returns JSON, with escapes for some of its characters if `escapes`. */
const written = (value: unknown, escapes: boolean, indent: number) => {
  const json = JSON.stringify(value, undefined, indent);
  return escapes ? json.replace(/[^\n\x20-\x7e]/g, escaped).replaceAll('"model":', '"mod\\u0065l":') : json;
};
const escaped = (characters: string) =>
  Array.from(
    { length: characters.length },
    (_, at) => `\\u${characters.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  object: fc.dictionary(text, tie('any'), { maxKeys: 5 }),
}));

test('finds what JSON.parse finds, wherever the text is divided', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(text, value.any), { maxLength: 5 }),
      fc.option(fc.oneof(text, value.any), { nil: undefined }),
      fc.nat({ max: 5 }),
      fc.boolean(),
      fc.constantFrom(0, 2),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 30 }),
      (members, model, at, escapes, indent, lengths) => {
        const entries: (readonly [string, unknown])[] = members.filter(([name]) => name !== 'model');
        if (model !== undefined) entries.splice(at, 0, ['model', model]);
        const json = written(Object.fromEntries(entries), escapes, indent);
        const parsed: unknown = JSON.parse(json);
        const expected = parsed !== null && typeof parsed === 'object' && 'model' in parsed ? parsed.model : undefined;
        const bytes = Buffer.from(json);
        const scanner = new ModelScanner();
        let isDone = false;
        for (let start = 0, part = 0; start < bytes.length; part++) {
          const length = lengths[part % lengths.length] ?? 1;
          isDone = scanner.scan(bytes.subarray(start, start + length));
          start += length;
        }
        expect(isDone).toBe(true);
        expect(scanner.model).toBe(typeof expected === 'string' ? expected : undefined);
      },
    ),
    { numRuns: 1000 },
  );
});

test('ends with any bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'model', ' ', '1', 'é')), (parts) => {
      const [model] = scanned(parts.join(''));
      expect(model === undefined || parts.join('').includes('model')).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
