import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import watch, { type Options, run } from '../../../src/commands/pools/watch.ts';
import { createContext } from '../../../src/context/create.ts';
import { blockNames } from '../../../src/domain/blocks.ts';
import { parsed } from '../../support/parsing.ts';
import { worldWith } from '../../support/world.ts';

const defaults = { pools: [], quantity: 1, wait: true } as const;
const americas = { blocks: ['americas'] } as const;

test.each([
  ['', defaults],
  ['kimi26 minimax-m3', { ...defaults, pools: ['kimi26', 'minimax-m3'] }],
  ['kimi26 --blocks americas,asia', { ...defaults, pools: ['kimi26'], blocks: { blocks: ['asia', 'americas'] } }],
  ['--blocks any', { ...defaults, blocks: { blocks: blockNames, together: false } }],
  ['--blocks ALL', { ...defaults, blocks: { blocks: blockNames, together: true } }],
  ['--blocks americas --all-blocks', { ...defaults, blocks: americas, allBlocks: true }],
  [
    '--interval 1m --for 6h --count 3',
    {
      ...defaults,
      interval: { text: '1m', milliseconds: 60_000 },
      for: { text: '6h', milliseconds: 21_600_000 },
      count: 3,
    },
  ],
  [
    '--forever --bell --exec true --webhook https://example.com/x',
    { ...defaults, forever: true, bell: true, exec: 'true', webhook: 'https://example.com/x' },
  ],
  [
    '--subscribe --quantity 2 --billing-cycle year --max-price 45.50',
    { ...defaults, subscribe: true, quantity: 2, billingCycle: 'year', maxPrice: 4550 },
  ],
  [
    '--subscribe --ensure --no-wait --settle 1m',
    { ...defaults, subscribe: true, ensure: true, wait: false, settle: 60_000 },
  ],
  [
    '--subscribe --again --create-key prod --save .env --var KEY',
    { ...defaults, subscribe: true, again: true, createKey: 'prod', save: '.env', var: 'KEY' },
  ],
])('reads `ci pools watch %s`', async (words, options) => {
  expect(await parsed<Options>(watch, words)).toEqual(options);
});

test.each([
  ['--blocks mars', '"mars" is not a block'],
  ['--interval soon', '"soon" is not a valid duration'],
  ['--for 0', '"0" is not a valid duration'],
  ['--count 0', '"0" is not a valid value for --count'],
  ['--quantity none', '"none" is not a valid number of seats'],
  ['--billing-cycle week', '"week" is not a valid value for --billing-cycle'],
  ['--max-price free', '"free" is not a valid amount for --max-price'],
])('refuses `ci pools watch %s`', async (words, message) => {
  const error = { code: 'usage', message: expect.stringContaining(message) };
  await expect(parsed<Options>(watch, words)).rejects.toMatchObject(error);
});

test.each([
  ['--max-price 45', '--max-price needs --subscribe'],
  ['--ensure', '--ensure needs --subscribe'],
  ['--again', '--again needs --subscribe'],
  ['--billing-cycle month', '--billing-cycle needs --subscribe'],
  ['--no-wait', '--no-wait needs --subscribe'],
  ['--settle 1m', '--settle needs --subscribe'],
  ['--create-key prod', '--create-key needs --subscribe'],
  ['--save .env', '--save needs --subscribe'],
  ['--blocks any --all-blocks', "--blocks any and --all-blocks can't be combined"],
  ['--count 2 --forever', "--count and --forever can't be combined"],
  ['--subscribe --count 2', "--subscribe and --count can't be combined"],
  ['--subscribe --forever', "--subscribe and --forever can't be combined"],
  ['--subscribe --ensure --again', "--ensure and --again can't be combined"],
  ['--exec=', 'The --exec command is empty'],
])('refuses the flags `%s` before it sends anything', async (words, message) => {
  const context = createContext(worldWith({ stdout: new PassThrough() }), () => ({ input: false, color: false }));
  await expect(run(await parsed<Options>(watch, words), context)).rejects.toMatchObject({ code: 'usage', message });
});
