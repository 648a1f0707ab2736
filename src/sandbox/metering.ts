import type { Key, UsedMinute } from './account.ts';
import { day, hour } from './calendar.ts';

const minute = 60_000;

/** The tokens of a completion. */
export interface Tokens {
  promptTokens: number;
  completionTokens: number;
}

/** Requests and tokens of a key over a period, in the format of the Usage document. */
export interface Used {
  requests: number;
  tokens: number;
  promptTokens: number;
  completionTokens: number;
}

/** Returns the key with one more completion counted, and without minutes older than 30 days. */
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

/** Returns what a key used in the minutes that started after a time. */
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

/** Returns the usage of a key in the four periods of the Usage document. */
export function usagePeriods(key: Key, now: number): Record<'last1h' | 'last24h' | 'last7d' | 'last30d', Used> {
  return {
    last1h: usedSince(key, now - hour),
    last24h: usedSince(key, now - day),
    last7d: usedSince(key, now - 7 * day),
    last30d: usedSince(key, now - 30 * day),
  };
}

/** Returns what a key used in the current minute, which its limits per minute count. */
export function usedThisMinute(key: Key, now: number): Used {
  return usedSince(key, Math.floor(now / minute) * minute - 1);
}

/** Returns the whole seconds until the next minute starts. */
export function secondsToNextMinute(now: number): number {
  return Math.ceil((minute - (now % minute)) / 1000);
}

/** Returns the budget period of a key: what was spent in it, in millionths of a dollar, and when the next one starts. */
export function budgetPeriod(key: Key, now: number): { period: number; spentMicros: number; resetsAt: number } {
  const period = Math.floor((now - key.createdAt) / (30 * day));
  // Without a budget, nothing resets, so the amounts add up.
  const spentMicros = key.budgetMicros === null || key.spentPeriod === period ? key.spentMicros : 0;
  return { period, spentMicros, resetsAt: key.createdAt + (period + 1) * 30 * day };
}
