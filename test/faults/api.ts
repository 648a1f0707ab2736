import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { startSandbox } from '../../src/sandbox/server.ts';
import { openStore } from '../../src/sandbox/store.ts';
import { managementKey } from '../support/cli.ts';
import { ask } from '../support/http.ts';
import { withResolvers } from '../support/resolvers.ts';
import { at, listAt, textAt } from '../support/sandbox.ts';
import type { Change } from './changes.ts';
import type { Fault } from './faults.ts';
import { FlatPlans } from './flat-plans.ts';

/** A complete response of the API. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request that changes something and meets the fault. */
export interface Exchange {
  readonly response: ServerResponse;
  /** How many times it has arrived, from 1. */
  readonly count: number;
  /** Makes the API apply it. */
  commit(): Promise<Answer>;
  /** Tells the test to send a signal now. */
  strike(): void;
  /** The URL of another host. */
  readonly elsewhere: string;
}

/** How much there is of everything that a change can affect. */
export type Amounts = Readonly<Record<'charges' | 'subscriptions' | 'ending' | 'keys' | 'credit' | 'plans', number>>;

/** The state of the account. */
export interface Truth {
  readonly amounts: Amounts;
  readonly keys: readonly Minted[];
  readonly subscriptionIds: readonly string[];
}

/** A key as the API stores it. */
export interface Minted {
  readonly id: string;
  readonly name: string;
  readonly apiKey: string;
}

/** The sandbox behind a server that mishandles one request until the fault is removed. */
export interface FaultyApi {
  readonly url: string;
  /** Resolves when a signal is due. */
  readonly struck: Promise<void>;
  /** The requests that change something, such as `POST /api/keys/credit`. */
  readonly changes: readonly string[];
  /** Sends a request that meets no fault. @returns the `data` of its response */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Removes the fault. */
  mend(): void;
  truth(): Promise<Truth>;
  close(): Promise<void>;
}

/** Starts the sandbox and the server. @param folder - of the sandbox */
export async function faultyApi(folder: string, change: Change, fault: Fault, elsewhere: string): Promise<FaultyApi> {
  const box = await startSandbox({ folder });
  const plans = new FlatPlans();
  const changes: string[] = [];
  const { place = 1 } = change;
  let mended = false;
  let dead = false;
  let count = 0;
  const { promise: struck, resolve: strike } = withResolvers();

  async function apply(method: string, path: string, body: string): Promise<Answer> {
    const standIn = change.flatPlans ? plans.answer(method, path, body) : undefined;
    if (standIn) return standIn;
    const answer = await ask(box.url + path, {
      method,
      headers: { authorization: `Bearer ${managementKey}`, 'content-type': 'application/json' },
      body,
    });
    const { status, text } = answer;
    return {
      status,
      headers: { 'content-type': 'application/json', date: answer.headers.get('date') ?? '' },
      body: change.flatPlans && path === '/api/billing/status' ? plans.addedTo(text) : text,
    };
  }

  async function answerOrStrike(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const reading = method === 'GET' || method === 'HEAD';
    if (!reading) changes.push(`${method} ${path}`);
    if (dead && !mended) return void response.destroy();
    const isMeant = !mended && changes.length >= place && change.request.test(`${method} ${path}`);
    if (reading || !isMeant) {
      const answer = await apply(method, path, body);
      return send(response, change.older && path === '/api/keys' && reading ? withoutSecrets(answer) : answer);
    }
    dead = fault.deadAfter === true;
    count += 1;
    await fault.does({ response, count, commit: () => apply(method, path, body), strike, elsewhere });
  }

  const server = createServer((request, response) => {
    answerOrStrike(request, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await apply(method, path, body === undefined ? '' : JSON.stringify(body));
    const value: unknown = JSON.parse(answer.body);
    return at(value, answer.status === 200 ? 'data' : 'error');
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    struck,
    changes,
    call,
    mend() {
      mended = true;
    },
    async truth() {
      const seen = await call('GET', '/sandbox/state');
      const subscriptions = listAt(seen, 'subscriptions');
      const amounts = {
        charges: listAt(seen, 'charges').length,
        subscriptions: subscriptions.length,
        ending: subscriptions.filter((each) => at(each, 'cancelAtPeriodEnd')).length + plans.ending,
        keys: listAt(seen, 'keys').length,
        credit: Number(at(seen, 'creditBalance')),
        plans: plans.bought,
      };
      const keys = await openStore({ folder }).run((account) => ({ account, result: account.keys }));
      return { amounts, keys, subscriptionIds: subscriptions.map((each) => textAt(each, 'id')) };
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([closed, box.close()]);
    },
  };
}

/** Sends a response with some parts replaced. */
export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Returns the list of keys as an older generation of the API sends it. */
function withoutSecrets(answer: Answer): Answer {
  return { ...answer, body: answer.body.replaceAll(/"apiKey":"[^"]*",/g, '') };
}
