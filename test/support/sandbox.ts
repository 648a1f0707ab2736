import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { advanceSandbox, resetSandbox, sandboxManagementKey } from '../../src/sandbox/state.ts';
import { ask, type HttpAnswer } from './http.ts';

/** The machine's clock at which the tests' sandboxes begin; theirs then shows 09:00 of that day. */
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
  /** Sent as it is, in place of `body`. */
  text?: string;
  /** null: no Authorization header. */
  key?: string | null;
  headers?: Record<string, string>;
}

export interface TestSandbox extends Sandbox {
  folder: string;
  call(method: string, path: string, request?: Request): Promise<Answer>;
  /** The `data` of an answer that has to be 200. */
  data(method: string, path: string, body?: unknown): Promise<unknown>;
  /** What `GET /sandbox/state` shows. */
  seen(): Promise<unknown>;
  advance(milliseconds: number): Promise<Date>;
}

export interface Setting {
  card?: boolean;
  folder?: string;
  now?: () => number;
  pause?: (milliseconds: number) => Promise<void>;
}

/** An empty folder, gone after the test. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A sandbox of its own for a test, whose machine's clock stands still unless told otherwise, and whose streams do not wait. */
export async function sandbox(setting: Setting = {}): Promise<TestSandbox> {
  const { folder = emptyFolder(), now = () => machineStart, pause = () => Promise.resolve() } = setting;
  if (setting.card !== undefined) await resetSandbox({ folder, now }, { card: setting.card });
  const server = await startSandbox({ folder, now, pause });
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

/** What lies at a path inside a JSON value. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null)
      throw new Error(`nothing at ${path.join('.')} in ${JSON.stringify(value)}`);
    here = Object.entries(here).find(([name]) => name === String(step))?.[1];
  }
  return here;
}

/** The string that lies at a path inside a JSON value. */
export function textAt(value: unknown, ...path: (string | number)[]): string {
  const text = at(value, ...path);
  if (typeof text !== 'string') throw new Error(`no string at ${path.join('.')} in ${JSON.stringify(value)}`);
  return text;
}

/** The array that lies at a path inside a JSON value. */
export function listAt(value: unknown, ...path: (string | number)[]): unknown[] {
  const list = at(value, ...path);
  if (!Array.isArray(list)) throw new Error(`no array at ${path.join('.')} in ${JSON.stringify(value)}`);
  return list;
}

/** The failure that a refused call answers with. */
export function failure(status: number, error: string) {
  return expect.objectContaining({ status, body: { success: false, error } });
}

/** A pool subscription's key, made the documented way. */
export async function poolKey(
  sandbox: TestSandbox,
  blocks: string[] = ['europe'],
  pool = 'kimi26',
): Promise<{ id: string; apiKey: string; subscriptionId: string }> {
  const subscriptionId = textAt(await sandbox.data('POST', `/api/pools/${pool}/subscribe`, { blocks }), 'id');
  const key = await sandbox.data('POST', '/api/keys/subscription', { subscriptionId });
  return { id: textAt(key, 'id'), apiKey: textAt(key, 'apiKey'), subscriptionId };
}

/** A credit key. */
export async function creditKey(sandbox: TestSandbox, limits: object = {}): Promise<{ id: string; apiKey: string }> {
  const key = await sandbox.data('POST', '/api/keys/credit', { name: 'credit', ...limits });
  return { id: textAt(key, 'id'), apiKey: textAt(key, 'apiKey') };
}

/** The request of the documents' examples. */
export const hello = { model: 'kimi-k2.6', messages: [{ role: 'user', content: 'Hello!' }] };
