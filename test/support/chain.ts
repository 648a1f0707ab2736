import { request } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { chains } from '../../src/domain/chains.ts';
import { memberOf } from '../../src/domain/json.ts';
import { startLocalChain } from '../../src/sandbox/chain/local-chain.ts';
import { at, listAt, textAt } from './sandbox.ts';

const { usdc } = chains.base;

/** The first topic of `Transfer(address,address,uint256)`. */
const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** The directory of the anvil that is installed with the project. Commands find it with {@link withAnvil}. */
const anvilFolder = path.dirname(anvilPath());

/** Returns a PATH with anvil before the directories of another. */
export function withAnvil(others = process.env.PATH ?? ''): string {
  return [anvilFolder, others].join(path.delimiter);
}

/** A transfer of USDC that was mined. */
interface MinedTransfer {
  readonly hash: string;
  readonly from: string;
  readonly to: string;
  readonly units: bigint;
  readonly block: number;
}

/** A transaction before it is signed. Numbers are hexadecimal, and 0 by default. */
interface Transaction {
  readonly from: string;
  readonly to: string;
  readonly value?: string;
  readonly data?: string;
  /** The most gas that it may use; estimated by default, which fails for a transaction that would fail. */
  readonly gas?: string;
}

/** A development chain with the ID of Base. It mines a block for each transaction, and others only with `mine`. */
export interface TestChain {
  readonly url: URL;
  /** Accounts of anvil, which signs for them with `transact` and `personal_sign`. Each has 10,000 ETH. */
  readonly accounts: readonly [string, string];
  /** Calls a method of JSON-RPC. @throws Error with the message of its error */
  rpc(method: string, params?: readonly unknown[]): Promise<unknown>;
  mine(blocks: number): Promise<void>;
  /** Sets the USDC of an account. @param units - millionths */
  setUsdc(address: string, units: bigint): Promise<void>;
  /** Sets the ETH of an account. */
  setEth(address: string, wei: bigint): Promise<void>;
  /** Returns the USDC of an account, in millionths. */
  usdcOf(address: string): Promise<bigint>;
  /** Returns the transfers of USDC to an account, the oldest first. */
  transfersTo(address: string): Promise<MinedTransfer[]>;
  /** Returns an ID of the present state for `revert`. */
  snapshot(): Promise<string>;
  /** Sends USDC from an account of anvil. @param units - millionths @returns the hash of the transaction, which is mined */
  send(from: string, to: string, units: bigint): Promise<string>;
  /** Sends USDC without waiting until it is mined. @param units - millionths @returns the hash of the transaction */
  submit(from: string, to: string, units: bigint): Promise<string>;
  /** Sends a transaction from an account of anvil. @returns its hash when it is mined */
  transact(transaction: Transaction): Promise<string>;
  /** Sends a signed transaction. @returns its hash when it is mined */
  transactSigned(raw: string): Promise<string>;
  revert(snapshot: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts a chain, which the caller closes. It takes 100 ms, so one is enough for a test file. */
export async function startChain(): Promise<TestChain> {
  const { url, close } = await startLocalChain({ port: 0, env: { ...process.env, PATH: withAnvil() } });
  const rpc: TestChain['rpc'] = async (method, params = []) => {
    const answered = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
    const answer: unknown = JSON.parse(answered);
    if (memberOf(answer, 'error') !== undefined) throw new Error(`${method}: ${textAt(answer, 'error', 'message')}`);
    return at(answer, 'result');
  };
  const [first, second] = listAt({ accounts: await rpc('eth_accounts') }, 'accounts').map(String);
  if (first === undefined || second === undefined) throw new Error('anvil has too few accounts');
  // anvil answers `eth_sendTransaction` and `eth_sendRawTransaction` before it mines, and these after it.
  const mined = async (method: string, transaction: unknown) =>
    textAt(await rpc(method, [transaction]), 'transactionHash');
  const transact: TestChain['transact'] = (transaction) => mined('eth_sendTransactionSync', transaction);
  return {
    url,
    accounts: [first, second],
    rpc,
    close,
    mine: async (blocks) => void (await rpc('anvil_mine', [hex(BigInt(blocks))])),
    setUsdc: async (address, units) => void (await rpc('anvil_setStorageAt', [usdc, word(address), word(hex(units))])),
    setEth: async (address, wei) => void (await rpc('anvil_setBalance', [address, hex(wei)])),
    usdcOf: async (address) =>
      BigInt(String(await rpc('eth_call', [{ to: usdc, data: `0x70a08231${word(address).slice(2)}` }, 'latest']))),
    async transfersTo(address) {
      const topics = [transferTopic, null, word(address)];
      const logs = await rpc('eth_getLogs', [{ address: usdc, fromBlock: '0x0', toBlock: 'latest', topics }]);
      return listAt({ logs }, 'logs').map((log) => ({
        hash: textAt(log, 'transactionHash'),
        from: `0x${textAt(log, 'topics', 1).slice(-40)}`,
        to: `0x${textAt(log, 'topics', 2).slice(-40)}`,
        units: BigInt(textAt(log, 'data')),
        block: Number(textAt(log, 'blockNumber')),
      }));
    },
    send: (from, to, units) => transact(transfer(from, to, units)),
    submit: async (from, to, units) => String(await rpc('eth_sendTransaction', [transfer(from, to, units)])),
    transact,
    transactSigned: (raw) => mined('eth_sendRawTransactionSync', raw),
    snapshot: async () => String(await rpc('evm_snapshot')),
    revert: async (snapshot) => void (await rpc('evm_revert', [snapshot])),
  };
}

/** Sends a request of JSON-RPC, on a connection of its own, which also works on a virtual clock. @returns the response */
export function post(url: URL, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent: false, headers: { 'content-type': 'application/json' } });
    sent.on('error', reject).on('response', (response) => text(response).then(resolve, reject));
    sent.end(body);
  });
}

/** Returns the path of anvil in the package for this platform. */
function anvilPath(): string {
  const cpu = process.arch === 'x64' ? 'amd64' : process.arch;
  const program = process.platform === 'win32' ? 'anvil.exe' : 'anvil';
  return createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${process.platform}-${cpu}/bin/${program}`);
}

function transfer(from: string, to: string, units: bigint): Transaction {
  return { from, to: usdc, gas: '0x186a0', data: `0xa9059cbb${word(to).slice(2)}${word(hex(units)).slice(2)}` };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** Returns an address or a number as 32 bytes. */
function word(value: string): string {
  return `0x${value.slice(2).toLowerCase().padStart(64, '0')}`;
}
