import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DocumentError, type Setting } from '../../src/documents/document.ts';
import { jsonc } from '../../src/documents/jsonc.ts';
import { withoutChanges, withSettings } from '../../src/documents/settings.ts';

const provider: Setting = {
  path: ['provider', 'cheapestinference'],
  value: { name: 'CheapestInference', models: { 'kimi-k2.6': { limit: { context: 262_144 } } } },
};
const model: Setting = { path: ['model'], value: 'cheapestinference/kimi-k2.6' };
const item: Setting = {
  path: ['modelProviders', 'openai', { id: 'kimi-k2.6' }],
  value: { id: 'kimi-k2.6', envKey: 'CHEAPESTINFERENCE_API_KEY' },
};

const set = (text: string, ...settings: readonly Setting[]) => withSettings(jsonc, text, settings);

/** How a random document is written. */
interface Writing {
  readonly newline: string;
  readonly unit: string;
  readonly isOneLine: boolean;
  readonly trailingComma: boolean;
  readonly comments: readonly string[];
}

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

const leaf = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null));
const name = fc.oneof(
  fc.constantFrom('provider', 'model', 'modelProviders', 'theme', 'mcp'),
  fc.string({ maxLength: 6 }).filter((each) => each !== '__proto__'),
);
const { object } = fc.letrec<{ value: Json; object: { [name: string]: Json } }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));
const writing = fc.record<Writing>({
  newline: fc.constantFrom('\n', '\r\n'),
  unit: fc.constantFrom('  ', '\t', '    '),
  isOneLine: fc.boolean(),
  trailingComma: fc.boolean(),
  comments: fc.array(fc.constantFrom('', '', ' // a note, with "quotes" and }', ' /* a comment, */'), {
    minLength: 1,
    maxLength: 6,
  }),
});

/** Writes a value as a person might, with comments at the ends of lines and on lines of their own. */
function written(value: Json, how: Writing): string {
  let count = 0;
  const comment = () => {
    const next = how.comments[count++ % how.comments.length] ?? '';
    return how.isOneLine && next.includes('//') ? '' : next;
  };
  const at = (inner: Json, indentation: string): string => {
    if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner);
    const [open, close] = Array.isArray(inner) ? ['[', ']'] : ['{', '}'];
    const deeper = `${indentation}${how.unit}`;
    const members = Array.isArray(inner)
      ? inner.map((each) => at(each, deeper))
      : Object.entries(inner).map(([key, each]) => `${JSON.stringify(key)}: ${at(each, deeper)}`);
    if (members.length === 0) return `${open}${close}`;
    const lines = members.map((member, index) => {
      const comma = index < members.length - 1 || how.trailingComma ? ',' : '';
      return `${member}${comma}${comment()}`;
    });
    if (how.isOneLine) return `${open}${lines.join(' ')}${close}`;
    const separator = `${how.newline}${deeper}`;
    return `${open}${comment()}${separator}${lines.join(separator)}${how.newline}${indentation}${close}`;
  };
  return `${at(value, '')}${how.newline}`;
}

/** Values that a setting can't go into. */
const isPossible = (value: { [name: string]: Json }) => {
  const isObject = (each: Json | undefined) =>
    each === undefined || (typeof each === 'object' && each !== null && !Array.isArray(each));
  const { provider: one, modelProviders: other } = value;
  if (!isObject(one) || !isObject(other)) return false;
  const list = typeof other === 'object' && other !== null && !Array.isArray(other) ? other.openai : undefined;
  return list === undefined || Array.isArray(list);
};

const settings = fc.shuffledSubarray([provider, model, item], { minLength: 1 });

