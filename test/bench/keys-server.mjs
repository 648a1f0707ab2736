// Serves accounts with many keys for the benchmark of reading, in a separate thread, because the main thread measures. An account is
// named by its management key, `mk_current_10000`, or by the path, `/current/10000/api/keys`.
import { createServer } from 'node:http';
import { parentPort } from 'node:worker_threads';

const day = 86_400_000;
const now = Date.now();
const bodies = new Map();

/** Returns a key of an account that has one for each customer. The documented API has neither its secret nor its last use. */
function key(generation, at) {
  const digits = String(at).padStart(12, '0');
  const isCredit = at % 3 === 0;
  const common = {
    id: `7d0f3c51-4f6e-4c1b-9a54-${digits}`,
    name: `customer-${at}`,
    keyPlan: isCredit ? null : 'kimi26',
    keyType: isCredit ? 'credit' : 'subscription',
    isActive: at % 7 !== 0,
    maxBudget: isCredit ? '25.00' : null,
    rpm: 100,
    tpm: 100_000,
    subscriptionId: isCredit ? null : `0b6d1a9e-2c5b-4d0e-8f6a-${digits}`,
    subscriptionStatus: isCredit ? null : 'active',
    createdAt: new Date(now - (at % 200) * day).toISOString(),
  };
  if (generation === 'documented') return common;
  const lastUsedAt = at % 2 === 0 ? new Date(now - (at % 60) * day).toISOString() : null;
  return { ...common, apiKey: `sk_live_0123456789abcdefghij${digits}`, lastUsedAt };
}

/** Returns the usage of a key. Every fifth one wasn't used in the last 30 days. */
function usage(generation, at) {
  const { id, name, keyType: type, keyPlan: plan, isActive, createdAt } = key(generation, at);
  const requests = at % 5;
  const period = { requests, tokens: 2000 * requests, promptTokens: 1500 * requests, completionTokens: 500 * requests };
  return {
    id,
    name,
    type,
    plan,
    isActive,
    createdAt,
    usage: { last1h: period, last24h: period, last7d: period, last30d: period },
  };
}

function bodyOf(generation, count, name) {
  if (name === '/api/billing/status')
    return JSON.stringify({ success: true, data: { creditBalance: '25.00', poolPledges: [] } });
  const item = { '/api/keys': key, '/api/usage': usage }[name];
  if (!item) return undefined;
  const address = `${generation} ${count} ${name}`;
  if (!bodies.has(address)) {
    const data = Array.from({ length: count }, (_, at) => item(generation, at));
    bodies.set(address, Buffer.from(JSON.stringify({ success: true, data })));
  }
  return bodies.get(address);
}

const server = createServer(({ url, headers }, response) => {
  const [, generation, count, name] =
    /^\/(\w+)\/(\d+)(\/.*)$/.exec(url) ??
    /^mk_(\w+)_(\d+)(\/.*)$/.exec(`${headers.authorization?.slice(7)}${url}`) ??
    [];
  const body = bodyOf(generation, Number(count), name);
  response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(body);
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
