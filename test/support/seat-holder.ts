import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { expect, onTestFinished, type TestContext } from 'vitest';
import type { World } from '../../src/context/world.ts';
import { type Ended, type Environment, type User, userOf } from './cli.ts';
import { ask, type HttpAnswer } from './http.ts';
import { storeKeys } from './key-store.ts';
import { isBinary } from './program.ts';
import { withResolvers } from './resolvers.ts';
import { at, hello, type Setting, type TestSandbox, textAt } from './sandbox.ts';
import { type Behavior, forward, type Instead, type RecordingServer, recordedSandbox } from './servers.ts';

/** A seat whose key is stored. */
export interface Seat {
  readonly name: string;
  readonly id: string;
  readonly secret: string;
  readonly subscriptionId: string;
}

/** A user whose keys of seats are stored on this machine. */
export interface SeatHolder {
  readonly me: User;
  readonly api: RecordingServer & { readonly box: TestSandbox };
  readonly seats: readonly [Seat, ...Seat[]];
  /** Buys another seat, by default in `europe`, and stores its key. */
  buy(name: string, pool?: string, block?: string): Promise<Seat>;
}

interface HolderSetting extends Setting {
  /** The number of seats. */
  readonly seats?: number;
  readonly env?: Environment;
  readonly instead?: Instead;
  /** What is known of each stored key. */
  readonly facts?: object;
}

/** Creates a user with seats of kimi26 in `europe`, which is live at 09:00. Their keys are `seat-1`, `seat-2` and so on. */
export async function seatHolder({
  seats = 1,
  env = {},
  facts = {},
  ...setting
}: HolderSetting = {}): Promise<SeatHolder> {
  const api = await recordedSandbox(setting);
  const me = userOf(api, env);
  endGateways(me);
  const bought: Seat[] = [];
  const buy = async (name: string, pool = 'kimi26', block = 'europe'): Promise<Seat> => {
    const seat = await seatOf(api.box, { name, pool, block });
    bought.push(seat);
    storeKeys(
      me,
      bought.map((each) => ({ ...storedSeat(each), ...facts })),
      api.url,
    );
    return seat;
  };
  const first = await buy('seat-1');
  const others: Seat[] = [];
  for (let number = 2; number <= seats; number++) others.push(await buy(`seat-${number}`));
  return { me, api, seats: [first, ...others], buy };
}

/** Reserves a seat, and creates its key. */
async function seatOf(
  box: TestSandbox,
  { name, pool, block }: { readonly name: string; readonly pool: string; readonly block: string },
): Promise<Seat> {
  const subscriptionId = textAt(await box.data('POST', `/api/pools/${pool}/subscribe`, { blocks: [block] }), 'id');
  const key = await box.data('POST', '/api/keys/subscription', { subscriptionId, name });
  return { name, id: textAt(key, 'id'), secret: textAt(key, 'apiKey'), subscriptionId };
}

/** Returns the entry of a seat's key in the file of stored keys. */
export function storedSeat({ name, id, secret }: Pick<Seat, 'name' | 'id' | 'secret'>): object {
  return { name, id, secret, maskedKey: `sk_sandbox_…${secret.slice(-4)}` };
}

/** Returns the processes of a user's gateways, as they recorded themselves. */
export function gatewayPids({ home, env }: User): number[] {
  const state = env.XDG_STATE_HOME ?? path.join(home, '.local', 'state');
  const folder = path.join(state, 'cheapestinference', 'gateways');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const [, pid] = /^[0-9a-f]+\.(\d+)\./.exec(name) ?? [];
    return pid === undefined || Number(pid) === process.pid ? [] : [Number(pid)];
  });
}

