import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DocumentError, type Setting } from '../../src/documents/document.ts';
import { withoutChanges, withSettings } from '../../src/documents/settings.ts';
import { yaml } from '../../src/documents/yaml.ts';

const provider: Setting = { path: ['GOOSE_PROVIDER'], value: 'cheapestinference' };
const model: Setting = { path: ['GOOSE_MODEL'], value: 'kimi-k2.6' };
const inList: Setting = {
  path: ['model_list', { model_name: 'kimi-k2.6' }],
  value: { model_name: 'kimi-k2.6', litellm_params: { model: 'openai/kimi-k2.6', max_parallel_requests: 1 } },
};
const item: Setting = {
  path: [{ model_id: 'cheapestinference/kimi-k2.6' }],
  value: { model_id: 'cheapestinference/kimi-k2.6', supports_tools: true },
};

const set = (text: string, ...settings: readonly Setting[]) => withSettings(yaml, text, settings);

const comment = fc.constantFrom('', '', ' # a note: with "quotes"', '  # - x');
const scalar = fc.oneof(
  fc.string({ maxLength: 8 }).map((each) => JSON.stringify(each)),
  fc.constantFrom('plain text', '12', 'true', '~', "'it''s'", '[1, 2]', '{ a: 1 }'),
);
const own = fc.constantFrom('', '# a line of its own', '  # indented');
const member = fc.oneof(
  fc.tuple(scalar, comment).map(([text, end]) => (name: string) => [`${name}:   ${text}${end}`]),
  fc.tuple(scalar, comment).map(([text, end]) => (name: string) => [
    `${name}:${end}`,
    `    inner: ${text}`,
    '    # in it',
    '    other: 1',
  ]),
  fc.tuple(scalar, comment).map(([text, end]) => (name: string) => [`${name}:`, `- ${text}${end}`, '- a: 1', '  b: 2']),
  fc.constant((name: string) => [`${name}: |`, '    text', '      # no comment', '    more']),
  fc.constant((name: string) => [`${name}: &${name} >-`, '    folded', '    text']),
);
const members = fc
  .array(fc.oneof({ weight: 3, arbitrary: member }, { weight: 1, arbitrary: own }), { maxLength: 4 })
  .map((all) => all.flatMap((each, index) => (typeof each === 'string' ? [each] : each(`m${index}`))));
const list = fc
  .tuple(comment, fc.boolean())
  .map(([end, isIndented]) =>
    [
      'model_list:',
      `- model_name: own${end}`,
      '  litellm_params:',
      '      model: x # deep',
      '',
      '# between',
      '- model_name: other',
    ].map((line, index) => (isIndented && index > 0 && line !== '' ? `  ${line}` : line)),
  );

const map = fc
  .record({
    members,
    ours: fc.subarray(['GOOSE_PROVIDER: openai # mine', "GOOSE_MODEL:   'gpt'"]),
    list: fc.option(list, { nil: [] }),
    start: fc.constantFrom<string[]>([], ['---'], ['# Mine', '---']),
    end: fc.constantFrom('\n', '\n\n# the end\n', ''),
    newline: fc.constantFrom('\n', '\r\n'),
  })
  .map(({ members: all, ours, list: inner, start, end, newline }) =>
    `${[...start, 'mark: MARK', ...inner, ...all, ...ours, 'last: 1'].join('\n')}${end}`.replaceAll('\n', newline),
  );
const settings = fc.shuffledSubarray([provider, model, inList], { minLength: 1 });

