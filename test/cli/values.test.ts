import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { commandTree } from '../../src/cli/help/tree.ts';
import { blocksOption, poolArgument } from '../../src/cli/options.ts';
import { choiceArgument, choiceOption, namesOf, ValueOption } from '../../src/cli/values.ts';
import { usageError } from '../../src/domain/errors.ts';

/** Returns the value of the first argument or option. */
function parsed(command: Command, ...words: string[]): unknown {
  command.exitOverride().parse(words, { from: 'user' });
  return command.processedArgs[0] ?? Object.values(command.opts())[0];
}

describe('an option that takes one of some words', () => {
  const two = () => new Command().addOption(choiceOption('-m, --method <method>', 'how', ['stripe', 'usdc']));
  const three = () => new Command().addOption(choiceOption('--period <length>', 'how long', ['1h', '24h', '7d']));

  test('accepts each word', () => {
    expect(parsed(two(), '--method', 'usdc')).toBe('usdc');
    expect(parsed(three(), '--period=24h')).toBe('24h');
  });

  test.each([
    ['another word', two, ['-m', 'cash'], '"cash" is not a valid value for --method', 'Choose stripe or usdc.'],
    ['another case', two, ['--method', 'USDC'], '"USDC" is not a valid value for --method', 'Choose stripe or usdc.'],
    ['an empty word', three, ['--period', ''], '"" is not a valid value for --period', 'Choose 1h, 24h or 7d.'],
  ])('refuses %s, and lists the words', (_case, command, words, message, hint) => {
    expect(() => parsed(command(), ...words)).toThrow(expect.objectContaining({ code: 'usage', message, hint }));
  });
});

test('refuses any other word for an argument, with the error of the argument', () => {
  const mistake = (typed: string) => usageError(`"${typed}" is not a page`);
  const command = () => new Command().addArgument(choiceArgument('[page]', '', ['docs', 'keys'], mistake));
  expect(parsed(command(), 'keys')).toBe('keys');
  expect(parsed(command())).toBeUndefined();
  expect(() => parsed(command(), 'mars')).toThrow('"mars" is not a page');
});

test.each([
  ['--blocks', '"asia," is not a valid list of blocks', 'Use --blocks asia,europe or --blocks all.'],
  ['--block', '"asia," is not a valid list of blocks', 'Use --block asia,europe or --block all.'],
])('names the option that was typed in its error (%s)', (flag, message, hint) => {
  const command = new Command().addOption(blocksOption(`${flag} <names>`));
  const error = { code: 'usage', message, hint: expect.stringContaining(hint) };
  expect(() => parsed(command, flag, 'asia,')).toThrow(expect.objectContaining(error));
});

test('lists in the command tree the values that each option and argument declares', () => {
  const command = new Command('order')
    .addArgument(poolArgument())
    .argument('[note]')
    .addOption(choiceOption('--cycle <cycle>', '', ['month', { name: 'year', description: 'paid up front' }]))
    .addOption(new ValueOption('--input <file>', '', namesOf('files')))
    .addOption(blocksOption())
    .option('--dry-run');
  const tree = commandTree(command);
  const values = [...tree.arguments, ...tree.options].map((each) => each.values);
  const none = { words: [], source: null, list: false, alone: [] };
  expect(values).toEqual([
    { ...none, source: 'pools' },
    null,
    {
      ...none,
      words: [
        { name: 'month', description: '' },
        { name: 'year', description: 'paid up front' },
      ],
    },
    { ...none, source: 'files' },
    {
      words: [
        { name: 'asia', description: '00:00–08:00 UTC' },
        { name: 'europe', description: '08:00–16:00 UTC' },
        { name: 'americas', description: '16:00–24:00 UTC' },
      ],
      source: null,
      list: true,
      alone: [{ name: 'all', description: 'The whole day' }],
    },
    null,
  ]);
});