/** Kills the gateways that a user has in the background after the test. */
function endGateways(me: User): void {
  onTestFinished(() => {
    for (const pid of gatewayPids(me)) kill(pid);
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Returns whether a process is running. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** An event that a gateway printed. */
type Event = Readonly<Record<string, unknown>>;

/** A gateway that serves. */
export interface Served extends GatewayClient {
  readonly ended: Promise<Ended>;
  /** The events up to now. */
  readonly events: readonly Event[];
  /** Waits for the next event of a kind, after those that were waited for. */
  next(kind: string): Promise<Event>;
  /** Sends it a signal. */
  kill(signal: NodeJS.Signals): void;
  /** Ends it with SIGTERM. */
  stop(): Promise<Ended>;
}

interface ServeSetting {
  readonly env?: Environment;
  /** Whether to run it in a process of its own, for tests about processes. */
  readonly process?: boolean;
  /** How it waits, if it runs in this process. */
  readonly sleep?: World['sleep'] | undefined;
}

/** Runs `ci gateway --json` on a free port, in this process. @returns when it listens */
export async function serveGateway(
  me: User,
  line = '',
  { env = {}, process: own = isBinary, sleep }: ServeSetting = {},
): Promise<Served> {
  const words = `gateway --listen 127.0.0.1:0 --json ${line}`;
  const {
    ended,
    events,
    next,
    kill: signal,
  } = own ? inProcessOfItsOwn(me, words, env) : inThisProcess(me, words, { env, sleep });
  const { url } = await next('started');
  if (typeof url !== 'string') throw new Error('it has no URL');
  const client = gatewayClient(url, tokenOf(me));
  return Object.assign(client, {
    ended,
    events,
    next,
    kill: signal,
    stop: () => {
      signal('SIGTERM');
      return ended;
    },
  });
}

/** Returns the token in the file that a gateway creates. */
export function tokenOf({ home }: User): string {
  return readFileSync(path.join(home, 'config', 'cheapestinference', 'gateway-token'), 'utf8').trim();
}

type Control = Pick<Served, 'ended' | 'events' | 'next' | 'kill'>;

function inThisProcess(me: User, words: string, { env = {}, sleep }: ServeSetting): Control {
  const [stdout, stderr] = [new Lines(), new Lines()];
  let receive: ((signal: NodeJS.Signals) => void) | undefined;
  const interrupt = new AbortController();
  const run = me.here(
    words,
    { stdin: new PassThrough().end(), stdout, stderr },
    {
      env,
      ...(sleep && { sleep }),
      interrupt: interrupt.signal,
      passSignals: (receiver) => {
        receive = receiver;
        return () => {
          receive = undefined;
        };
      },
    },
  );
  const ended = run.then((code): Ended => ({ code, signal: null, stdout: stdout.text, stderr: stderr.text }));
  onTestFinished(async () => {
    interrupt.abort(new Error('interrupted'));
    receive?.('SIGTERM');
    await ended.catch(() => {});
  });
  return {
    ended,
    ...eventsOf(stdout, ended),
    kill: (signal) => (receive ? receive(signal) : interrupt.abort(new Error('interrupted'))),
  };
}

function inProcessOfItsOwn(me: User, words: string, env: Environment): Control {
  const running = me.start(words, { env });
  const stdout = new Lines();
  const { ended, kill: signal } = running;
  const read = async () => {
    for (let count = 1; ; count++) {
      const [text] = await running.stdout(new RegExp(`^(?:.*\\n){${count}}`));
      stdout.write(text.slice(stdout.text.length));
    }
  };
  // Until the process ends.
  read().catch(() => {});
  return { ended, ...eventsOf(stdout, ended), kill: signal };
}

/** Collects lines, and tells of each change. */
class Lines extends Writable {
  text = '';
  onChange = () => {};

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
    this.onChange();
  }
}

function eventsOf(stdout: Lines, ended: Promise<Ended>): Pick<Served, 'events' | 'next'> {
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  const positions = new Map<string, number>();
  let read = 0;
  stdout.onChange = () => {
    for (let end = stdout.text.indexOf('\n', read); end >= 0; end = stdout.text.indexOf('\n', read)) {
      const event: unknown = JSON.parse(stdout.text.slice(read, end));
      if (typeof event === 'object' && event !== null) events.push(Object.fromEntries(Object.entries(event)));
      read = end + 1;
    }
    for (const look of waiting) look();
  };
  const next = (kind: string) =>
    new Promise<Event>((resolve, reject) => {
      const look = () => {
        const from = positions.get(kind) ?? 0;
        const found = events.findIndex(({ event }, index) => index >= from && event === kind);
        const event = events[found];
        if (!event) return;
        positions.set(kind, found + 1);
        waiting.delete(look);
        resolve(event);
      };
      waiting.add(look);
      look();
      ended.then(({ stderr }) => {
        look();
        reject(new Error(`it ended without "${kind}": ${stdout.text}${stderr}`));
      }, reject);
    });
  return { events, next };
}

/** Sends requests to a gateway. */
export interface GatewayClient {
  readonly url: string;
  readonly token: string;
  /** Asks for a completion. */
  chat(headers?: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  /** Reads a page of the gateway or a path of the API. */
  get(path: string): Promise<HttpAnswer>;
}

/** Returns a client of a gateway. */
export function gatewayClient(url: string, token: string): GatewayClient {
  const authorization = { authorization: `Bearer ${token}` };
  return {
    url,
    token,
    chat: (headers = {}) =>
      ask(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...authorization, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(hello),
      }),
    get: (name) => ask(`${url}${name}`, { headers: authorization }),
  };
}

/** Holds back the answers to completions. */
export interface HeldCompletions {
  readonly instead: Instead;
  /** Waits until this many completions were asked for. */
  asked(count: number): Promise<void>;
  /** Lets the sandbox answer all, and those to come. */
  release(): void;
}

/** Holds back the answers to completions until they are released. */
export function heldCompletions(): HeldCompletions {
  const { promise: released, resolve: release } = withResolvers();
  let count = 0;
  const waiting = new Set<() => void>();
  const behavior =
    (box: TestSandbox): Behavior =>
    async (request, response) => {
      count++;
      for (const look of waiting) look();
      await released;
      await forward(box.url, request, response);
    };
  return {
    instead: ({ path: url }, box) => (url === '/v1/chat/completions' ? behavior(box) : undefined),
    asked: (least) =>
      new Promise((resolve) => {
        const look = () => {
          if (count < least) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    release,
  };
}

/** Returns the code and the message of an answer that refuses a request in OpenAI's format. */
export function refusalOf({ status, text }: HttpAnswer): readonly [number, unknown, unknown] {
  const body: unknown = JSON.parse(text);
  return [status, at(body, 'error', 'code'), at(body, 'error', 'message')];
}

/** A port that a test listens on while it uses the default address, so that only one test on this machine does. */
const guardPort = 18_788;
const defaultPort = 8788;

/** Waits until no other test uses the default address of gateways, and keeps it for this test. Skips the test if a program listens on it. */
export async function reserveDefaultAddress({ skip }: TestContext): Promise<void> {
  const guard = createServer();
  onTestFinished(() => void guard.close());
  await expect.poll(() => listensOn(guard, guardPort), { timeout: 150_000 }).toBe(true);
  const isFree = async () => {
    const probe = createServer();
    const listens = await listensOn(probe, defaultPort);
    if (listens) await new Promise((resolve) => probe.close(resolve));
    return listens;
  };
  // The gateway of the test before may be about to end.
  await expect
    .poll(isFree, { timeout: 10_000 })
    .toBe(true)
    .catch(() => skip(`a program listens on port ${defaultPort}`));
}

async function listensOn(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const fail = () => resolve(false);
    server.once('error', fail);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', fail);
      resolve(true);
    });
  });
}
