import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import type { User } from './cli.ts';
import { ask } from './http.ts';
import { type Setting, sandbox, type TestSandbox } from './sandbox.ts';

/** A request as a server received it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Handles a request that was read completely. */
export type Behavior = (request: Received, response: ServerResponse) => void | Promise<void>;

/** A server on loopback that records every request. */
export interface RecordingServer {
  readonly url: string;
  readonly received: readonly Received[];
  /** The requests in the form `POST /api/keys/credit`, in order. */
  readonly requests: readonly string[];
  /** The requests that change something. */
  readonly changes: readonly string[];
  /** Waits for a request, which may have arrived already. */
  got(method: string): Promise<Received>;
  /** Waits until a request such as `GET /api/pools` has arrived this many times. */
  times(name: string, count: number): Promise<void>;
  /** Waits until this many requests have arrived. */
  arrived(count: number): Promise<void>;
}

export async function server(behavior: Behavior): Promise<RecordingServer> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const each = { method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(each);
      for (const look of waiting) look();
      Promise.resolve(behavior(each, response)).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  );
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  const once = <Found>(find: () => Found | undefined) =>
    new Promise<Found>((resolve) => {
      const look = () => {
        const found = find();
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const names = () => received.map(({ method, path }) => `${method} ${path}`);
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    get requests() {
      return names();
    },
    get changes() {
      return names().filter((name) => !name.startsWith('GET '));
    },
    got: (method) => once(() => received.find((each) => each.method === method)),
    times: async (name, count) => {
      await once(() => names().filter((each) => each === name).length >= count || undefined);
    },
    arrived: async (count) => {
      await once(() => received.length >= count || undefined);
    },
  };
}

/** Returns what answers a request instead of the sandbox; undefined if the sandbox does. */
export type Instead = (request: Received, box: TestSandbox) => Behavior | undefined;

/** Starts the sandbox at 09:00 UTC on 14 April 2026, behind a server that records every request. */
export async function recordedSandbox(
  setting: Setting & { readonly instead?: Instead } = {},
): Promise<RecordingServer & { readonly box: TestSandbox }> {
  const { instead, ...settings } = setting;
  const box = await sandbox(settings);
  const recorder = await server((request, response) => {
    const other = instead?.(request, box);
    return other ? other(request, response) : forward(box.url, request, response);
  });
  return Object.assign(recorder, { box });
}

/** A URL where nothing listens. A port that was free a moment ago may belong to another test now, but the first of all belongs to nobody. */
export const deadUrl = 'http://127.0.0.1:1';

/** Runs `ci sandbox serve` on a free port, with the user's state, until the end of the test. */
export async function served(user: User): Promise<{ readonly url: string; state(): Promise<unknown> }> {
  const serving = user.start('sandbox serve --port 0 --json');
  const [, url = ''] = await serving.stdout(/"url":"(http:[^"]+)"/);
  return {
    url,
    async state() {
      const answer = await fetch(`${url}/sandbox/state`);
      const body: unknown = await answer.json();
      return typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined;
    },
  };
}

export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Behavior {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

export function data(value: unknown): Behavior {
  return answer(200, { success: true, data: value });
}

export function webPage(status: number): Behavior {
  const page = '<!doctype html><html><head><title>Bad gateway</title></head><body><h1>nginx</h1></body></html>';
  return answer(status, page, { 'Content-Type': 'text/html' });
}

/** Reads the request, and resets the connection. */
export const reset: Behavior = (_request, response) => {
  response.socket?.resetAndDestroy();
};

/** Starts a response, and closes the connection in the middle. */
export const half: Behavior = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
  response.write('{"success":true,"data":[', () => response.destroy());
};

/** Reads the request, and never responds. */
export const silence: Behavior = () => {};

/** Lets the sandbox apply the request, and then sends another response. */
export function appliedThen(box: TestSandbox, otherwise: Behavior): Behavior {
  return async (request, response) => {
    const { status } = await box.call(request.method, request.path, request.body === '' ? {} : { text: request.body });
    if (status !== 200) throw new Error(`${request.method} ${request.path} was not carried out: ${status}`);
    await otherwise(request, response);
  };
}

/** Mishandles the first change and every request after it, so that the account can't be checked. */
export function downFromChangeOn(behavior: Behavior, looks: Behavior = answer(403, 'Closed for today')): Instead {
  let down = false;
  return ({ method }) => {
    if (down) return looks;
    down = method !== 'GET';
    return down ? behavior : undefined;
  };
}

/** Forwards the request to another server, and returns its response. */
export async function forward(
  url: string,
  { method, path, headers, body }: Received,
  response: ServerResponse,
): Promise<void> {
  const { authorization, 'x-api-key': apiKey, 'content-type': type, 'if-none-match': tag } = headers;
  const upstream = await ask(url + path, {
    method,
    headers: {
      ...(authorization && { authorization }),
      ...(typeof apiKey === 'string' && { 'x-api-key': apiKey }),
      ...(type && { 'content-type': type }),
      ...(tag && { 'if-none-match': tag }),
    },
    body,
  });
  const kept = ['content-type', 'date', 'retry-after', 'etag'];
  response.writeHead(
    upstream.status,
    [...upstream.headers].flatMap(([name, value]) => (kept.includes(name) ? [name, value] : [])),
  );
  response.end(upstream.text);
}
