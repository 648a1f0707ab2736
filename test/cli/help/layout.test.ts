import { expect, test } from 'vitest';
import { definitionList, filled, refilled } from '../../../src/cli/help/layout.ts';

const options = [
  ['--json', 'Print JSON'],
  ['--output <format>', 'Output format: table, json, csv or yaml'],
] as const;

test('lays out a list in two columns, if there is room for them', () => {
  expect(definitionList(options, 56)).toBe(
    [
      '  --json             Print JSON',
      '  --output <format>  Output format: table, json, csv or',
      '                     yaml',
    ].join('\n'),
  );
});

test('lays out a list with the meanings below the terms on a narrow terminal', () => {
  expect(definitionList(options, 40)).toBe(
    [
      '  --json',
      '      Print JSON',
      '  --output <format>',
      '      Output format: table, json, csv or',
      '      yaml',
    ].join('\n'),
  );
});

test('keeps a command in one line', () => {
  expect(filled('To list the pools, run `ci pools list`.', 34)).toBe('To list the pools, run\n`ci pools list`.');
});

test.each([
  [80, 'One paragraph. It goes on.\n\nAnother:\n\n  ci a   First\n  ci b   Second\n\nThe end.'],
  [14, 'One paragraph.\nIt goes on.\n\nAnother:\n\n  ci a   First\n  ci b   Second\n\nThe end.'],
])('fills paragraphs again for %d columns, and keeps lists', (width, expected) => {
  const text = 'One paragraph.\nIt goes on.\n\nAnother:\n\n  ci a   First\n  ci b   Second\n\nThe end.';
  expect(refilled(text, width)).toBe(expected);
});
