import type { Key, UsedMinute } from './account.ts';
import { day, hour } from './calendar.ts';

const minute = 60_000;

/** What a completion took. */
export interface Tokens {
  promptTokens: number;
  completionTokens: number;
}

/** Requests and tokens of one key over a stretch of time, as the Usage document writes them. */
export interface Used {
  requests: number;
  tokens: number;
  promptTokens: number;
  completionTokens: number;
}

/** The key with one more completion counted; what is older than 30 days is forgotten. */
export function counted(key: Key, { promptTokens, completionTokens }: Tokens, now: number): Key {
  const current = Math.floor(now / minute);
  const kept = key.minutes.filter((used) => used.minute * minute > now - 30 * day);
  const last = kept.at(-1);
  const earlier = last?.minute === current ? kept.slice(0, -1) : kept;
  const before = last?.minute === current ? last : { requests: 0, promptTokens: 0, completionTokens: 0 };
  const latest: UsedMinute = {
    minute: current,
    requests: before.requests + 1,
    promptTokens: before.promptTokens + promptTokens,
    completionTokens: before.completionTokens + completionTokens,
  };
  return { ...key, lastUsedAt: now, minutes: [...earlier, latest] };
}

/** What a key used in the minutes that began after a moment. */
function usedSince(key: Key, since: number): Used {
  const used = { requests: 0, tokens: 0, promptTokens: 0, completionTokens: 0 };
  for (const one of key.minutes) {
    if (one.minute * minute <= since) continue;
    used.requests += one.requests;
    used.promptTokens += one.promptTokens;
    used.completionTokens += one.completionTokens;
  }
  return { ...used, tokens: used.promptTokens + used.completionTokens };
}

/** The four periods of the Usage document. */
export function usagePeriods(key: Key, now: number): Record<'last1h' | 'last24h' | 'last7d' | 'last30d', Used> {
  return {
    last1h: usedSince(key, now - hour),
    last24h: usedSince(key, now - day),
    last7d: usedSince(key, now - 7 * day),
    last30d: usedSince(key, now - 30 * day),
  };
}

/** What a key used in the running minute of the clock, which is what its limits per minute count. */
export function usedThisMinute(key: Key, now: number): Used {
  return usedSince(key, Math.floor(now / minute) * minute - 1);
}

/** Whole seconds until the next minute of the clock begins. */
export function secondsToNextMinute(now: number): number {
  return Math.ceil((minute - (now % minute)) / 1000);
}

/** A key's budget period: how much of the budget is gone, in millionths of a dollar, and when it begins anew. */
export function budgetPeriod(key: Key, now: number): { period: number; spentMicros: number; resetsAt: number } {
  const period = Math.floor((now - key.createdAt) / (30 * day));
  // Without a budget there is nothing to begin anew: what is spent adds up.
  const spentMicros = key.budgetMicros === null || key.spentPeriod === period ? key.spentMicros : 0;
  return { period, spentMicros, resetsAt: key.createdAt + (period + 1) * 30 * day };
}
