import type { KeyUsage } from '../../api/usage.ts';
import { cacheFolder, sandboxFolder } from '../../config/folders.ts';
import { accountOf } from '../../config/settings.ts';
import { UsageCache } from '../../config/usage-cache.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { counted } from '../../output/text.ts';
import { figures, type Period, usageColumns } from './columns.ts';

export const fields = ['id', 'name', 'type', 'plan', 'isActive', 'usage', 'subscription', 'createdAt'] as const;

/** Figures younger than this (milliseconds) are shown without asking again. */
const fresh = 3_600_000;

/** What printing usage needs. */
export type UsageContext = Pick<Context, 'api' | 'clocks' | 'connections' | 'output' | 'settings' | 'world'>;

/** Prints the usage of all keys. */
export async function allUsage(context: UsageContext, period: Period, refresh: boolean): Promise<void> {
  const keys = await currentUsage(context, refresh);
  const most = keys.reduce((sofar, key) => Math.max(sofar, figures(key, period).tokens ?? 0), 0);
  const columns = usageColumns(period, most).filter(({ field }) => context.output.isForPeople || field !== 'share');
  await context.output.list(keys, { columns, fields, empty: 'No keys. `ci keys create NAME` creates one.' });
}

/** The usage of all keys: what is at hand when it is fresh, as the API answers 12 requests in 12 hours. */
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
  const atHand = kept && known?.success ? { keys: known.data, age: kept.age } : undefined;
  if (atHand && !refresh && atHand.age < fresh) {
    say(context, `Figures of ${ago(atHand.age)}; --refresh asks again`, cache.left);
    return atHand.keys;
  }
  try {
    cache.count();
    const keys = await api.usage.list();
    cache.keep(keys);
    say(context, 'Figures of now', cache.left);
    return keys;
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'rate_limited' || !atHand) throw error;
    context.output.note(`Warning: ${error.message}. These are the figures of ${ago(atHand.age)}.`);
    return atHand.keys;
  }
}

function say({ output }: Pick<Context, 'output'>, what: string, left: number): void {
  output.note(`${what}; ${counted(left, 'request')} left within 12 hours.`);
}

function ago(age: number): string {
  const minutes = Math.floor(age / 60_000);
  if (minutes < 1) return 'less than a minute ago';
  return minutes < 120 ? `${counted(minutes, 'minute')} ago` : `${counted(Math.floor(minutes / 60), 'hour')} ago`;
}
