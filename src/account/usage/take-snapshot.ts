import type { KeyUsage } from '../../api/usage.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Moment } from '../../domain/usage-bounds.ts';
import { counts, type KeyFigures } from './snapshot.ts';
import { cachedUsage, fetchUsage, type UsageReading, type UsageReadingContext } from './source.ts';
import { UsageStore } from './store.ts';

/** Cached usage younger than this, in milliseconds, is stored instead of a request. */
const fresh = 5 * 60_000;

/** What {@link takeSnapshot} did. */
export interface Snapshot {
  /** Whether it was stored; otherwise the last snapshot is the same. */
  readonly isNew: boolean;
  readonly counted: Moment;
  readonly keys: number;
  /** Whether it was fetched earlier, for another command. */
  readonly isCached: boolean;
  /** The usage requests left in this 12-hour window, as far as this machine knows. */
  readonly left: number;
  readonly file: string;
}

/**
 * Stores the usage of all keys as it is now. Usage that was fetched in the last minutes is stored without a request, and so is usage that
 * was fetched after the last snapshot if no requests are left.
 *
 * @throws CommandError (rate_limited), (file_error), (busy), and those of requests
 */
export async function takeSnapshot(context: UsageReadingContext & Pick<Context, 'record'>): Promise<Snapshot> {
  (await context.api()).client.requireSignedIn();
  const store = await UsageStore.of(context);
  const last = await store.last();
  const { usage, isCached } = await newest(context, last);
  const isNew = last?.latest !== usage.counted.latest;
  if (isNew) await store.append(usage.counted, usage.keys.map(figuresOf));
  return { isNew, counted: usage.counted, keys: usage.keys.length, isCached, left: usage.left, file: store.file };
}

async function newest(
  context: UsageReadingContext,
  last: Moment | undefined,
): Promise<{ readonly usage: UsageReading & { readonly counted: Moment }; readonly isCached: boolean }> {
  // The clock of the sandbox may have been advanced since.
  const kept = context.settings.sandbox.value ? undefined : await cachedUsage(context);
  const cached = kept?.counted && { usage: { ...kept, counted: kept.counted }, isCached: true };
  if (cached && cached.usage.age < fresh) return cached;
  try {
    return { usage: await fetchUsage(context), isCached: false };
  } catch (error) {
    const isUnstored = cached && (last === undefined || cached.usage.counted.latest > last.latest);
    if (error instanceof CommandError && error.code === 'rate_limited' && isUnstored) return cached;
    throw error;
  }
}

function figuresOf({ id, name, type, createdAt, usage }: KeyUsage): KeyFigures {
  const created = createdAt == null ? Number.NaN : Date.parse(createdAt);
  const periods = [usage?.last1h, usage?.last24h, usage?.last7d, usage?.last30d];
  return {
    id,
    name: name ?? null,
    type: type ?? null,
    createdAt: Number.isNaN(created) ? null : created,
    figures: periods.flatMap((period) => counts.map((count) => period?.[count] ?? null)),
  };
}
