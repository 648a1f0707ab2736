import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { rolldown } from 'rolldown';
import { onTestFinished } from 'vitest';
import type { RequestRecord } from '../../src/gateway/events.ts';
import { Gateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import type { GatewayKey, GatewaySeat } from '../../src/gateway/seat.ts';
import { emptyFolder } from './folder.ts';
import { isBinary } from './program.ts';
import { machineStart } from './sandbox.ts';

/** The token of the gateways of the tests. */
export const token = 'gw_Vh3uQxJ1sXo0bUqg5mBq2c7RZkP9tYwL';
/** The secret of their credit key. */
export const creditSecret = 'sk_credit_0pWn4yE8aT2vK6rD';

/** Returns the secret of a seat. @param index - from 0 */
export function secretOf(index: number): string {
  return `sk_pool_${index}_Lq7dXb9sMf3hTz5c`;
}

/** Returns a seat that offers the model `m` and is always open. @param index - from 0 */
export function seat(index: number, more: Partial<GatewaySeat> = {}): GatewaySeat {
  return {
    id: `seat-${index}`,
    name: `key-${index}`,
    key: `key-${index}`,
    secret: secretOf(index),
    pool: 'pool',
    subscriptionId: `subscription-${index}`,
    hours: undefined,
    models: new Set(['m']),
    listed: [{ id: 'm', object: 'model' }],
    version: '1',
    ...more,
  };
}

type Settings = Pick<
  GatewayOptions,
  'proxies' | 'host' | 'port' | 'tokens' | 'certificate' | 'waitsOutside' | 'creditKey' | 'queueLimit' | 'queueTimeout'
>;

interface Setting extends Partial<Settings> {
  /** The seats, or how many; by default, one. */
  readonly seats?: number | readonly GatewaySeat[];
  /** Runs it in a process of its own with these variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A running gateway. Its clock stands still, so that a seat that is set aside comes back only if the test says so. */
export interface TestGateway {
  readonly url: string;
  /** What it reported of the requests that have ended. */
  readonly records: readonly RequestRecord[];
  /** How often the API refused a key. */
  readonly refused: () => number;
  /** Waits until the API has refused a key this often. */
  wasRefused(count: number): Promise<void>;
  /** Waits until this many requests have ended, and returns their reports. */
  ended(count: number): Promise<readonly RequestRecord[]>;
  /** Lets time pass, and has the seats checked. */
  advance(milliseconds: number): Promise<void>;
  update(seats: readonly GatewaySeat[]): Promise<void>;
  updateCreditKey(key: GatewayKey): Promise<void>;
}

/** The orders for a gateway in a separate process. */
export interface GatewayOrder {
  readonly start?: Settings & { readonly api: string; readonly now: number };
  readonly seats?: readonly (Omit<GatewaySeat, 'models'> & { readonly models: readonly string[] | undefined })[];
  readonly advance?: number;
  readonly creditKey?: GatewayKey;
}

/** The events that it reports. */
export interface GatewayNews {
  readonly record?: RequestRecord;
  readonly refused?: true;
  /** An order was carried out. */
  readonly url?: string;
}

/**
 * Starts a gateway for an API until the end of the test: in the test's process, or with the runtime of the standalone binary if the tests
 * run that.
 */
export async function startGateway(api: string, { seats = 1, env, ...setting }: Setting = {}): Promise<TestGateway> {
  const list = typeof seats === 'number' ? Array.from({ length: seats }, (_, index) => seat(index)) : seats;
  const settings: Settings = {
    proxies: {},
    host: '127.0.0.1',
    port: 0,
    tokens: [{ token, client: undefined }],
    waitsOutside: false,
    queueLimit: 1000,
    queueTimeout: 1_000_000_000_000,
    ...setting,
  };
  const events = new Events();
  const gateway =
    env || isBinary ? await startProcess(api, settings, events, env ?? {}) : await startHere(api, settings, events);
  await gateway.update(list);
  let known = list;
  return {
    url: gateway.url,
    records: events.records,
    refused: () => events.refused,
    wasRefused: (count) => events.until(() => events.refused >= count),
    async ended(count) {
      await events.until(() => events.records.length >= count);
      return events.records;
    },
    async advance(milliseconds) {
      await gateway.advance(milliseconds);
      await gateway.update(known);
    },
    async update(others) {
      known = others;
      await gateway.update(others);
    },
    updateCreditKey: (key) => gateway.updateCreditKey(key),
  };
}

type Started = Pick<TestGateway, 'url' | 'advance' | 'update' | 'updateCreditKey'>;

class Events {
  readonly records: RequestRecord[] = [];
  refused = 0;
  readonly #waiting = new Set<() => void>();

  add(record: RequestRecord): void {
    this.records.push(record);
    this.#check();
  }

  addRefusal(): void {
    this.refused++;
    this.#check();
  }

  /** Waits until a condition holds. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  #check(): void {
    for (const check of this.#waiting) check();
  }
}

async function startHere(api: string, settings: Settings, events: Events): Promise<Started> {
  let time = 0;
  const gateway = new Gateway({
    ...settings,
    api: new URL(api),
    wall: () => machineStart + time,
    monotonic: () => time,
    onRefused: () => events.addRefusal(),
    onRequest: (record) => events.add(record),
  });
  await gateway.start();
  onTestFinished(() => gateway.close());
  return {
    url: gateway.url,
    async advance(milliseconds) {
      time += milliseconds;
    },
    update: async (seats) => gateway.update(seats),
    updateCreditKey: async (key) => gateway.updateCreditKey(key),
  };
}

/** The runtime of the standalone binary. */
const bun = path.resolve(
  `node_modules/@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}/bin/bun`,
);

let program: Promise<string> | undefined;

/** Returns the program of a gateway as one module. */
async function bundle(): Promise<string> {
  const built = await rolldown({ input: 'test/support/gateway-program.ts', platform: 'node' });
  const { output } = await built.generate({ format: 'esm', codeSplitting: false });
  await built.close();
  return output[0].code;
}

async function startProcess(
  api: string,
  settings: Settings,
  events: Events,
  env: Readonly<Record<string, string>>,
): Promise<Started> {
  program ??= bundle();
  const file = path.join(emptyFolder(), 'gateway.mjs');
  writeFileSync(file, await program);
  const child = spawn(isBinary ? bun : process.execPath, [file], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  const done: ((url: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { record, refused, url }: GatewayNews = JSON.parse(line);
    if (record) events.add(record);
    if (refused) events.addRefusal();
    if (url !== undefined) done.shift()?.(url);
  });
  const order = (each: GatewayOrder) =>
    new Promise<string>((resolve, reject) => {
      done.push(resolve);
      void gone.then(() => reject(new Error('the gateway has ended')));
      child.stdin.write(`${JSON.stringify(each)}\n`);
    });
  const url = await order({ start: { ...settings, api, now: machineStart } });
  return {
    url,
    async advance(milliseconds) {
      await order({ advance: milliseconds });
    },
    async update(seats) {
      await order({ seats: seats.map((each) => ({ ...each, models: each.models && [...each.models] })) });
    },
    async updateCreditKey(creditKey) {
      await order({ creditKey });
    },
  };
}
