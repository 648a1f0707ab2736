import { randomBytes } from 'node:crypto';
import { answer, type Behavior, data, type Received, type RecordingServer, reset, server, silence } from './servers.ts';

/** What an API does with a change instead of answering it. */
export type KeyFault =
  /** Closes the connection, and does nothing, or does it first, or does it later. */
  | 'reset'
  | 'reset-after'
  | 'reset-late'
  /** Answers 500, and does nothing, or does it first. */
  | 'error'
  | 'error-after'
  /** Never answers, and does nothing, or does it later. */
  | 'silence'
  | 'silence-late'
  /** Answers 429, and does nothing. */
  | 'limit'
  /** Does it, and answers with a masked secret. */
  | 'masked'
  /** Never answers, and does it when the test says so. */
  | 'held';

/** All faults that need nothing from the test. */
export const keyFaults: readonly KeyFault[] = [
  'reset',
  'reset-after',
  'reset-late',
  'error',
  'error-after',
  'silence',
  'silence-late',
  'limit',
  'masked',
];

/** A key of the API. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly apiKey: string;
  readonly keyType: 'credit' | 'subscription';
  readonly subscriptionId?: string;
  readonly maxBudget?: number;
  readonly createdAt: string;
  isActive: boolean;
}

/** How an API for keys behaves. */
export interface KeyApiOptions {
  /** Whether the list of keys shows their secrets; by default, it masks them. */
  readonly showsSecrets?: boolean;
  /** Returns the fault of a change; undefined: none. @param count - how many changes came before */
  readonly faultOf?: (request: Received, count: number) => KeyFault | undefined;
  /** How late `reset-late` and `silence-late` are, in milliseconds. */
  readonly lateness?: number;
  /** How long each answer takes, in milliseconds. */
  readonly latency?: number;
}

/** An API that creates, lists and revokes keys, and nothing else. */
export interface KeyApi extends RecordingServer {
  /** All keys that were ever created. */
  readonly keys: readonly ApiKey[];
  /** The active ones. */
  readonly active: () => ApiKey[];
  /** What was wrong: a name that had two active keys. */
  readonly violations: readonly string[];
  /** The changes of which nobody knows whether they were answered when their process was killed. */
  readonly unanswered: ReadonlySet<Received>;
  /** Carries out the changes that are held. */
  carryOut(): void;
  /** Carries out changes from now on, but answers them only after an event. */
  answerAfter(event: Promise<unknown>): void;
  /** Resolves when no late change is under way. */
  settled(): Promise<void>;
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Starts an API for keys on loopback. */
export async function keyApi(options: KeyApiOptions = {}): Promise<KeyApi> {
  const { showsSecrets = false, faultOf = () => undefined, lateness = 200, latency = 0 } = options;
  const keys = new Map<string, ApiKey>();
  const activeByName = new Map<string, string>();
  const violations: string[] = [];
  const unanswered = new Set<Received>();
  const late = new Set<Promise<unknown>>();
  const held: Received[] = [];
  let mayAnswer: Promise<unknown> = Promise.resolve();
  let count = 0;

  const listed = ({ apiKey, ...key }: ApiKey) => ({
    ...key,
    apiKey: showsSecrets ? apiKey : `sk_live_…${apiKey.slice(-4)}`,
  });

  /** Carries out a change. @returns its answer */
  function commit({ method, path, body }: Received): { readonly status: number; readonly value: unknown } {
    if (method === 'DELETE') {
      const key = keys.get(path.split('/').at(-1) ?? '');
      if (!key) return { status: 404, value: { success: false, error: 'Key not found' } };
      key.isActive = false;
      keys.delete(key.id);
      if (activeByName.get(key.name) === key.id) activeByName.delete(key.name);
      return { status: 200, value: { success: true, data: { deleted: true } } };
    }
    const { name, maxBudget, subscriptionId }: { name: string; maxBudget?: number; subscriptionId?: string } =
      JSON.parse(body);
    const id = `key-${randomBytes(8).toString('hex')}`;
    const apiKey = `sk_live_${randomBytes(24).toString('base64url')}`;
    const keyType = path.endsWith('/credit') ? 'credit' : 'subscription';
    const key: ApiKey = {
      id,
      name,
      apiKey,
      keyType,
      createdAt: new Date().toISOString(),
      isActive: true,
      ...(subscriptionId !== undefined && { subscriptionId }),
      ...(maxBudget !== undefined && { maxBudget }),
    };
    if (activeByName.has(name)) violations.push(`two active keys named ${name}`);
    activeByName.set(name, id);
    keys.set(id, key);
    all.push(key);
    return { status: 200, value: { success: true, data: { id, name, apiKey } } };
  }

  const all: ApiKey[] = [];
  const answered =
    ({ status, value }: ReturnType<typeof commit>): Behavior =>
    async (request, response) => {
      if (latency > 0) await wait(latency);
      await mayAnswer;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
      response.once('finish', () => unanswered.delete(request));
    };
  const later = (request: Received) => {
    const done = wait(lateness).then(() => {
      commit(request);
      late.delete(done);
    });
    late.add(done);
  };
  const failed: Behavior = (_request, response) => {
    response.writeHead(500, { 'content-type': 'application/json' });
    response.end('{"success":false,"error":"Internal error"}');
  };
  const faults: Readonly<Record<KeyFault, Behavior>> = {
    reset,
    'reset-after': (request, response) => {
      commit(request);
      return reset(request, response);
    },
    'reset-late': (request, response) => {
      later(request);
      return reset(request, response);
    },
    error: failed,
    'error-after': (request, response) => {
      commit(request);
      return failed(request, response);
    },
    silence,
    'silence-late': (request) => later(request),
    limit: (_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '0' });
      response.end('{"success":false,"error":"Too many requests"}');
    },
    masked: (request, response) => {
      const answer = commit(request);
      const text = JSON.stringify(answer.value).replace(/sk_live_[\w-]+(?=[\w-]{4}")/, 'sk_live_…');
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(text);
    },
    held: (request) => void held.push(request),
  };
  const api = await server(async (request, response) => {
    if (request.method === 'GET') {
      if (request.path === '/api/keys') {
        if (latency > 0) await wait(latency);
        return data([...keys.values()].map(listed))(request, response);
      }
      if (request.path.startsWith('/v1/')) {
        const secret = request.headers.authorization?.replace('Bearer ', '');
        const key = [...keys.values()].find(({ apiKey }) => apiKey === secret);
        if (!key) return void response.writeHead(401).end();
        if (request.path === '/v1/models') return answer(200, { object: 'list', data: [] })(request, response);
        const limits = { rpm: null, tpm: null };
        return data({ budget: { spent: 0, limit: key.maxBudget ?? null }, rate_limits: limits })(request, response);
      }
      if (request.path === '/api/billing/status') return data({ poolPledges: [] })(request, response);
      response.writeHead(404).end();
      return undefined;
    }
    const fault = faultOf(request, count++);
    if (fault) return faults[fault](request, response);
    unanswered.add(request);
    return answered(commit(request))(request, response);
  });
  return Object.assign(api, {
    keys: all,
    active: () => [...keys.values()],
    violations,
    unanswered,
    carryOut: () => {
      for (const request of held.splice(0)) commit(request);
    },
    answerAfter: (event: Promise<unknown>) => {
      mayAnswer = event;
    },
    settled: async () => void (await Promise.all(late)),
  });
}
