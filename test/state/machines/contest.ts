import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { type Ended, managementKey, settlesIn } from '../../support/cli.ts';
import { initialized } from '../../support/fleet.ts';
import { ask } from '../../support/http.ts';
import { type Machine, machine } from '../../support/machines.ts';
import type { Postgres } from '../../support/postgres.ts';
import { at, listAt } from '../../support/sandbox.ts';
import type { WhenOver } from '../../support/shared.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';

/** Where the first machine is when it meets a fault. */
export const phases = [
  'before the lock',
  'before it is recorded',
  'recorded',
  'in flight',
  'before the outcome is recorded',
] as const;

export type Phase = (typeof phases)[number];

/** How late the API carries out the purchase of the first machine if that is in flight, in milliseconds. Within the settling time. */
const lateness = 2000;

/** The lease of a request that may take two seconds is seven. */
const line = 'pools subscribe kimi26 --blocks europe --ensure --yes --json --timeout 2s';

/** The server of a contest, and where the machines find it. */
export interface Hosts {
  /** Returns the server that the machines use now. */
  readonly current: () => Postgres;
  /** Starts a way to the server. */
  readonly way: (whenOver: WhenOver) => Promise<TcpProxy>;
}

/** Two machines that want the same seat. The first one meets a fault. */
interface Contest {
  readonly hosts: Hosts;
  readonly first: Machine;
  /** The way of the first machine to the database. */
  readonly way: TcpProxy;
  /** Lets the API answer nothing more to the first machine. */
  cutOffApi(): void;
}

/** What happens to the first machine, and what ends it. */
export interface Fault {
  readonly name: string;
  readonly strike: (contest: Contest) => void | Promise<void>;
  /** Called when the second machine sends its purchase, or has ended without one. */
  readonly heal?: (contest: Contest) => void | Promise<void>;
  /** Whether the second command runs on the first machine, where the end of a process is noticed at once. */
  readonly isLocal?: boolean;
  /** Whether the machines need clocks of their own. */
  readonly movesClock?: boolean;
  /** Only in these phases; by default, in all. */
  readonly phases?: readonly Phase[];
  /** The phases in which it runs by default. */
  readonly usually?: readonly Phase[];
  /** Called before the first machine starts. */
  readonly prepare?: (contest: Contest) => void | Promise<void>;
  /** Whether the server is another one or restarted afterwards, and connections to it are lost anyway. */
  readonly replacesServer?: boolean;
}

/** What two machines did. */
export interface Result {
  /** How many purchases the account was charged for when both commands had ended, and after the same command ran once more. */
  readonly charges: readonly [number, number];
  /** How many requests for a purchase left while another session had the lock. */
  readonly withoutLock: number;
  readonly first: Ended;
  readonly second: Ended;
  /** The purchases in the record whose outcome is `applied`, and those that are open. */
  readonly applied: number;
  readonly open: number;
  /** Sentences about what must not be. */
  readonly flaws: readonly string[];
}

let turn: Promise<unknown> = Promise.resolve();

