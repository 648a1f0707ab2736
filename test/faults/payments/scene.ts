import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { usdcAddress } from '../../../src/sandbox/money.ts';
import { post, type TestChain } from '../../support/chain.ts';
import { ask } from '../../support/http.ts';
import { keystoreOf, vectorAddress, vectorKey, vectorPassword } from '../../support/keystore.ts';
import { at, listAt, sandbox, type TestSandbox } from '../../support/sandbox.ts';
import { Machine } from '../../virtual/machine.ts';
import type { Arrival } from '../../virtual/network.ts';
import type { SimulatedProcess } from '../../virtual/process.ts';

/** When a command counts as hanging, in virtual milliseconds. */
const endless = 60 * 60_000;

/** The purchase that the commands repeat. */
export const line =
  'agent subscribe kimi26 --blocks europe --account agent --password-file password --chain base --yes --json';

/** The price of the purchase, in millionths of a USDC. */
export const price = 49_000_000n;

/** A request of a command, to the RPC endpoint or to the API. */
export interface Exchange {
  /** `eth_chainId`, or `POST /api/agent/subscribe-pool`. */
  readonly name: string;
  /** Of all requests of its command, from 0. */
  readonly index: number;
  readonly process: SimulatedProcess;
  /** The JSON that was sent; undefined for a read of the API. */
  readonly body: unknown;
  /** Passes the request on, and returns the response, which the command doesn't have yet. */
  forward(): Promise<Response>;
  answer(response: Response): void;
  drop(): void;
  /** Does something after some virtual milliseconds. The request waits for it. */
  after(milliseconds: number, act: () => void | Promise<void>): void;
}

/** A complete response. */
export interface Response {
  readonly status: number;
  readonly body: string;
}

/** Handles a request in place of the server. */
export type Fault = (exchange: Exchange) => Promise<void>;

/** Passes a request on unchanged. */
export const pass: Fault = async (exchange) => exchange.answer(await exchange.forward());

/** A machine with a wallet, between an API and a chain that can fail. */
export class PaymentScene {
  readonly machine: Machine;
  readonly chain: TestChain;
  readonly api: TestSandbox;
  /** What happens to the requests of the commands. */
  fault: Fault = pass;
  /** The names of the requests of the last command that was started. */
  requests: string[] = [];
  readonly ran: SimulatedProcess[] = [];
  /** More variables of the environment of the commands. */
  env: Readonly<Record<string, string>> = {};

  private constructor(machine: Machine, chain: TestChain, api: TestSandbox) {
    this.machine = machine;
    this.chain = chain;
    this.api = api;
  }

  /** Sets up a scene, and removes it and everything that happened on the chain afterward. */
  static async play(chain: TestChain, act: (scene: PaymentScene) => Promise<void>): Promise<void> {
    const api = await sandbox({ rpcUrl: chain.url });
    const snapshot = await chain.snapshot();
    await chain.setEth(vectorAddress, 10n ** 18n);
    await chain.setUsdc(vectorAddress, 1_000_000_000n);
    // Blocks for a reorganization to replace. The funds and the snapshot must not be among them.
    await chain.mine(3);
    const machine: Machine = await Machine.turnOn((arrival) => scene.#handle(arrival));
    const scene = new PaymentScene(machine, chain, api);
    const keystores = path.join(machine.folder, '.foundry', 'keystores');
    mkdirSync(keystores, { recursive: true, mode: 0o700 });
    writeFileSync(path.join(keystores, 'agent'), keystoreOf(vectorKey, { address: vectorAddress }), { mode: 0o600 });
    writeFileSync(path.join(machine.folder, 'password'), vectorPassword, { mode: 0o600 });
    try {
      await act(scene);
    } finally {
      await machine.turnOff();
      await chain.rpc('evm_setAutomine', [true]);
      await chain.revert(snapshot);
    }
  }

  /** Runs a command to its end. */
  async run(command = line): Promise<SimulatedProcess> {
    const [started] = await this.runAll([command]);
    if (!started) throw new Error('no command ran');
    return started;
  }

  /** Runs commands at the same time to their end. */
  async runAll(commands: readonly string[]): Promise<SimulatedProcess[]> {
    this.requests = [];
    const env = { ETH_RPC_URL: `${this.machine.url}/rpc`, ...this.env };
    const started = commands.map((command) => this.machine.start(command, { env }));
    this.ran.push(...started);
    await this.machine.until(() => started.every(({ isAlive }) => !isAlive), endless);
    for (const each of started) if (each.isAlive) throw new Error(`a command does not end: ${each.stderr}`);
    return started;
  }

  /** Returns the transfers to the address that the API asks to pay. */
  async transfers(): Promise<bigint[]> {
    return (await this.chain.transfersTo(usdcAddress)).map(({ units }) => units);
  }

  /** Returns how many seats were claimed. */
  async seats(): Promise<number> {
    return listAt(await this.api.seen(), 'subscriptions').length;
  }

  /** Returns the API keys that reached the user: those that a command printed, and those that it left in a file. */
  delivered(): string[] {
    const state = path.join(this.machine.stateHome, 'cheapestinference');
    const files = readdirSync(state).filter((name) => name.startsWith('undelivered'));
    const texts = [
      ...this.ran.map(({ stdout }) => stdout),
      ...files.map((name) => readFileSync(path.join(state, name), 'utf8')),
    ];
    return [...new Set(texts.flatMap((text) => text.match(/sk_sandbox_[\w-]+/g) ?? []))];
  }

  /** Returns the number of payments that the record holds open. */
  open(): number {
    return readdirSync(path.join(this.machine.stateHome, 'cheapestinference', 'open')).length;
  }

  /** Returns everything that the state directory holds, secrets of keys aside. */
  recorded(): string {
    return readFileSync(path.join(this.machine.stateHome, 'cheapestinference', 'history.jsonl'), 'utf8');
  }

  async #handle(arrival: Arrival): Promise<void> {
    const { process } = arrival;
    if (!process) throw new Error('a request of no command');
    const isRpc = arrival.path === '/rpc';
    const body: unknown = arrival.body === '' ? undefined : JSON.parse(arrival.body);
    const name = isRpc ? String(at(body, 'method')) : `${arrival.method} ${arrival.path}`;
    const index = this.requests.push(name) - 1;
    // Each look at the payment is a block later.
    if (name === 'eth_getTransactionReceipt') await this.chain.mine(1);
    await this.fault({
      name,
      index,
      process,
      body,
      forward: async () => {
        if (isRpc) return { status: 200, body: await post(this.chain.url, arrival.body) };
        const { status, text } = await ask(this.api.url + arrival.path, {
          method: arrival.method,
          headers: {
            'content-type': 'application/json',
            ...(arrival.authorization !== '' && { authorization: arrival.authorization }),
          },
          body: arrival.body,
        });
        return { status, body: text };
      },
      answer: ({ status, body: text }) =>
        arrival.answer({ status, headers: { 'content-type': 'application/json' }, body: text }),
      drop: () => arrival.drop(),
      after: (milliseconds, act) => this.machine.after(milliseconds, act),
    });
  }
}

/** Returns an answer of JSON-RPC to a request. */
export function rpcAnswer({ body }: Exchange, content: object): Response {
  return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id: at(body, 'id'), ...content }) };
}
