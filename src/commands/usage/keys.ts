import { agoInWords, cachedUsage, fetchUsage, freshness, type UsageReading } from '../../account/usage/source.ts';
import type { KeyUsage } from '../../api/usage.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { type Period, periods } from '../../domain/usage-periods.ts';
import { figures, usageColumns } from './columns.ts';

export const fields = ['id', 'name', 'type', 'plan', 'isActive', 'usage', 'subscription', 'createdAt'] as const;

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
export async function currentUsage(context: UsageContext, refresh: boolean): Promise<readonly KeyUsage[]> {
  const { client } = await context.api();
  client.requireSignedIn();
  const recent = refresh ? undefined : await cachedUsage(context);
  if (recent && recent.age < freshness) {
    context.output.note(`Updated ${agoInWords(recent.age)}. Pass --refresh to update now. ${refreshesLeft(recent)}`);
    return recent.keys;
  }
  try {
    const fetched = await fetchUsage(context);
    context.output.note(`Up to date. ${refreshesLeft(fetched)}`);
    return fetched.keys;
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'rate_limited') throw error;
    const cached = await cachedUsage(context);
    if (!cached) throw error;
    context.output.note(`Warning: ${withoutPeriod(error.message)}. Showing data from ${agoInWords(cached.age)}.`);
    return cached.keys;
  }
}

function refreshesLeft({ left }: UsageReading): string {
  return `${counted(left, 'refresh', 'refreshes')} left in this 12-hour window.`;
}
