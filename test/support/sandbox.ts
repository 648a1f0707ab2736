import { expect, onTestFinished } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { advanceSandbox, resetSandbox, sandboxManagementKey } from '../../src/sandbox/state.ts';
import { emptyFolder } from './folder.ts';
import { ask, type HttpAnswer } from './http.ts';

/** The machine's time when the sandboxes of the tests start, which then show 09:00 of that day. */
export const machineStart = Date.UTC(2026, 3, 14, 20, 15, 30, 250);

export const hour = 3_600_000;
export const day = 24 * hour;

interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

interface Request {
  body?: unknown;
  /** Sent unchanged instead of `body`. */
  text?: string;
  /** The key of the Authorization header; null for none. */
  key?: string | null;
  headers?: Record<string, string>;
}

export interface TestSandbox extends Sandbox {
  folder: string;
  call(method: string, path: string, request?: Request): Promise<Answer>;
  /** Returns the `data` of a response, which must be 200. */
  data(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Returns the response of `GET /sandbox/state`. */
  seen(): Promise<unknown>;
  advance(milliseconds: number): Promise<Date>;
}

export interface Setting {
  card?: boolean;
  folder?: string;
  now?: () => number;
  pause?: (milliseconds: number) => Promise<void>;
  /** The RPC URL of the chain on which payments are checked. By default, none is. */
  rpcUrl?: URL;
}

/** Creates a sandbox for a test. By default, its machine's clock stands still, and its streams don't wait. */
export async function sandbox(setting: Setting = {}): Promise<TestSandbox> {
  const { folder = emptyFolder(), now = () => machineStart, pause = () => Promise.resolve(), rpcUrl } = setting;
  if (setting.card !== undefined) await resetSandbox({ folder, now }, { card: setting.card });
  const server = await startSandbox({ folder, now, pause, rpcUrl: rpcUrl && (async () => rpcUrl) });
  onTestFinished(() => server.close());
  const call = (method: string, path: string, request: Request = {}) => send(server.url, method, path, request);
  return {
    ...server,
    folder,
    call,
    async data(method, path, body) {
      const answer = await call(method, path, { body });
      if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return at(answer.body, 'data');
    },
    seen: async () => at((await call('GET', '/sandbox/state', { key: null })).body, 'data'),
    advance: (milliseconds) => advanceSandbox({ folder, now }, milliseconds),
  };
}

async function send(url: string, method: string, path: string, request: Request): Promise<Answer> {
  const { body, text = body === undefined ? undefined : JSON.stringify(body), key = sandboxManagementKey } = request;
  const answer = await ask(url + path, {
    method,
    headers: {
      ...(text !== undefined && { 'Content-Type': 'application/json' }),
      ...(key !== null && { Authorization: `Bearer ${key}` }),
      ...request.headers,
    },
    body: text,
  });
  const { status, headers } = answer;
  return { status, headers, body: parsed(answer) };
}

function parsed({ headers, text }: HttpAnswer): unknown {
  return text !== '' && headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text;
}

/** Returns the value at a path inside a JSON value. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null)
      throw new Error(`nothing at ${path.join('.')} in ${JSON.stringify(value)}`);
    here = Object.entries(here).find(([name]) => name === String(step))?.[1];
  }
  return here;
}

/** Returns the string at a path inside a JSON value. */
export function textAt(value: unknown, ...path: (string | number)[]): string {
  const text = at(value, ...path);
  if (typeof text !== 'string') throw new Error(`no string at ${path.join('.')} in ${JSON.stringify(value)}`);
  return text;
}

/** Returns the array at a path inside a JSON value. */
export function listAt(value: unknown, ...path: (string | number)[]): unknown[] {
  const list = at(value, ...path);
  if (!Array.isArray(list)) throw new Error(`no array at ${path.join('.')} in ${JSON.stringify(value)}`);
  return list;
}

/** Returns the error of a refused request. */
export function failure(status: number, error: string) {
  return expect.objectContaining({ status, body: { success: false, error } });
}

/** Creates a key for a subscription to a pool, as documented. */
export async function poolKey(
  sandbox: TestSandbox,
  blocks: string[] = ['europe'],
  pool = 'kimi26',
): Promise<{ id: string; apiKey: string; subscriptionId: string }> {
  const subscriptionId = textAt(await sandbox.data('POST', `/api/pools/${pool}/subscribe`, { blocks }), 'id');
  const key = await sandbox.data('POST', '/api/keys/subscription', { subscriptionId });
  return { id: textAt(key, 'id'), apiKey: textAt(key, 'apiKey'), subscriptionId };
}

/** Creates a credit key. */
export async function creditKey(sandbox: TestSandbox, limits: object = {}): Promise<{ id: string; apiKey: string }> {
  const key = await sandbox.data('POST', '/api/keys/credit', { name: 'credit', ...limits });
  return { id: textAt(key, 'id'), apiKey: textAt(key, 'apiKey') };
}

/** The request of the examples in the API's documentation. */
export const hello = { model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hello!' }] };