describe('a YAML document', () => {
  test('gets settings, and is the same again without them', () => {
    fc.assert(
      fc.property(map, settings, (before, some) => {
        const { text: after, changes } = set(before, ...some);
        expect(withoutChanges(yaml, after, changes)).toBe(before);
        expect(set(after, ...some)).toEqual({ text: after, changes: [] });
      }),
      { numRuns: 1000 },
    );
  });

  test('keeps what the user changes elsewhere in the meantime', () => {
    const edits = ['mark: changed', 'mark: MARK # why', '# before\nmark: MARK\nmore: [1]', 'mark:\n  - a\n  - b'];
    fc.assert(
      fc.property(map, settings, fc.constantFrom(...edits), (before, some, edit) => {
        const byUser = (each: string) => each.replace('mark: MARK', edit);
        const { text: after, changes } = set(before, ...some);
        expect(withoutChanges(yaml, byUser(after), changes)).toBe(byUser(before));
      }),
      { numRuns: 1000 },
    );
  });

  test('gets an item at the end of its list', () => {
    const text = '# Mine\n- model_id: other   # fast\n\n  api_base: x\n# the end\n';
    const { text: after, changes } = set(text, item);
    expect(after).toBe(
      '# Mine\n- model_id: other   # fast\n\n  api_base: x\n- model_id: "cheapestinference/kimi-k2.6"\n  supports_tools: true\n# the end\n',
    );
    expect(withoutChanges(yaml, after, changes)).toBe(text);
    expect(withoutChanges(yaml, `${after}- model_id: third\n`, changes)).toBe(`${text}- model_id: third\n`);
  });

  test.each([
    ['', '- model_id: "cheapestinference/kimi-k2.6"\n  supports_tools: true\n'],
    ['# none yet', '# none yet\n- model_id: "cheapestinference/kimi-k2.6"\n  supports_tools: true\n'],
    ['[] # none\n', '- model_id: "cheapestinference/kimi-k2.6"\n  supports_tools: true # none\n'],
  ])('%j gets an item', (text, expected) => {
    const { text: after, changes } = set(text, item);
    expect(after).toBe(expected);
    expect(withoutChanges(yaml, after, changes)).toBe(text);
  });

  test.each([
    ['a: 1\n', "it isn't a list"],
    ['- a: [1\n', 'line 2, column 1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['[{ model_id: other }]', 'it has { } or [ ] around its entries. Write each entry on a line of its own'],
    ['- a\n---\n- b\n', 'it has several documents, separated by ---'],
    ['a:\n\tb: 1\n', 'line 2, column 1: Tabs are not allowed as indentation'],
  ])('refuses %j', (text, problem) => {
    expect(() => set(text, item)).toThrow(new DocumentError(problem));
  });

  test.each([
    ['\ufeffa: 1\n', '\ufeffa: 1\nGOOSE_MODEL: "kimi-k2.6"\n'],
    ['\ufeffa:\n  b: 1', '\ufeffa:\n  b: 1\nGOOSE_MODEL: "kimi-k2.6"\n'],
    ['\ufeff# mine\r\na: 1\r\n', '\ufeff# mine\r\na: 1\r\nGOOSE_MODEL: "kimi-k2.6"\r\n'],
    ['\ufeffGOOSE_MODEL: mine # keep\nb: 1\n', '\ufeffGOOSE_MODEL: "kimi-k2.6" # keep\nb: 1\n'],
  ])('has a byte order mark before its first line: %j', (text, expected) => {
    const { text: after, changes } = set(text, model);
    expect(after).toBe(expected);
    expect(withoutChanges(yaml, after, changes)).toBe(text);
  });

  test.each([
    ['GOOSE_MODEL:\nb: 1\n', 'GOOSE_MODEL: "kimi-k2.6"\nb: 1\n'],
    ['GOOSE_MODEL:', 'GOOSE_MODEL: "kimi-k2.6"'],
    ['GOOSE_MODEL: \nb: 1\n', 'GOOSE_MODEL: "kimi-k2.6"\nb: 1\n'],
    ['GOOSE_MODEL: # none yet\nb: 1\n', 'GOOSE_MODEL: "kimi-k2.6" # none yet\nb: 1\n'],
    ['GOOSE_MODEL: null # none\nb: 1\n', 'GOOSE_MODEL: "kimi-k2.6" # none\nb: 1\n'],
    ['GOOSE_MODEL: ~\r\nb: 1\r\n', 'GOOSE_MODEL: "kimi-k2.6"\r\nb: 1\r\n'],
  ])('gets a value in the place of an empty one: %j', (text, expected) => {
    const { text: after, changes } = set(text, model);
    expect(yaml.parse(after)).toEqual(yaml.parse(expected));
    expect(after.replace(/ +$/gm, '')).toBe(expected);
    expect(withoutChanges(yaml, after, changes)).toBe(text);
  });

  test.each(['model_list:\n', 'a: 1\nmodel_list: # none yet\nb: 1\n', 'model_list: null\n'])(
    'refuses an empty list: %j',
    (text) => {
      expect(() => set(text, inList)).toThrow(new DocumentError('model_list is empty. Remove it, or add an entry'));
    },
  );

  test('keeps its byte order mark without its first entry', () => {
    const { changes } = set('', model);
    expect(withoutChanges(yaml, '\ufeffGOOSE_MODEL: "kimi-k2.6"\na: 1\n', changes)).toBe('\ufeffa: 1\n');
  });
});
