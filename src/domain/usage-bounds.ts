const hour = 3_600_000;

/** The periods that the API counts usage for, in milliseconds, up to the time of its answer. */
export const windows = [hour, 24 * hour, 7 * 24 * hour, 30 * 24 * hour] as const;

/** A time that is known to be between two, in epoch milliseconds. */
export interface Moment {
  readonly earliest: number;
  readonly latest: number;
}

/** A span of time, in epoch milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The least and the most that can have been used. */
export interface Bounds {
  readonly least: number;
  /** Infinite if nothing limits it. */
  readonly most: number;
  /** Whether the snapshots contradict each other. */
  readonly isContradictory: boolean;
}

/** What is known of a key besides its figures. */
export interface Lifetime {
  /** The key wasn't used before, in epoch milliseconds; undefined: not known. */
  readonly created: number | undefined;
  /** The first snapshot without the key, which can't be used since; undefined if there is none. */
  readonly gone: number | undefined;
}

/** What snapshots say of a key: a figure for each window of each snapshot, at `4 * snapshot + window`. Null: it isn't known. */
export type WindowFigures = readonly (number | null)[];

const [, , , longest] = windows;

/** How much earlier or later than said a window may begin, in milliseconds: the API may count whole minutes. */
const granularity = 60_000;

/** A snapshot this close to the start or end of the span, in milliseconds, is taken for it. A missing span this short isn't one. */
export const tolerance = 15 * 60_000;

/** Rounds after which bounds that still change are taken for contradictory. They usually stop changing after five. */
const mostRounds = 200;

/**
 * Computes what was used in a span of time from snapshots of rolling windows.
 *
 * Let F(t) be everything that a key used up to the time t. It never decreases. A snapshot at t says what F(t) − F(t − 1 hour),
 * F(t) − F(t − 1 day) and so on are, and F is the same at all times before the key was created. The bounds of F(end) − F(start) that
 * follow from these differences are the shortest paths in a graph in which each time is a node ("difference constraints": Cormen,
 * Leiserson, Rivest, Stein: Introduction to Algorithms). No estimate goes into them.
 */
export class UsageTimeline {
  /** The start and end of what is measured: those of the span, or the snapshots next to them. */
  readonly from: Moment;
  readonly to: Moment;
  readonly #snapshots: readonly Moment[];
  readonly #earliest: Float64Array;
  readonly #latest: Float64Array;
  /** The nodes by their earliest time. */
  readonly #order: Int32Array;
  /** For each node, the place in the order of the first node that is certainly not before it. */
  readonly #after: Int32Array;
  /** The earliest time of a node. */
  readonly #first: number;
  readonly #start: number;
  readonly #end: number;
  readonly #distance: Float64Array;
  readonly #suffix: Float64Array;

