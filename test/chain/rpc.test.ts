import { describe, expect, onTestFinished, test } from 'vitest';
import { ChainNode } from '../../src/chain/node.ts';
import { parseRpcUrl, RpcClient, RpcError, type RpcOptions } from '../../src/chain/rpc.ts';
import { chains, type Hex } from '../../src/domain/chains.ts';
import { CommandError } from '../../src/domain/errors.ts';
import { memberOf } from '../../src/domain/json.ts';
import { always, answer, failure, failureFields, serve, type TestServer } from '../support/http-server.ts';
import { fastTime } from '../support/world.ts';

const account = '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23';
const hash: Hex = `0x${'1f'.repeat(32)}`;

interface TestEndpoint {
  readonly client: RpcClient;
  readonly server: TestServer;
  readonly trace: readonly string[];
  readonly interrupt: AbortController;
}

/** Starts an endpoint, and creates a client whose URL has a secret. */
async function endpoint(
  handler: Parameters<typeof serve>[0],
  options: Partial<RpcOptions> = {},
): Promise<TestEndpoint> {
  const server = await serve(handler);
  const trace: string[] = [];
  const interrupt = new AbortController();
  const client = new RpcClient({
    url: new URL('/v2/s3cr3t?key=s3cr3t', server.url),
    userAgent: 'cheapestinference-cli/1.2.3 (test)',
    timeout: 120_000,
    proxies: {},
    ...fastTime(10),
    interrupt: interrupt.signal,
    trace: (line) => trace.push(line),
    ...options,
  });
  onTestFinished(() => client.close());
  return { client, server, trace, interrupt };
}

/** Answers each call with what a function returns for its method. */
function results(resultOf: (method: string, params: unknown) => unknown): Parameters<typeof serve>[0] {
  return (response, { body }) => {
    const call: unknown = JSON.parse(body);
    const result = resultOf(String(memberOf(call, 'method')), memberOf(call, 'params'));
    answer(response, { jsonrpc: '2.0', id: memberOf(call, 'id'), result });
  };
}

/** Creates a node of Base that answers every call with the same result. */
async function nodeOf(result: unknown): Promise<ChainNode> {
  return new ChainNode((await endpoint(results(() => result))).client, chains.base);
}

describe('the URL of an endpoint', () => {
  test.each([
    'https://mainnet.base.org',
    'https://base.example/v2/s3cr3t?key=1',
    'http://127.0.0.1:8545',
    'http://localhost:8545/path',
    'http://[::1]:8545',
  ])('may be %s', (text) => {
    expect(parseRpcUrl(text, '--rpc-url').href).toBe(new URL(text).href);
  });

  test.each([
    '',
    's3cr3t',
    'http://base.example/s3cr3t',
    'http://127.0.0.1.s3cr3t.example',
    'http://192.168.0.1/s3cr3t',
    'https://user:s3cr3t@base.example',
    'https://s3cr3t@base.example',
    'ws://127.0.0.1/s3cr3t',
    'file:///s3cr3t',
    'https://',
  ])('may not be %j, which the error does not repeat', (text) => {
    const parse = () => parseRpcUrl(text, 'ETH_RPC_URL');
    expect(parse).toThrow(CommandError);
    expect(parse).toThrow('The value of ETH_RPC_URL is not a valid RPC URL');
    expect(parse).not.toThrow('s3cr3t');
  });
});