describe('a JSONC document', () => {
  test('gets settings, and is the same again without them', () => {
    fc.assert(
      fc.property(object.filter(isPossible), writing, settings, (value, how, some) => {
        const text = written(value, how);
        const { text: after, changes } = set(text, ...some);
        expect(withoutChanges(jsonc, after, changes)).toBe(text);
        expect(set(after, ...some)).toEqual({ text: after, changes: [] });
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps what the user changes elsewhere in the meantime', () => {
    const edits = ['"MARK": 1, "other": [2]', '"other": "changed"', '/* "MARK" */ "x": {"y": 1}', '// mine\n"MARK": 1'];
    fc.assert(
      fc.property(object.filter(isPossible), writing, settings, fc.constantFrom(...edits), (value, how, some, edit) => {
        const text = written({ ...value, MARK: 1 }, how);
        const byUser = (before: string) => before.replace('"MARK": 1', () => edit);
        const { text: after, changes } = set(text, ...some);
        expect(withoutChanges(jsonc, byUser(after), changes)).toBe(byUser(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps its comments, commas and line ends where they are', () => {
    const text =
      '{\r\n\t// My settings\r\n\t"theme": "dark", // dark\r\n\t"mcp": {} /* none */ // yet\r\n\t// the end\r\n}\r\n';
    expect(set(text, model, provider).text).toBe(
      '{\r\n\t// My settings\r\n\t"theme": "dark", // dark\r\n\t"mcp": {}, /* none */ // yet\r\n\t"model": "cheapestinference/kimi-k2.6",\r\n\t"provider": {\r\n\t\t"cheapestinference": {\r\n\t\t\t"name": "CheapestInference",\r\n\t\t\t"models": {\r\n\t\t\t\t"kimi-k2.6": {\r\n\t\t\t\t\t"limit": {\r\n\t\t\t\t\t\t"context": 262144\r\n\t\t\t\t\t}\r\n\t\t\t\t}\r\n\t\t\t}\r\n\t\t}\r\n\t}\r\n\t// the end\r\n}\r\n',
    );
  });

  test('replaces a value in its place, and gives it back as it was written', () => {
    const text = '{ "model" : "other\\u002fmodel" /* why */, "a": 1 }';
    const { text: after, changes } = set(text, model);
    expect(after).toBe('{ "model" : "cheapestinference/kimi-k2.6" /* why */, "a": 1 }');
    expect(withoutChanges(jsonc, after, changes)).toBe(text);
  });

  test('keeps a value that the user has changed since', () => {
    const { text, changes } = set('{"model": "old"}', model);
    const changed = text.replace('kimi-k2.6', 'glm-5');
    expect(withoutChanges(jsonc, changed, changes)).toBe(changed);
  });

  test('removes an object that it added, whatever the user has changed in it', () => {
    const { text, changes } = set('{\n  "a": 1\n}\n', provider);
    expect(withoutChanges(jsonc, text.replace('262144', '1'), changes)).toBe('{\n  "a": 1\n}\n');
  });

  test('removes what it added from a document that a program has written anew', () => {
    const { text, changes } = set('{\n  // lost\n  "a": 1\n}\n', provider, model, item);
    const anew = JSON.stringify({ b: 2, ...JSON.parse(text.replace('// lost', '')) });
    expect(withoutChanges(jsonc, anew, changes)).toBe('{"b":2,"a":1}');
  });

  test.each(['', '\n', '// nothing yet', '// nothing yet\n', '\ufeff', '/* none */\r\n'])(
    'leaves nothing in %j, which has no value, after an edit elsewhere',
    (text) => {
      const { text: after, changes } = set(text, provider, model);
      expect(withoutChanges(jsonc, after, changes)).toBe(text);
      const start = text.startsWith('\ufeff') ? 1 : 0;
      const edit = (before: string) => `${before.slice(0, start)}// first\n${before.slice(start)}`;
      expect(withoutChanges(jsonc, edit(after), changes)).toBe(edit(text));
    },
  );

  test('keeps the comments of the user in an object that it added', () => {
    const { text, changes } = set('', model);
    const commented = text.replace('{', '{\n  // mine');
    expect(withoutChanges(jsonc, commented, changes)).toBe('{\n  // mine\n}\n');
  });

  test.each([
    ['', '{\n  "model": "cheapestinference/kimi-k2.6"\n}\n'],
    ['{}', '{\n  "model": "cheapestinference/kimi-k2.6"\n}'],
    ['// nothing yet', '// nothing yet\n{\n  "model": "cheapestinference/kimi-k2.6"\n}\n'],
    ['\ufeff{"a":1}', '\ufeff{"a":1, "model": "cheapestinference/kimi-k2.6"}'],
    ['{"model": "a", "model": "b"}', '{"model": "a", "model": "cheapestinference/kimi-k2.6"}'],
  ])('%j gets a model', (text, expected) => {
    expect(set(text, model).text).toBe(expected);
  });

  test.each([
    ['{"a": 1', 'line 1, column 8: a closing brace is missing'],
    ['{\n  "a" 1\n}', 'line 2, column 7: a colon is missing'],
    ['{"a": 1} more', 'line 1, column 10: this text is not valid JSON'],
    ['{a: 1}', 'line 1, column 2: this text is not valid JSON'],
    ['[]', "it isn't an object"],
    ['{"provider": []}', "provider isn't an object"],
    ['{"provider": null}', "provider isn't an object"],
  ])('refuses %j', (text, problem) => {
    expect(() => set(text, provider)).toThrow(new DocumentError(problem));
  });
});
