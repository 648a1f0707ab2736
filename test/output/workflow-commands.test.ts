import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isWorkflowLog,
  jsonWithoutWorkflowCommands,
  withoutWorkflowCommands,
  workflowSafeSink,
} from '../../src/output/workflow-commands.ts';

/** Returns whether the GitHub Actions runner would run any of these lines, according to its source code. */
function isObeyed(text: string): boolean {
  return text
    .split(/\r\n|\r|\n/)
    .some((line) => line.replace(/^[\s\u0085]+/, '').startsWith('::') || line.includes('##['));
}

describe('text without workflow commands', () => {
  test.each([
    ['::add-mask::x', ': :add-mask::x'],
    ['  \t\u00a0::stop-commands::x', '  \t\u00a0: :stop-commands::x'],
    ['name\n::warning::x\r::error::y', 'name\n: :warning::x\r: :error::y'],
    ['see ##[add-mask]x', 'see # #[add-mask]x'],
    ['###[group]', '## #[group]'],
    [':::x', ': ::x'],
    ['\u200b:\u200b:x', '\u200b: \u200b:x'],
    ['a::b ##c [::]', 'a::b ##c [::]'],
    ['', ''],
  ])('turns %j into %j', (text, result) => {
    expect(withoutWorkflowCommands(text)).toBe(result);
  });

  test('keeps leading colons unless it begins a line', () => {
    expect(withoutWorkflowCommands('::x\n::y', false)).toBe('::x\n: :y');
  });

  test('is never run as a command', () => {
    const unit = fc.constantFrom(':', '::', '#', '[', '##[', '\n', '\r', ' ', '\t', 'x', '\u0085', '\u200b');
    fc.assert(
      fc.property(fc.string({ unit }), (text) => void expect(isObeyed(withoutWorkflowCommands(text))).toBe(false)),
    );
  });
});

test('JSON keeps its value without workflow commands', () => {
  const value = { '##[a]': ['##[add-mask]x', '###[', '::x'] };
  const json = jsonWithoutWorkflowCommands(JSON.stringify(value));
  expect(isObeyed(json)).toBe(false);
  expect(JSON.parse(json)).toEqual(value);
});

test('a sink without workflow commands tracks where a line begins', () => {
  let written = '';
  const sink = workflowSafeSink({
    write: (text) => {
      written += text;
    },
  });
  for (const part of ['a', '::b\n', '::c\n', '', '  ', '::d', '::e']) sink.write(part);
  expect(written).toBe('a::b\n: :c\n  : :d::e');
});

test.each([
  [{ GITHUB_ACTIONS: 'true' }, true],
  [{ GITHUB_ACTIONS: 'false' }, false],
  [{}, false],
])('isWorkflowLog with %j is %s', (env, isLog) => {
  expect(isWorkflowLog(env)).toBe(isLog);
});
