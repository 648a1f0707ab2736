import type { KeyUsage } from '../../api/usage.ts';
import { cacheFolder, sandboxFolder } from '../../config/folders.ts';
import { accountOf } from '../../config/settings.ts';
import { UsageCache } from '../../config/usage-cache.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import type { Moment } from '../../domain/usage-bounds.ts';

/** Cached usage younger than this, in milliseconds, is used without a request. */
export const freshness = 3_600_000;

/** How much later than in its `Date` header, in whole seconds, the API may have counted, in milliseconds. */
const dateResolution = 1000;

/** The parts of the context that reading usage needs. */
export type UsageReadingContext = Pick<Context, 'api' | 'clocks' | 'connections' | 'settings' | 'world'>;

/** The usage of all keys of the account, as it was read at some time. */
export interface UsageReading {
  readonly keys: readonly KeyUsage[];
  /** How long ago it was read, in milliseconds. */
  readonly age: number;
  /** How many requests for it the API still allows in these 12 hours, as far as this machine knows. */
  readonly left: number;
  /** When the API counted; undefined if it isn't known. */
  readonly counted: Moment | undefined;
}

/** Returns the usage that was read last, whatever its age; undefined if none is cached. */
export async function cachedUsage(
  context: Omit<UsageReadingContext, 'api' | 'connections'>,
): Promise<UsageReading | undefined> {
  const cache = cacheOf(context);
  const kept = cache.read();
  if (!kept) return undefined;
  const { keyUsageSchema } = await import('../../api/usage.ts');
  const { array, safeParse } = await import('zod/mini');
  const known = safeParse(array(keyUsageSchema()), kept.data);
  return known.success ? { keys: known.data, age: kept.age, left: cache.left, counted: kept.counted } : undefined;
}

/** Fetches the usage of all keys, and caches it. The API allows 12 such requests in 12 hours. @throws CommandError (rate_limited) */
export async function fetchUsage(context: UsageReadingContext): Promise<UsageReading & { readonly counted: Moment }> {
  const { clocks, connections } = context;
  const { usage, client } = await context.api();
  client.requireSignedIn();
  const cache = cacheOf(context);
  cache.count();
  const { left } = cache;
  const sent = clocks.monotonic();
  const keys = await usage.list();
  const duration = Math.ceil(clocks.monotonic() - sent);
  const received = (await connections.now()).getTime();
  const moment = { earliest: received - duration, latest: received + dateResolution };
  cache.keep(keys, moment);
  return { keys, age: 0, left, counted: moment };
}

/** Formats an age for people: `5 minutes ago`. @param age - milliseconds */
export function agoInWords(age: number): string {
  const minutes = Math.floor(age / 60_000);
  if (minutes < 1) return 'less than a minute ago';
  return minutes < 120 ? `${counted(minutes, 'minute')} ago` : `${counted(Math.floor(minutes / 60), 'hour')} ago`;
}

function cacheOf({ clocks, settings, world: { env } }: Pick<Context, 'clocks' | 'settings' | 'world'>): UsageCache {
  return new UsageCache(cacheFolder(env), env, accountOf(settings, sandboxFolder(env)), clocks.wall);
}
