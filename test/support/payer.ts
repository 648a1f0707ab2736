import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { usdcAddress } from '../../src/sandbox/money.ts';
import { addressOf } from '../../src/wallet/private-key.ts';
import type { TestChain } from './chain.ts';
import { type Ended, type Environment, type User, user } from './cli.ts';
import { keystoreOf, vectorPassword } from './keystore.ts';
import { isBinary } from './program.ts';
import type { TestSandbox } from './sandbox.ts';
import { type Instead, type RecordingServer, recordedSandbox } from './servers.ts';
import { UserTime } from './world.ts';

/** The address that the sandbox asks to pay. */
export const payTo = usdcAddress;

const ether = 10n ** 18n;

/** How many private keys were given out. */
let count = 0;

/** A user with a wallet on a chain of the test. */
export interface Payer extends User {
  /** The private key of the wallet, without 0x. */
  readonly key: string;
  /** The address of the wallet. */
  readonly address: string;
  /** Runs `ci` as `ci()` does. Each wait of the command mines a block. */
  pays(line: string | readonly string[], options?: Parameters<User['ci']>[1]): Promise<Ended>;
  /** Runs `ci` as `ci()` does. Each wait of the command takes two minutes more, and mines nothing. */
  waits(line: string | readonly string[], options?: Parameters<User['ci']>[1]): Promise<Ended>;
}

/** What a wallet has. */
interface Funds {
  /** In millionths; by default, 1,000 USDC. */
  readonly usdc?: bigint;
  /** In wei; by default, 1 ETH. */
  readonly ether?: bigint;
}

/**
 * Creates a user with the wallet `agent`, and its password in the file `password`.
 *
 * @param api - from which to buy
 */
export async function payer(
  chain: TestChain,
  api: { readonly url: string },
  { usdc = 1_000_000_000n, ether: wei = ether }: Funds = {},
  env: Environment = {},
): Promise<Payer> {
  const key = newKey();
  const address = addressOf(Buffer.from(key, 'hex'));
  await chain.setUsdc(address, usdc);
  await chain.setEth(address, wei);
  const me = user({
    CHEAPESTINFERENCE_API_URL: api.url,
    ETH_RPC_URL: chain.url.href,
    ETH_KEYSTORE_ACCOUNT: 'agent',
    ...env,
  });
  writeWallet(me, 'agent', key, { address: address.slice(2).toLowerCase() });
  writeFileSync(path.join(me.home, 'password'), `${vectorPassword}\n`, { mode: 0o600 });
  return Object.assign(me, {
    key,
    address,
    pays: isBinary ? whileMining(me, chain) : paying(me, () => chain.mine(1)),
    waits: paying(me, () => {}, 120_000),
  });
}

/**
 * Returns `ci()` with a function that is called for each wait of a command.
 *
 * @param more - by how much time moves on with each wait besides the wait itself, in milliseconds
 */
function paying(me: User, onWait: () => unknown, more = 0): Payer['pays'] {
  return (line, options = {}) => {
    const interrupt = options.interrupt ?? new AbortController().signal;
    const time = new UserTime().start(interrupt);
    let ahead = 0;
    const clocks: typeof time = {
      now: () => time.now() + ahead,
      monotonic: () => time.monotonic() + ahead,
      async sleep(milliseconds, signal) {
        if (signal === interrupt) {
          await onWait();
          ahead += more;
        }
        await time.sleep(milliseconds, signal);
      },
    };
    return me.ci(line, { ...clocks, interrupt, ...options });
  };
}

/** Returns `ci()` with a block in each tenth of a second, because a test doesn't see the waits of a process. */
function whileMining(me: User, chain: TestChain): Payer['pays'] {
  return async (line, options) => {
    const mining = setInterval(() => void chain.mine(1), 100);
    try {
      return await me.ci(line, options);
    } finally {
      clearInterval(mining);
    }
  };
}

/** Puts a keystore file with the usual password in the directory of a user. */
export function writeWallet({ home }: User, name: string, key: string, more: object = {}): string {
  const folder = path.join(home, '.foundry', 'keystores');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, name);
  writeFileSync(file, keystoreOf(key, more), { mode: 0o600 });
  return file;
}

/** Returns a private key that no other test in this file uses. */
export function newKey(): string {
  count += 1;
  return `${String(count).padStart(4, '0')}${'5ec2e7'.repeat(10)}`;
}

/** Starts the sandbox with a chain, behind a server that records every request. */
export function shop(chain: TestChain, instead?: Instead): Promise<RecordingServer & { readonly box: TestSandbox }> {
  return recordedSandbox({ rpcUrl: chain.url, ...(instead && { instead }) });
}
