import { type Chain, type Hex, lowerCase } from '../domain/chains.ts';
import { CommandError } from '../domain/errors.ts';
import { memberOf } from '../domain/json.ts';
import { isTransactionHash } from '../domain/usdc.ts';
import { type Address, addressIn } from './address.ts';
import { type RpcClient, rpcHint } from './rpc.ts';
import type { Fees } from './transaction.ts';
import { balanceInput, type Transfer, topicOf, transferInput, transfersIn, transferTopic } from './transfer.ts';

/** The contract of OP Stack chains that tells the fee for storing a transaction on Ethereum (OP Stack specs, "Predeploys"). */
const gasPriceOracle = '0x420000000000000000000000000000000000000F';
/** `getL1FeeUpperBound(uint256)` of that contract. */
const upperBoundSelector = '0xf1c7a58b';
/** How code begins that an ordinary account delegates to (EIP-7702). It still signs its transactions with its own key. */
const delegation = /^0xef0100/i;

/** A mined transaction. */
export interface Receipt {
  readonly hash: Hex;
  readonly blockNumber: number;
  /** Whether it was executed. A failed transaction moved nothing. */
  readonly succeeded: boolean;
  /** Who sent it. */
  readonly from: Address | undefined;
  /** The transfers of USDC that it made. */
  readonly transfers: readonly Transfer[];
}

/** A transaction as an endpoint knows it. */
export interface KnownTransaction {
  readonly nonce: number;
  readonly from: Address | undefined;
}

/** Reads a chain, and sends signed transactions, through an RPC endpoint. All amounts are in wei or in millionths of a USDC. */
export class ChainNode {
  readonly chain: Chain;
  readonly rpc: RpcClient;

  constructor(rpc: RpcClient, chain: Chain) {
    this.rpc = rpc;
    this.chain = chain;
  }

  /**
   * Checks that the endpoint serves the chain, and that USDC is there.
   *
   * @throws CommandError (usage) if it serves another chain; (unexpected_response) if it has no USDC contract
   */
  async requireChain(): Promise<void> {
    const id = await this.#number('eth_chainId', []);
    const { title, usdc } = this.chain;
    if (id !== this.chain.id) {
      throw new CommandError(
        'usage',
        `The RPC endpoint ${this.rpc.host} serves the chain ${id}, not ${title} (${this.chain.id})`,
        {
          hint: `Pass an endpoint of ${title} with --rpc-url, or set ETH_RPC_URL.`,
        },
      );
    }
    if ((await this.code(usdc)) === '0x') {
      throw new CommandError('unexpected_response', `There is no USDC contract at ${usdc} on this chain`, {
        hint: rpcHint,
      });
    }
  }

  /** Returns whether the chain is a local one for development, such as that of anvil. */
  async isForDevelopment(): Promise<boolean> {
    const version = await this.rpc.call('web3_clientVersion', []);
    return typeof version === 'string' && /^(?:anvil|hardhat)/i.test(version);
  }

  /** Returns the number of the latest block. */
  blockNumber(): Promise<number> {
    return this.#number('eth_blockNumber', []);
  }

  /** Returns the confirmations of a transaction: how many blocks have it or follow. Not positive if the endpoint lags behind. */
  async confirmations({ blockNumber }: Receipt): Promise<number> {
    return (await this.blockNumber()) - blockNumber + 1;
  }

  /** Returns the ETH of an account. */
  balance(of: Address): Promise<bigint> {
    return this.#quantity('eth_getBalance', [of, 'latest']);
  }

  /** Returns the USDC of an account. */
  async usdcBalance(of: Address): Promise<bigint> {
    const result = await this.rpc.call('eth_call', [{ to: this.chain.usdc, data: balanceInput(of) }, 'latest']);
    if (typeof result === 'string' && /^0x[0-9a-f]{64}$/i.test(result)) return BigInt(result);
    throw this.#unexpected('eth_call', result);
  }

  /** Returns whether an account is a contract, whose transactions others send. */
  async isContract(address: Address): Promise<boolean> {
    const code = await this.code(address);
    return code !== '0x' && !delegation.test(code);
  }

  /** Returns the code at an address; `0x` if there is none. */
  async code(at: Address): Promise<string> {
    const result = await this.rpc.call('eth_getCode', [at, 'latest']);
    if (typeof result === 'string' && /^0x(?:[0-9a-f]{2})*$/i.test(result)) return result;
    throw this.#unexpected('eth_getCode', result);
  }

  /**
   * Returns how many transactions of an account are mined: the number that its next one must have.
   *
   * @param block - `pending`: counts those that wait to be mined, too
   */
  nonce(of: Address, block: 'latest' | 'pending' = 'latest'): Promise<number> {
    return this.#number('eth_getTransactionCount', [of, block]);
  }