/** Runs work after the earlier work: PostgreSQL can't change the rights on a database twice at once. */
function inTurn<Done>(work: () => Promise<Done>): Promise<Done> {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

/** Runs a contest. */
export async function contest(hosts: Hosts, phase: Phase, fault: Fault, whenOver: WhenOver): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ci-contest-'));
  whenOver(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const fresh = await initialized(await inTurn(() => hosts.current().freshSchema()));
  const schema = new URL(fresh).searchParams.get('schema') ?? '';
  const gate = await Gate.create(hosts.current(), schema, phase, whenOver);
  const api = await standIn(folder, phase, whenOver);
  const [way, otherWay] = await Promise.all([hosts.way(whenOver), hosts.way(whenOver)]);
  const { movesClock = false } = fault;
  const settingFor = (each: TcpProxy) => ({ api, stateUrl: each.urlOf(fresh), movesClock, whenOver });
  const [first, second] = await Promise.all([
    machine('first', settingFor(way)),
    machine('second', settingFor(otherWay)),
  ]);
  for (const each of [first, second]) settlesIn(each, '3s');
  api.onPurchase = () => isHolding(hosts, schema);

  const view: Contest = { hosts, first, way, cutOffApi: api.cutOff };
  await fault.prepare?.(view);
  const one = first.start(line);
  const early = one.ended.then(({ stderr }) => Promise.reject(new Error(`the first machine ended early: ${stderr}`)));
  early.catch(() => {});
  await Promise.race([phase === 'before the lock' || phase === 'in flight' ? api.met : gate.reached(), early]);
  if (phase === 'recorded') {
    way.set('hold', 'down');
    await gate.open();
    await gate.recorded(hosts, schema);
  }
  await fault.strike(view);
  if (fault.isLocal || fault.replacesServer) way.set('pass');
  const two = (fault.isLocal ? first : second).start(line);
  const ended = two.ended.then(() => {});
  if (phase.startsWith('before')) {
    // What the first machine is doing goes on late, while the second one is at work.
    await setTimeout(500);
    await gate.open();
    api.release();
  }
  await Promise.race([api.purchased(2), ended]);
  await fault.heal?.(view);
  if (phase === 'recorded') way.set('pass', 'down');
  const [oneEnded, twoEnded] = await Promise.all([one.ended, two.ended]);
  await api.settled();
  const charged = await api.charges();
  const third = await second.start(line).ended;
  const rows = await hosts.current().query(`select outcome from ${schema}.changes where action = 'subscribe'`);
  return {
    charges: [charged, await api.charges()],
    withoutLock: api.withoutLock,
    first: oneEnded,
    second: twoEnded,
    applied: rows.filter(({ outcome }) => outcome === 'applied').length,
    open: rows.filter(({ outcome }) => outcome === null || outcome === 'unknown').length,
    flaws: flawsOf(charged, oneEnded, twoEnded, third),
  };
}

/** Compares what the commands say with what happened. */
function flawsOf(charged: number, one: Ended, two: Ended, third: Ended): string[] {
  const isDenied = one.stderr.includes('"outcome":"not_applied"');
  const hasBought = two.code === 0 && !/Already covered|went through/.test(two.stderr);
  return [
    ...(isDenied && charged > 0 && !hasBought ? ['the first machine denies its purchase'] : []),
    ...(charged === 0 && (one.code === 0 || two.code === 0) ? ['a machine claims a purchase that was not made'] : []),
    ...(two.code === 0 ? [] : [`the second machine failed: ${two.stderr}`]),
    ...(third.code === 0 ? [] : [`the same command failed afterwards: ${third.stderr}`]),
  ];
}

/** Returns whether exactly one living session has a lock, as the server sees it; undefined if it can't be asked. */
async function isHolding(hosts: Hosts, schema: string): Promise<boolean | undefined> {
  try {
    const [row] = await hosts.current().query(
      `select count(*)::int as alive from ${schema}.sessions join ${schema}.locks on sessions.id = any (locks.sessions)
       where locks.name like 'purchase-%' and ended_at is null and expires_at > clock_timestamp()`,
    );
    return row?.alive === 1;
  } catch {
    return undefined;
  }
}

let gates = 4200;

/** Keeps a statement that records a purchase from being carried out, until it is opened. */
class Gate {
  readonly #server: Postgres;
  readonly #key: number;
  readonly #client: pg.Client | undefined;

  private constructor(server: Postgres, key: number, client: pg.Client | undefined) {
    this.#server = server;
    this.#key = key;
    this.#client = client;
  }

  static async create(server: Postgres, schema: string, phase: Phase, whenOver: WhenOver): Promise<Gate> {
    gates += 1;
    const key = gates;
    const when =
      phase === 'before the outcome is recorded'
        ? 'update on SCHEMA.changes for each row when (new.outcome is not null)'
        : phase === 'before it is recorded' || phase === 'recorded'
          ? 'insert on SCHEMA.changes for each row'
          : undefined;
    if (when === undefined) return new Gate(server, key, undefined);
    await server.query(
      `create function ${schema}.gate() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(${key}); return new; end $$`,
    );
    await server.query(
      `create trigger gate before ${when.replace('SCHEMA', schema)} execute function ${schema}.gate()`,
    );
    const client = new pg.Client({ connectionString: server.adminUrl });
    client.on('error', () => {});
    await client.connect();
    whenOver(() => client.end().catch(() => {}));
    await client.query('select pg_advisory_lock($1)', [key]);
    return new Gate(server, key, client);
  }

  /** Waits until a statement waits. */
  async reached(): Promise<void> {
    for (;;) {
      const waiting = await this.#server.query(
        "select from pg_locks where locktype = 'advisory' and objid = $1 and not granted",
        [this.#key],
      );
      if (waiting.length > 0) return;
      await setTimeout(10);
    }
  }

  /** Waits until the purchase is recorded. */
  async recorded(hosts: Hosts, schema: string): Promise<void> {
    while ((await hosts.current().query(`select from ${schema}.changes`)).length === 0) await setTimeout(10);
  }

  async open(): Promise<void> {
    await this.#client?.query('select pg_advisory_unlock($1)', [this.#key]).catch(() => {});
  }
}

/** The sandbox behind a server that is late with the purchase of the first machine. */
async function standIn(folder: string, phase: Phase, whenOver: WhenOver) {
  const box = await startSandbox({ folder });
  whenOver(() => box.close());
  let [posts, lists, withoutLock, isCutOff] = [0, 0, 0, false];
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const look of waiting) look();
  };
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  let isMet = false;
  let isReleased = false;
  let late = 0;
  const meet = () => {
    isMet = true;
    changed();
  };
  const standing = {
    url: '',
    onPurchase: async (): Promise<boolean | undefined> => undefined,
    met: until(() => isMet),
    release() {
      isReleased = true;
      changed();
    },
    cutOff() {
      isCutOff = true;
    },
    purchased: (count: number) => until(() => posts >= count),
    /** Waits until nothing is late. */
    settled: () => until(() => late === 0),
    get withoutLock() {
      return withoutLock;
    },
    charges: async () => listAt(at(await call('GET', '/sandbox/state', ''), 'data'), 'charges').length,
  };
  async function call(method: string, where: string, body: string): Promise<unknown> {
    return JSON.parse((await forward(method, where, body)).text);
  }
  function forward(method: string, where: string, body: string) {
    return ask(box.url + where, {
      method,
      headers: { authorization: `Bearer ${managementKey}`, 'content-type': 'application/json' },
      body,
    });
  }
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const handle = async () => {
      const body = await textOf(request);
      const isBuying = method === 'POST' && url.endsWith('/subscribe');
      if (method === 'GET' && ++lists === 1 && phase === 'before the lock') {
        meet();
        await until(() => isReleased);
      }
      let isLate = false;
      if (isBuying) {
        posts += 1;
        const isFirst = posts === 1;
        isLate = isFirst && phase === 'in flight';
        changed();
        if ((await standing.onPurchase()) === false) withoutLock += 1;
        if (isLate) {
          late += 1;
          meet();
          await setTimeout(lateness);
        }
        // The first machine may wake up while this one is carried out.
        if (!isFirst) await setTimeout(300);
      }
      const answer = await forward(method, url, body);
      if (isLate) {
        late -= 1;
        changed();
        if (isCutOff) return;
      }
      response.writeHead(answer.status, { 'content-type': 'application/json', date: answer.headers.get('date') ?? '' });
      response.end(answer.text);
    };
    handle().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenOver(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  standing.url = `http://127.0.0.1:${address.port}`;
  return standing;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
