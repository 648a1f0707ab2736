import { describe, expect, test } from 'vitest';
import { balanceInput, topicOf, transferInput, transfersIn, transferTopic } from '../../src/chain/transfer.ts';
import { chains } from '../../src/domain/chains.ts';

const from = '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23';
const to = '0x5a4Db0c15a4dB0C15A4db0c15A4dB0C15a4Db0C1';
const { base } = chains;

function log(more: object = {}) {
  return {
    address: base.usdc.toLowerCase(),
    topics: [transferTopic, topicOf(from), topicOf(to)],
    data: `0x${39_000_000n.toString(16).padStart(64, '0')}`,
    removed: false,
    ...more,
  };
}

describe('a call of the USDC contract', () => {
  test('has the selector and 32 bytes for each argument', () => {
    const receiver = `${'0'.repeat(24)}5a4db0c15a4db0c15a4db0c15a4db0c15a4db0c1`;
    expect(transferInput(to, 39_000_000n)).toBe(`0xa9059cbb${receiver}${'0'.repeat(57)}25317c0`);
    expect(transferInput(to, 2n ** 256n - 1n)).toBe(`0xa9059cbb${receiver}${'f'.repeat(64)}`);
    expect(balanceInput(to)).toBe(`0x70a08231${receiver}`);
  });
});

describe('the logs of a transaction', () => {
  test('contain the transfers of USDC, with checksummed addresses', () => {
    const transfer = { from, to, units: 39_000_000n };
    expect(transfersIn([log()], base)).toEqual([transfer]);
    expect(transfersIn([log(), log({ data: `0x${'f'.repeat(64)}` })], base)).toEqual([
      transfer,
      { from, to, units: 2n ** 256n - 1n },
    ]);
  });

  test.each([
    ['of another contract', { address: to }],
    ['of USDC on another chain', { address: chains['base-sepolia'].usdc }],
    ['without an address', { address: undefined }],
    ['of another event', { topics: [topicOf(from), topicOf(from), topicOf(to)] }],
    ['with too few topics', { topics: [transferTopic, topicOf(from)] }],
    ['with too many topics', { topics: [transferTopic, topicOf(from), topicOf(to), topicOf(to)] }],
    ['with a topic that is longer than an address', { topics: [transferTopic, topicOf(from), `0x${'1'.repeat(64)}`] }],
    ['with a topic that is too short', { topics: [transferTopic, topicOf(from), to] }],
    ['with a topic that is a list', { topics: [transferTopic, topicOf(from), [topicOf(to), topicOf(from)]] }],
    ['without topics', { topics: null }],
    ['with an amount that is too long', { data: `0x${'0'.repeat(128)}` }],
    ['with an amount that is too short', { data: '0x2531780' }],
    ['with a negative amount', { data: `-0x${'0'.repeat(63)}` }],
    ['with an amount that is a number', { data: 39_000_000 }],
    ['of a block that was replaced', { removed: true }],
  ])('are ignored if they are %s', (_what, more) => {
    expect(transfersIn([log(more)], base)).toEqual([]);
  });

  test.each([[undefined], [null], ['0x'], [{}], [[null, 1, 'x', []]]])('may be %j', (logs) => {
    expect(transfersIn(logs, base)).toEqual([]);
  });
});