describe('a call', () => {
  test('is a POST of JSON-RPC 2.0, and traces neither the path nor what is sent', async () => {
    const { client, server, trace } = await endpoint(results(() => '0x1'));
    expect(await client.call('eth_getBalance', [account, 'latest'])).toBe('0x1');
    expect(await client.call('eth_blockNumber', [])).toBe('0x1');
    expect(server.received.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual([
      [
        'POST',
        '/v2/s3cr3t?key=s3cr3t',
        { jsonrpc: '2.0', id: 1, method: 'eth_getBalance', params: [account, 'latest'] },
      ],
      ['POST', '/v2/s3cr3t?key=s3cr3t', { jsonrpc: '2.0', id: 2, method: 'eth_blockNumber', params: [] }],
    ]);
    expect(server.received[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(server.received[0]?.headers).not.toHaveProperty('authorization');
    expect(trace.join('\n')).not.toContain('s3cr3t');
    expect(trace[0]).toBe(`> eth_getBalance ${server.url.host}`);
  });

  test.each([
    ['with 200', 200],
    ['with 400', 400],
    ['with 500', 500],
  ])('fails with the message of the endpoint (%s), and is not repeated', async (_status, status) => {
    const message = `  execution\n reverted ${'x'.repeat(300)}`;
    const { client, server } = await endpoint(always({ jsonrpc: '2.0', id: 1, error: { code: 3, message } }, status));
    const error = await client.call('eth_call', []).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ reason: `execution reverted ${'x'.repeat(181)}…` });
    expect(server.received).toHaveLength(1);
  });

  test.each([[{}], [{ message: '' }], [{ message: 1 }], ['reverted']])('fails for the error %j', async (error) => {
    const { client } = await endpoint(always({ jsonrpc: '2.0', id: 1, error }));
    await expect(client.call('eth_call', [])).rejects.toThrow('unknown error');
  });

  test.each([
    ['for another call', { jsonrpc: '2.0', id: 2, result: '0x1' }],
    ['without an ID', { jsonrpc: '2.0', result: '0x1' }],
    ['without a result', { jsonrpc: '2.0', id: 1 }],
    ['that is a list', [{ jsonrpc: '2.0', id: 1, result: '0x1' }]],
    ['that is null', null],
  ])('refuses a response %s', async (_what, body) => {
    const { client, server } = await endpoint(always(body));
    expect(await failureFields(client.call('eth_chainId', []))).toMatchObject({
      code: 'unexpected_response',
      message: `The response of ${server.url.host} to eth_chainId isn't valid JSON-RPC`,
    });
  });

  test('refuses a web page, an empty response, and JSON that is too deep', async () => {
    for (const text of ['<html>', '', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, '{"id":1,"result":"0x1"']) {
      const { client } = await endpoint((response) => response.writeHead(200).end(text));
      expect((await failure(client.call('eth_chainId', []))).code).toBe('unexpected_response');
    }
  });

  test('refuses a redirect, and a response that is too long', async () => {
    const redirect = await endpoint((response) =>
      response.writeHead(307, { location: 'http://127.0.0.1:1/s3cr3t' }).end(),
    );
    expect((await failure(redirect.client.call('eth_chainId', []))).message).toBe(
      `The RPC endpoint ${redirect.server.url.host} returned 307`,
    );
    const long = await endpoint((response) => response.writeHead(200, { 'content-length': '100000000' }).write('{'));
    expect(await failureFields(long.client.call('eth_chainId', []))).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/larger than 64 MiB/),
    });
  });

  test.each([
    [429, 'rate_limited'],
    [500, 'server_error'],
    [503, 'server_error'],
  ])('is repeated twice after %i', async (status, code) => {
    const { client, server } = await endpoint(always({}, status));
    expect((await failure(client.call('eth_chainId', []))).code).toBe(code);
    expect(server.received).toHaveLength(3);
  });

  test('is not repeated after 401, and may succeed after 503', async () => {
    const refused = await endpoint(always({}, 401));
    expect((await failure(refused.client.call('eth_chainId', []))).message).toMatch(/returned 401$/);
    expect(refused.server.received).toHaveLength(1);
    const busy = await endpoint((response, _request, count) =>
      count === 1 ? answer(response, {}, 503) : answer(response, { id: 2, result: '0x1' }),
    );
    expect(await busy.client.call('eth_chainId', [])).toBe('0x1');
  });

  test('ends after the timeout if the response never does', async () => {
    const { client } = await endpoint((response) => response.writeHead(200).write('{"jsonrpc":"2.0"'), {
      timeout: 500,
    });
    expect(await failureFields(client.call('eth_chainId', []))).toMatchObject({ code: 'timeout', retryable: true });
  });

  test('ends when the user interrupts it', async () => {
    const { client, interrupt } = await endpoint(() => interrupt.abort());
    expect((await failure(client.call('eth_chainId', []))).code).toBe('interrupted');
  });

  test('names only the host if nothing answers', async () => {
    const { client } = await endpoint(() => {}, { url: new URL('http://127.0.0.1:1/s3cr3t') });
    const { message, hint } = await failure(client.call('eth_chainId', []));
    expect(message).toBe("Can't reach the RPC endpoint 127.0.0.1:1: the connection was refused");
    expect(hint).not.toContain('s3cr3t');
  });
});