  /** Returns the fees for a transaction that is to be mined soon, even if the base fee doubles. */
  async fees(): Promise<Fees> {
    const block = await this.rpc.call('eth_getBlockByNumber', ['latest', false]);
    const base = this.#parsed('eth_getBlockByNumber', memberOf(block, 'baseFeePerGas'));
    const tip = await this.#quantity('eth_maxPriorityFeePerGas', []);
    return { most: 2n * base + tip, tip };
  }

  /** Returns the gas that a transfer of USDC takes, with a margin. @throws RpcError if it would fail */
  async transferGas({ from, to, units }: Transfer): Promise<bigint> {
    const call = { from, to: this.chain.usdc, data: transferInput(to, units) };
    const gas = await this.#quantity('eth_estimateGas', [call]);
    return (gas * 13n) / 10n;
  }

  /** Returns the most that storing a transaction on Ethereum costs; 0 on a chain without such a fee. @param length - in bytes */
  async dataFee(length: number): Promise<bigint> {
    const data = `${upperBoundSelector}${Math.ceil(length).toString(16).padStart(64, '0')}`;
    const result = await this.rpc.call('eth_call', [{ to: gasPriceOracle, data }, 'latest']);
    return typeof result === 'string' && /^0x[0-9a-f]{64}$/i.test(result) ? BigInt(result) : 0n;
  }

  /**
   * Sends a signed transaction. To send it again is safe: the chain executes it at most once.
   *
   * @throws RpcError if the endpoint refuses it, which it may do because it has it already
   */
  async send(raw: Hex): Promise<void> {
    await this.rpc.call('eth_sendRawTransaction', [raw]);
  }

  /** Returns a transaction, whether it is mined or not; undefined if the endpoint doesn't know it. */
  async transaction(hash: Hex): Promise<KnownTransaction | undefined> {
    const result = await this.rpc.call('eth_getTransactionByHash', [hash]);
    if (result === null) return undefined;
    this.#requireHash('eth_getTransactionByHash', result, 'hash', hash);
    const from = memberOf(result, 'from');
    return {
      nonce: Number(this.#parsed('eth_getTransactionByHash', memberOf(result, 'nonce'))),
      from: typeof from === 'string' ? addressIn(from) : undefined,
    };
  }

  /** Returns the receipt of a transaction; undefined if it isn't mined. */
  async receipt(hash: Hex): Promise<Receipt | undefined> {
    const result = await this.rpc.call('eth_getTransactionReceipt', [hash]);
    if (result === null) return undefined;
    this.#requireHash('eth_getTransactionReceipt', result, 'transactionHash', hash);
    const block = memberOf(result, 'blockNumber');
    // Some endpoints return receipts of transactions that aren't mined yet.
    if (block == null) return undefined;
    const status = memberOf(result, 'status');
    if (status !== '0x0' && status !== '0x1') throw this.#unexpected('eth_getTransactionReceipt', status);
    const from = memberOf(result, 'from');
    return {
      hash,
      blockNumber: Number(this.#parsed('eth_getTransactionReceipt', block)),
      succeeded: status === '0x1',
      from: typeof from === 'string' ? addressIn(from) : undefined,
      transfers: transfersIn(memberOf(result, 'logs'), this.chain),
    };
  }

  /** Returns the hashes of the transactions that made a transfer of USDC. @param since - the first block to search */
  async transfers({ from, to, units }: Transfer, since: number): Promise<Hex[]> {
    const result = await this.rpc.call('eth_getLogs', [
      {
        address: this.chain.usdc,
        fromBlock: `0x${since.toString(16)}`,
        toBlock: 'latest',
        topics: [transferTopic, topicOf(from), topicOf(to)],
      },
    ]);
    if (!Array.isArray(result)) throw this.#unexpected('eth_getLogs', result);
    return result.flatMap((log: unknown) => {
      const hash = memberOf(log, 'transactionHash');
      const [transfer] = transfersIn([log], this.chain);
      const fits = transfer?.from === from && transfer.to === to && transfer.units === units;
      return fits && typeof hash === 'string' && isTransactionHash(hash) ? [lowerCase(hash)] : [];
    });
  }

  async #number(method: string, params: readonly unknown[]): Promise<number> {
    return Number(await this.#quantity(method, params));
  }

  async #quantity(method: string, params: readonly unknown[]): Promise<bigint> {
    return this.#parsed(method, await this.rpc.call(method, params));
  }

  #parsed(method: string, value: unknown): bigint {
    if (typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value);
    throw this.#unexpected(method, value);
  }

  #requireHash(method: string, value: unknown, name: string, hash: Hex): void {
    const stated = memberOf(value, name);
    if (typeof stated !== 'string' || stated.toLowerCase() !== hash.toLowerCase())
      throw this.#unexpected(method, stated);
  }

  #unexpected(method: string, value: unknown): CommandError {
    const shown = JSON.stringify(value)?.slice(0, 60) ?? 'nothing';
    return new CommandError('unexpected_response', `The RPC endpoint ${this.rpc.host} returned ${shown} to ${method}`, {
      hint: rpcHint,
    });
  }
}
