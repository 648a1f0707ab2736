import { groupBy } from '../../domain/group-by.ts';
import { type Cents, charge } from '../../domain/money.ts';
import { gapsIn, type Span, tolerance, UsageTimeline, union, windows } from '../../domain/usage-bounds.ts';
import { type Grouping, prefixOf } from '../../domain/usage-groups.ts';
import { type Prices, pricedQuantities, priceFor } from '../../domain/usage-prices.ts';
import { counts } from './snapshot.ts';
import type { StoredUsage } from './store.ts';

const day = 24 * 3_600_000;

/** How far around a span snapshots are of use, in milliseconds: the longest window after it, and a few short ones before it. */
export const reach = { before: 2 * day, after: 31 * day } as const;

/** A number for each count. */
export type Used<Value = number> = Readonly<Record<(typeof counts)[number], Value>>;

/** What the keys of one name, or with one prefix, used. */
export interface UsageRow {
  readonly name: string;
  readonly ids: readonly string[];
  /** What is proven. */
  readonly used: Used;
  /** What it can be at most. Null: nothing limits it. */
  readonly most: Used<number | null>;
  /** Whether the snapshots cover the whole span. */
  readonly isComplete: boolean;
  /** The parts of the span that the snapshots of its keys don't cover. */
  readonly gaps: readonly Span[];
  /** Null without a price for each of its keys. */
  readonly cost: Cents | null;
}

/** What is known of a span of time. */
export interface UsageReport {
  /** The times of the snapshots that were taken for the start and end. */
  readonly measured: Span;
  /** The parts of the span that no snapshot covers. */
  readonly gaps: readonly Span[];
  /** The heaviest users first. */
  readonly rows: readonly UsageRow[];
  /** The names of keys without a price. */
  readonly unpriced: readonly string[];
  /** The number of keys whose snapshots contradict each other. */
  readonly contradictory: number;
}

/** What to report. */
export interface ReportOptions {
  /** Without an end, up to the last snapshot. */
  readonly span: { readonly from: number; readonly to: number | undefined };
  readonly by: Grouping;
  readonly prices: Prices | undefined;
}

/** What one key used. */
interface KeyReport extends Omit<UsageRow, 'name' | 'ids' | 'cost'> {
  readonly id: string;
  readonly name: string;
}

/** Computes a report from snapshots, in the order of their times. */
export function usageReport({ snapshots, keys }: StoredUsage, { span, by, prices }: ReportOptions): UsageReport {
  const timeline = new UsageTimeline(snapshots, span);
  const measured = { from: timeline.from.latest, to: timeline.to.latest };
  const placeOf = new Map(snapshots.map(({ snapshot }, place) => [snapshot, place]));
  let contradictory = 0;
  const all = keys.flatMap((key): KeyReport[] => {
    const columns = counts.map((): (number | null)[] => new Array(windows.length * snapshots.length).fill(null));
    let [first, last] = [snapshots.length, -1];
    for (const { first: from, last: to, figures } of key.ranges) {
      for (let snapshot = from; snapshot <= to; snapshot++) {
        const place = placeOf.get(snapshot);
        if (place === undefined) continue;
        first = Math.min(first, place);
        last = Math.max(last, place);
        for (const [at, column] of columns.entries()) {
          for (let window = 0; window < windows.length; window++) {
            column[windows.length * place + window] = figures[counts.length * window + at] ?? null;
          }
        }
      }
    }
    if (last < 0) return [];
    const gone = last + 1 < snapshots.length ? last + 1 : undefined;
    // A key that an earlier snapshot doesn't have was created since.
    const created = key.createdAt ?? snapshots[first - 1]?.earliest;
    const end = gone === undefined ? undefined : snapshots[gone]?.latest;
    if ((created !== undefined && created >= measured.to) || (end !== undefined && end <= measured.from)) return [];
    const life = { created, gone };
    const bounds = columns.map((column) => timeline.bounds(column, life));
    const isExact = bounds.every(({ least, most }) => least === most);
    const gaps = isExact ? [] : union(columns.flatMap((column) => timeline.gaps(column, life)));
    const isContradictory = bounds.some((each) => each.isContradictory);
    if (isContradictory) contradictory++;
    return [
      {
        id: key.id,
        name: key.name ?? key.id,
        used: usedOf((at) => bounds[at]?.least ?? 0),
        most: usedOf((at) => finite(bounds[at]?.most)),
        isComplete: gaps.length === 0 && !isContradictory,
        gaps,
      },
    ];
  });
  const groups = groupBy(all, ({ name }) => (by === 'prefix' ? prefixOf(name) : name));
  const rows = [...groups].map(([name, members]) => rowOf(name, members, prices));
  const unpriced = prices ? all.filter(({ name }) => priceFor(prices, name) === undefined).map(({ name }) => name) : [];
  return {
    measured,
    gaps: accountGaps(timeline, { span, measured }, snapshots.length),
    rows: rows.sort((a, b) => b.used.tokens - a.used.tokens || (a.name < b.name ? -1 : 1)),
    unpriced: [...new Set(unpriced)].sort(),
    contradictory,
  };
}

/** Returns the gaps of a key that every snapshot has, and those at the start and end of the span. */
function accountGaps(
  timeline: UsageTimeline,
  { span, measured }: { readonly span: ReportOptions['span']; readonly measured: Span },
  count: number,
): Span[] {
  const inside = timeline.gaps(new Array(windows.length * count).fill(0), { created: undefined, gone: undefined });
  const outside = gapsIn({ from: span.from, to: span.to ?? measured.to }, [measured]);
  return union([...inside, ...outside]).filter(({ from, to }) => to - from > tolerance);
}

function rowOf(name: string, members: readonly KeyReport[], prices: Prices | undefined): UsageRow {
  const items = members.map((key) => {
    const price = prices && priceFor(prices, key.name);
    return price && pricedQuantities(price, key.used);
  });
  return {
    name,
    ids: members.map(({ id }) => id),
    used: usedOf((_at, count) => members.reduce((sum, { used }) => sum + used[count], 0)),
    most: usedOf((_at, count) =>
      finite(members.reduce((sum, { most }) => sum + (most[count] ?? Number.POSITIVE_INFINITY), 0)),
    ),
    isComplete: members.every(({ isComplete }) => isComplete),
    gaps: union(members.flatMap(({ gaps }) => gaps)),
    cost: items.every((each) => each !== undefined) ? charge(items.flat()) : null,
  };
}

function usedOf<Value>(value: (at: number, count: (typeof counts)[number]) => Value): Used<Value> {
  return {
    requests: value(0, 'requests'),
    tokens: value(1, 'tokens'),
    promptTokens: value(2, 'promptTokens'),
    completionTokens: value(3, 'completionTokens'),
  };
}

function finite(value = Number.POSITIVE_INFINITY): number | null {
  return Number.isFinite(value) ? value : null;
}