describe('what an endpoint says', () => {
  const numbers = [
    '12',
    12,
    null,
    '',
    '0x',
    '-0x1',
    '0x-1',
    '0xg',
    ' 0x1',
    '0x1 ',
    `0x${'f'.repeat(65)}`,
    {},
    ['0x1'],
    true,
  ];

  test.each(numbers.map((value) => [value]))("is refused if it isn't a number: %j", async (value) => {
    const node = await nodeOf(value);
    for (const look of [node.balance(account), node.nonce(account), node.blockNumber(), node.requireChain()]) {
      expect(await failureFields(look)).toMatchObject({
        code: 'unexpected_response',
        message: expect.stringContaining(`returned ${JSON.stringify(value).slice(0, 60)} to eth_`),
      });
    }
  });

  test('is read exactly if it is a large number', async () => {
    expect(await (await nodeOf(`0x${'F'.repeat(64)}`)).balance(account)).toBe(2n ** 256n - 1n);
    expect(await (await nodeOf('0x0')).balance(account)).toBe(0n);
  });

  test.each(['0x', '0x1', `0x${'0'.repeat(63)}`, `0x${'0'.repeat(65)}`, 1, null])(
    'is refused as a balance of USDC if it is %j',
    async (value) => {
      expect((await failure((await nodeOf(value)).usdcBalance(account))).code).toBe('unexpected_response');
    },
  );

  test.each([null, '', '6080', '0x1', '0xzz', 1])('is refused as code if it is %j', async (value) => {
    expect((await failure((await nodeOf(value)).isContract(account))).code).toBe('unexpected_response');
  });

  test('tells a contract from an account, which may delegate to one', async () => {
    for (const [code, isContract] of [
      ['0x', false],
      [`0xef0100${'ab'.repeat(20)}`, false],
      [`0xEF0100${'AB'.repeat(20)}`, false],
      ['0xef01', true],
      ['0x6080', true],
    ] as const) {
      expect(await (await nodeOf(code)).isContract(account)).toBe(isContract);
    }
  });

  test.each([
    ['eth_getTransactionReceipt', 'receipt', 'transactionHash'],
    ['eth_getTransactionByHash', 'transaction', 'hash'],
  ] as const)('is refused if %s returns another transaction', async (method, look, member) => {
    for (const stated of [`0x${'2e'.repeat(32)}`, undefined, 1]) {
      const node = await nodeOf({ [member]: stated, nonce: '0x0', blockNumber: '0x1', status: '0x1', logs: [] });
      const { code, message } = await failure(node[look](hash));
      expect([code, message]).toEqual(['unexpected_response', expect.stringContaining(method)]);
    }
    expect(await (await nodeOf(null))[look](hash)).toBeUndefined();
  });

  test('counts as a receipt only when the transaction has a block', async () => {
    const pending = { transactionHash: hash.toUpperCase().replace('0X', '0x'), blockNumber: null, status: '0x1' };
    expect(await (await nodeOf(pending)).receipt(hash)).toBeUndefined();
    expect(await (await nodeOf({ ...pending, blockNumber: '0x7', from: account, logs: [] })).receipt(hash)).toEqual({
      hash,
      blockNumber: 7,
      succeeded: true,
      from: account,
      transfers: [],
    });
  });

  test.each([
    ['without a block', null],
    ['without a base fee', {}],
    ['with a base fee that is a number', { baseFeePerGas: 7 }],
  ])('is refused as the fees %s', async (_what, block) => {
    const { client } = await endpoint(results((method) => (method === 'eth_getBlockByNumber' ? block : '0x1')));
    expect((await failure(new ChainNode(client, chains.base).fees())).code).toBe('unexpected_response');
  });

  test('leads to fees that suffice if the base fee doubles, and to a margin of gas', async () => {
    const { client } = await endpoint(
      results((method) => (method === 'eth_getBlockByNumber' ? { baseFeePerGas: '0x64' } : '0xa')),
    );
    const node = new ChainNode(client, chains.base);
    expect(await node.fees()).toEqual({ most: 210n, tip: 10n });
    expect(await node.transferGas({ from: account, to: account, units: 1n })).toBe(13n);
  });

  test('counts as a fee for Ethereum only if it has 32 bytes', async () => {
    for (const value of ['0x', null, '0x1', 5]) expect(await (await nodeOf(value)).dataFee(200)).toBe(0n);
    expect(await (await nodeOf(`0x${'0'.repeat(61)}100`)).dataFee(200)).toBe(256n);
  });

  test.each(['Geth/v1', 'not-anvil', ' anvil', '', null, 1])("isn't a development chain if it is %j", async (value) => {
    expect(await (await nodeOf(value)).isForDevelopment()).toBe(false);
  });

  test('is a development chain if it is anvil or Hardhat', async () => {
    for (const value of ['anvil/v1.2', 'HardhatNetwork/2']) {
      expect(await (await nodeOf(value)).isForDevelopment()).toBe(true);
    }
  });
});
