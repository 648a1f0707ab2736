import type { KeyUsage } from '../../api/usage.ts';
import { cacheFolder, sandboxFolder } from '../../config/folders.ts';
import { accountOf } from '../../config/settings.ts';
import { UsageCache } from '../../config/usage-cache.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { figures, type Period, periods, usageColumns } from './columns.ts';

export const fields = ['id', 'name', 'type', 'plan', 'isActive', 'usage', 'subscription', 'createdAt'] as const;

/** Cached figures younger than this, in milliseconds, are shown without a request. */
const fresh = 3_600_000;

/** The parts of the context that usage needs. */
export type UsageContext = Pick<Context, 'api' | 'clocks' | 'connections' | 'output' | 'settings' | 'world'>;

/** Shows the usage of all keys. */
export async function allUsage(context: UsageContext, period: Period, refresh: boolean): Promise<void> {
  const keys = await currentUsage(context, refresh);
  const most = keys.reduce((sofar, key) => Math.max(sofar, figures(key, period).tokens ?? 0), 0);
  await context.output.list(keys, {
    columns: usageColumns(period, most),
    fields,
    title: `Usage in the ${periods[period].title}`,
    empty: 'No API keys. Run `ci keys create` to create one.',
  });
}

/** Returns the usage of all keys, from the cache if it's recent: the API allows 12 requests in 12 hours. */
async function currentUsage(context: UsageContext, refresh: boolean): Promise<readonly KeyUsage[]> {
  const api = await context.api();
  api.client.requireSignedIn();
  const { keyUsageSchema } = await import('../../api/usage.ts');
  const { array, safeParse } = await import('zod/mini');
  const { clocks, settings, world } = context;
  const { env } = world;
  const cache = new UsageCache(cacheFolder(env), env, accountOf(settings, sandboxFolder(env)), clocks.wall);
  const kept = cache.read();
  const known = kept && safeParse(array(keyUsageSchema()), kept.data);
  const cached = kept && known?.success ? { keys: known.data, age: kept.age } : undefined;
  if (cached && !refresh && cached.age < fresh) {
    context.output.note(`Updated ${ago(cached.age)}. Pass --refresh to update now. ${refreshesLeft(cache)}`);
    return cached.keys;
  }
  try {
    cache.count();
    const keys = await api.usage.list();
    cache.keep(keys);
    context.output.note(`Up to date. ${refreshesLeft(cache)}`);
    return keys;
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'rate_limited' || !cached) throw error;
    context.output.note(`Warning: ${withoutPeriod(error.message)}. Showing data from ${ago(cached.age)}.`);
    return cached.keys;
  }
}

function refreshesLeft({ left }: UsageCache): string {
  return `${counted(left, 'refresh', 'refreshes')} left in this 12-hour window.`;
}

function ago(age: number): string {
  const minutes = Math.floor(age / 60_000);
  if (minutes < 1) return 'less than a minute ago';
  return minutes < 120 ? `${counted(minutes, 'minute')} ago` : `${counted(Math.floor(minutes / 60), 'hour')} ago`;
}
