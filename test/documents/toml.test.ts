import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DocumentError, type Setting } from '../../src/documents/document.ts';
import { withoutChanges, withSettings } from '../../src/documents/settings.ts';
import { toml } from '../../src/documents/toml.ts';

const provider: Setting = {
  path: ['model_providers', 'cheapestinference'],
  value: { name: 'CheapestInference', base_url: 'https://api.example.com/v1', wire_api: 'responses' },
};
const model: Setting = { path: ['model'], value: 'kimi-k2.6' };
const context: Setting = { path: ['model_context_window'], value: 262_144 };

const set = (text: string, ...settings: readonly Setting[]) => withSettings(toml, text, settings);

const comment = fc.constantFrom('', '', ' # a note, with "quotes" and ]', '\t# = x');
const value = fc.oneof(
  fc.string({ maxLength: 8 }).map((each) => JSON.stringify(each)),
  fc.constantFrom(
    "'literal'",
    '"""\nseveral\nlines"""',
    '12',
    '1.5',
    'true',
    '2026-11-22T10:00:00Z',
    '[1, 2]',
    '{ a = 1 }',
  ),
);
const entry = fc.record({ value, comment, gap: fc.constantFrom(' = ', '=', '  =  ') }).map(
  ({ value: text, comment: end, gap }) =>
    (name: string) =>
      `${name}${gap}${text}${end}`,
);
const lines = (prefix: string) =>
  fc
    .array(
      fc.oneof({ weight: 3, arbitrary: entry }, { weight: 1, arbitrary: fc.constantFrom('', '# a line of its own') }),
      { maxLength: 4 },
    )
    .map((all) => all.map((each, index) => (typeof each === 'string' ? each : each(`${prefix}${index}`))));
const table = fc.record({ header: comment, lines: lines('k'), blank: fc.boolean() });

const text = fc
  .record({
    top: lines('t'),
    ours: fc.subarray(['model = "other"  # mine', 'model_context_window = 1_000']),
    tables: fc.array(table, { maxLength: 3 }),
    provider: fc.boolean(),
    newline: fc.constantFrom('\n', '\r\n'),
    atEnd: fc.boolean(),
  })
  .map(({ top, ours, tables, provider: hasProvider, newline, atEnd }) => {
    const all = [
      ...top,
      ...ours,
      'mark = "MARK"',
      ...tables.flatMap(({ header, lines: inner, blank }, index) => [
        ...(blank ? ['', '# about the table'] : []),
        `[table.t${index}]${header}`,
        ...inner,
      ]),
      ...(hasProvider ? ['', '[model_providers.cheapestinference] # own', 'name = "Own"', '[[more]]', 'x = 1'] : []),
    ];
    return `${all.join('\n')}${atEnd ? '\n' : ''}`.replaceAll('\n', newline);
  });
const settings = fc.shuffledSubarray([provider, model, context], { minLength: 1 });

describe('a TOML document', () => {
  test('gets settings, and is the same again without them', () => {
    fc.assert(
      fc.property(text, settings, (before, some) => {
        const { text: after, changes } = set(before, ...some);
        expect(withoutChanges(toml, after, changes)).toBe(before);
        expect(set(after, ...some)).toEqual({ text: after, changes: [] });
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps what the user changes elsewhere in the meantime', () => {
    const edits = ['mark = "changed"', 'mark = "MARK"\nextra = 1 # added', '# mark = "MARK"', 'mark = "MARK" # why'];
    fc.assert(
      fc.property(text, settings, fc.constantFrom(...edits), (before, some, edit) => {
        const byUser = (each: string) => each.replace('mark = "MARK"', edit);
        const { text: after, changes } = set(before, ...some);
        expect(withoutChanges(toml, byUser(after), changes)).toBe(byUser(before));
      }),
      { numRuns: 2000 },
    );
  });

  test('gets values before the first table, and tables at its end', () => {
    expect(set('# Mine\nmodel = "o3" # fast\n\n# about a\n[a]\nx = 1', model, context, provider).text).toBe(
      '# Mine\nmodel = "kimi-k2.6" # fast\nmodel_context_window = 262144\n\n# about a\n[a]\nx = 1\n\n[model_providers.cheapestinference]\nname = "CheapestInference"\nbase_url = "https://api.example.com/v1"\nwire_api = "responses"\n',
    );
  });

  test('keeps what the user adds after it', () => {
    const { text: after, changes } = set('a = 1', model, provider);
    expect(withoutChanges(toml, `${after}\n[projects."/x"]\ntrust_level = "trusted"\n`, changes)).toBe(
      'a = 1\n\n[projects."/x"]\ntrust_level = "trusted"\n',
    );
  });

  test('keeps a value that the user has changed since', () => {
    const { text: after, changes } = set('model = "o3"\n', model);
    const changed = after.replace('kimi-k2.6', 'glm-5');
    expect(withoutChanges(toml, changed, changes)).toBe(changed);
  });

  test.each([
    ['a = \n', 'line 2, column 1: Unspecified values are invalid'],
    ['[a]\nx = 1\n[a]\n', 'line 3, column 2: Defining a key multiple times is invalid'],
    [
      'model_providers = { cheapestinference = { name = "x" } }',
      "model_providers.cheapestinference can't be changed without changing something else",
    ],
  ])('refuses %j', (before, problem) => {
    expect(() => set(before, provider)).toThrow(new DocumentError(problem));
  });
});
