import type { Block } from '../domain/blocks.ts';
import { blockAt, startHour, utcHours } from '../domain/blocks.ts';
import type { Account, Key } from './account.ts';
import { isManagementKey } from './authorization.ts';
import { day, hour } from './calendar.ts';
import { poolOf, pools } from './catalogue.ts';
import type { Completion } from './completion.ts';
import { complete, completionMicros } from './completion.ts';
import { subscriptionOf } from './keys.ts';
import { budgetPeriod, counted, secondsToNextMinute, usedThisMinute } from './metering.ts';
import { Refusal } from './reply.ts';
import type { Change } from './store.ts';

/** A request for a completion, in any API format. */
export interface Prompt {
  model: string;
  text: string;
  maxTokens: number | undefined;
}

/**
 * Returns the key with a secret.
 *
 * @throws Refusal (401) for an unknown secret, (403) if its subscription isn't active
 */
export function requireKey(account: Account, secret: string): Key {
  if (isManagementKey(secret)) {
    throw new Refusal(401, "Management keys (mk_) can't be used for inference. Use an API key (sk_).", {
      code: 'invalid_api_key',
    });
  }
  const key = account.keys.find(({ apiKey }) => apiKey === secret);
  if (key === undefined) throw new Refusal(401, 'Invalid API key', { code: 'invalid_api_key' });
  const subscription = subscriptionOf(account, key);
  if (subscription?.status === 'past_due') {
    throw new Refusal(403, 'This key is suspended because the payment for its subscription failed', {
      code: 'past_due',
    });
  }
  if (subscription !== undefined && subscription.status !== 'active') {
    throw new Refusal(403, 'This key is deactivated because its subscription has ended', { code: 'key_deactivated' });
  }
  return key;
}

/** Returns the models that a key can use: that of its pool, or those of all active pools for a credit key. */
export function modelsOf(account: Account, key: Key): string[] {
  const subscription = subscriptionOf(account, key);
  if (subscription !== undefined) return [poolOf(subscription).modelId];
  return pools.filter(({ status }) => status === 'active').map(({ modelId }) => modelId);
}

/**
 * Answers a prompt and counts it, if the limits of the key allow it (Per-Key Plans, "Rate limits per key").
 *
 * @param running - number of other running requests of this key
 * @throws Refusal (402) without credit, (404) for another model, (429) outside the reserved hours or above the limits of the key
 */
export function admit(account: Account, key: Key, prompt: Prompt, running: number, now: number): Change<Completion> {
  if (!modelsOf(account, key).includes(prompt.model)) {
    throw new Refusal(404, `The model \`${prompt.model}\` does not exist or this key has no access to it`, {
      code: 'model_not_found',
    });
  }
  const completion = complete(prompt.model, prompt.text, prompt.maxTokens);
  const subscription = subscriptionOf(account, key);
  if (subscription === undefined) return charged(account, key, completion, now);
  requireReservedHour(
    subscription.seats.map(({ block }) => block),
    now,
  );
  if (running > 0) {
    throw new Refusal(429, 'This key handles 1 request at a time', { code: 'concurrency_limit', retryAfter: 1 });
  }
  return { account: withKey(account, counted(key, completion, now)), result: completion };
}

function requireReservedHour(reserved: Block[], now: number): void {
  if (reserved.includes(blockAt(new Date(now).getUTCHours()))) return;
  const waits = reserved.map((block) => {
    const sinceStart = (now - startHour(block) * hour) % day;
    return day - sinceStart;
  });
  const hours = reserved.map((block) => `${block} ${utcHours(block)}`).join(', ');
  throw new Refusal(429, `Outside this key's reserved hours (${hours} UTC)`, {
    code: 'outside_reserved_hours',
    retryAfter: Math.ceil(Math.min(...waits) / 1000),
  });
}

function charged(account: Account, key: Key, completion: Completion, now: number): Change<Completion> {
  const used = usedThisMinute(key, now);
  const retryAfter = secondsToNextMinute(now);
  if (key.rpm !== null && used.requests + 1 > key.rpm) {
    throw new Refusal(429, `Rate limit exceeded: ${key.rpm} requests per minute`, {
      code: 'rate_limit_exceeded',
      retryAfter,
    });
  }
  const tokens = completion.promptTokens + completion.completionTokens;
  if (key.tpm !== null && used.tokens + tokens > key.tpm) {
    throw new Refusal(429, `Rate limit exceeded: ${key.tpm} tokens per minute`, {
      code: 'rate_limit_exceeded',
      retryAfter,
    });
  }
  const cost = completionMicros(completion);
  if (cost > account.creditMicros) {
    throw new Refusal(402, 'Insufficient credits: top up to continue', { code: 'insufficient_credits' });
  }
  const { period, spentMicros } = budgetPeriod(key, now);
  if (key.budgetMicros !== null && spentMicros + cost > key.budgetMicros) {
    throw new Refusal(402, "This key's budget is spent", { code: 'budget_exceeded' });
  }
  const spent: Key = { ...counted(key, completion, now), spentMicros: spentMicros + cost, spentPeriod: period };
  return { account: { ...withKey(account, spent), creditMicros: account.creditMicros - cost }, result: completion };
}

function withKey(account: Account, changed: Key): Account {
  return { ...account, keys: account.keys.map((key) => (key.id === changed.id ? changed : key)) };
}