  /**
   * @param snapshots - in the order of their times
   * @param span - what to measure; without an end, up to the last snapshot
   */
  constructor(snapshots: readonly Moment[], span: { readonly from: number; readonly to: number | undefined }) {
    const count = snapshots.length;
    const nodes: Moment[] = [
      ...snapshots,
      ...snapshots.flatMap(({ earliest, latest }) =>
        windows.map((length) => ({ earliest: earliest - length - granularity, latest: latest - length + granularity })),
      ),
    ];
    const nodeAt = (time: number) => {
      const near = nearest(snapshots, time);
      return near ?? nodes.push({ earliest: time, latest: time }) - 1;
    };
    this.#start = nodeAt(span.from);
    this.#end = span.to === undefined ? (count > 0 ? count - 1 : this.#start) : nodeAt(span.to);
    this.#snapshots = snapshots;
    this.#earliest = Float64Array.from(nodes, ({ earliest }) => earliest);
    this.#latest = Float64Array.from(nodes, ({ latest }) => latest);
    this.#order = Int32Array.from(nodes.keys()).sort((a, b) => (nodes[a]?.earliest ?? 0) - (nodes[b]?.earliest ?? 0));
    const sorted = Float64Array.from(this.#order, (node) => nodes[node]?.earliest ?? 0);
    this.#first = sorted[0] ?? 0;
    this.#after = Int32Array.from(nodes, ({ latest }) => firstNotBelow(sorted, latest));
    this.#distance = new Float64Array(nodes.length);
    this.#suffix = new Float64Array(nodes.length + 1);
    this.from = momentAt(nodes, this.#start);
    this.to = momentAt(nodes, this.#end);
  }

  /** Returns what a key can have used, from one of its counts. */
  bounds(figures: WindowFigures, life: Lifetime): Bounds {
    const most = this.#shortest(this.#start, this.#end, figures, life);
    const least = this.#shortest(this.#end, this.#start, figures, life);
    if (most === undefined || least === undefined || -least > most) {
      return { least: this.#disjoint(figures), most: Number.POSITIVE_INFINITY, isContradictory: true };
    }
    // Without a minus zero.
    return { least: least === 0 ? 0 : -least, most, isContradictory: false };
  }

  /** Returns the parts of the span that no window covers without reaching out of it. Short ones are left out. */
  gaps(figures: WindowFigures, { created, gone }: Lifetime): Span[] {
    const [from, to] = [this.from.latest, this.to.earliest];
    const covered: Span[] = [];
    if (created !== undefined) covered.push({ from: Number.NEGATIVE_INFINITY, to: created });
    const end = gone === undefined ? undefined : this.#snapshots[gone];
    if (end) covered.push({ from: end.latest, to: Number.POSITIVE_INFINITY });
    let first: number | undefined;
    for (const [at, { earliest, latest }] of this.#snapshots.entries()) {
      if (latest > to + tolerance) continue;
      // While the longest window has everything that a key used, each snapshot says what it used since the one before.
      const isTotal = created !== undefined && latest - longest <= created;
      if (isTotal && latest >= from - tolerance && (figures[windows.length * (at + 1) - 1] ?? null) !== null) {
        first ??= latest;
        covered.push({ from: first, to: earliest });
      }
      for (const [window, length] of windows.entries()) {
        const start = Math.max(latest - length, created ?? Number.NEGATIVE_INFINITY);
        if ((figures[windows.length * at + window] ?? null) === null || start < from - tolerance) continue;
        covered.push({ from: start, to: earliest });
      }
    }
    return gapsIn({ from, to }, covered);
  }

  /** Returns the shortest path between two nodes; undefined if the differences contradict each other. */
  #shortest(source: number, target: number, figures: WindowFigures, { created, gone }: Lifetime): number | undefined {
    const distance = this.#distance.fill(Number.POSITIVE_INFINITY);
    const count = this.#snapshots.length;
    const end = gone === undefined ? Number.POSITIVE_INFINITY : (this.#snapshots[gone]?.latest ?? 0);
    const beginning = created ?? Number.NEGATIVE_INFINITY;
    const isYoung = beginning >= this.#first;
    distance[source] = 0;
    for (let round = 0; round < mostRounds; round++) {
      let hasChanged = false;
      // Paths lead forward and back in time.
      for (let step = 0; step < count; step++) {
        const at = round % 2 === 0 ? step : count - 1 - step;
        for (let window = 0; window < windows.length; window++) {
          const figure = figures[windows.length * at + window];
          if (figure == null) continue;
          const start = count + windows.length * at + window;
          const there = (distance[start] ?? 0) + figure;
          const back = (distance[at] ?? 0) - figure;
          if (there < (distance[at] ?? 0)) distance[at] = there;
          else if (back < (distance[start] ?? 0)) distance[start] = back;
          else continue;
          hasChanged = true;
        }
      }
      if (isYoung) hasChanged = this.#level((node) => (this.#latest[node] ?? 0) <= beginning) || hasChanged;
      if (gone !== undefined) hasChanged = this.#level((node) => (this.#earliest[node] ?? 0) >= end) || hasChanged;
      hasChanged = this.#descend() || hasChanged;
      if ((distance[source] ?? 0) < 0) return undefined;
      if (!hasChanged) return distance[target];
    }
    // Around a contradiction, the distances shrink forever.
    return undefined;
  }

  /** Gives nodes at which F is the same the shortest distance of them. @returns whether one changed */
  #level(isSame: (node: number) => boolean): boolean {
    const distance = this.#distance;
    let shortest = Number.POSITIVE_INFINITY;
    for (let node = 0; node < distance.length; node++) {
      if (isSame(node)) shortest = Math.min(shortest, distance[node] ?? 0);
    }
    let hasChanged = false;
    for (let node = 0; node < distance.length; node++) {
      if ((distance[node] ?? 0) <= shortest || !isSame(node)) continue;
      distance[node] = shortest;
      hasChanged = true;
    }
    return hasChanged;
  }

  /** Uses that F never decreases: no node is farther than a later one. @returns whether one changed */
  #descend(): boolean {
    const distance = this.#distance;
    const suffix = this.#suffix;
    const { length } = distance;
    suffix[length] = Number.POSITIVE_INFINITY;
    for (let place = length - 1; place >= 0; place--) {
      suffix[place] = Math.min(suffix[place + 1] ?? 0, distance[this.#order[place] ?? 0] ?? 0);
    }
    let hasChanged = false;
    for (let node = 0; node < length; node++) {
      const later = suffix[this.#after[node] ?? length] ?? Number.POSITIVE_INFINITY;
      if (later >= (distance[node] ?? 0)) continue;
      distance[node] = later;
      hasChanged = true;
    }
    return hasChanged;
  }

  /** Returns the largest sum of windows in the span that don't overlap. Each is what the API said at the time. */
  #disjoint(figures: WindowFigures): number {
    const [first, last] = [this.from.latest, this.to.earliest];
    const found: { readonly start: number; readonly end: number; readonly figure: number }[] = [];
    for (const [at, { earliest, latest }] of this.#snapshots.entries()) {
      for (const [window, length] of windows.entries()) {
        const figure = figures[windows.length * at + window];
        const start = earliest - length - granularity;
        if (figure != null && start >= first && latest <= last) found.push({ start, end: latest, figure });
      }
    }
    found.sort((a, b) => a.end - b.end);
    const ends = Float64Array.from(found, ({ end }) => end);
    const best = [0];
    for (const [at, { start, figure }] of found.entries()) {
      let before = firstNotBelow(ends, start);
      if (ends[before] === start) before++;
      best.push(Math.max(best[at] ?? 0, (best[Math.min(before, at)] ?? 0) + figure));
    }
    return best.at(-1) ?? 0;
  }
}

/** Returns the parts of a span that others don't cover. Short ones are left out. */
export function gapsIn({ from, to }: Span, covered: readonly Span[]): Span[] {
  const gaps: Span[] = [];
  let end = from;
  for (const each of [...covered].sort((a, b) => a.from - b.from)) {
    if (each.from > end) gaps.push({ from: end, to: Math.min(each.from, to) });
    end = Math.max(end, each.to);
  }
  if (end < to) gaps.push({ from: end, to });
  return gaps.filter((gap) => gap.to - gap.from > tolerance);
}

/** Returns the spans that at least one list has, without overlaps. */
export function union(spans: readonly Span[]): Span[] {
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

/** Returns the snapshot next to a time; undefined if none is close. */
function nearest(snapshots: readonly Moment[], time: number): number | undefined {
  let found: number | undefined;
  let closest = tolerance;
  for (const [at, { earliest, latest }] of snapshots.entries()) {
    const distance = Math.abs((earliest + latest) / 2 - time);
    if (distance > closest) continue;
    found = at;
    closest = distance;
  }
  return found;
}

function momentAt(nodes: readonly Moment[], node: number): Moment {
  return nodes[node] ?? { earliest: 0, latest: 0 };
}

/** Returns the first place in a sorted list with a number that isn't below a limit. */
function firstNotBelow(sorted: Float64Array, limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
