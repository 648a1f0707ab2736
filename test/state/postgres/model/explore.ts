/** A transition of a model. */
export interface Step<State> {
  /** Says what happens, for a counterexample. */
  readonly label: string;
  readonly next: State;
  /** Whether it happens without a fault, so that the work can be expected to go on by such steps. */
  readonly isCalm: boolean;
}

/** A model with finitely many states. */
export interface Model<State> {
  readonly initial: State;
  /** Returns all transitions from a state. */
  steps(state: State): Step<State>[];
  /** Identifies a state. */
  encode(state: State): string;
  decode(key: string): State;
  /** Returns what is wrong with a state; undefined if nothing is. */
  violation(state: State): string | undefined;
  /** Returns whether nothing is left to do in a state. */
  isFinished(state: State): boolean;
}

/** A way to a state that breaks an invariant. */
interface Counterexample {
  readonly violation: string;
  /** The shortest sequence of steps that leads there. */
  readonly trace: readonly string[];
}

/** What an exploration found. */
export interface Exploration {
  /** The number of different states. */
  readonly states: number;
  readonly counterexample?: Counterexample;
}

/** What an exploration looks for. */
interface ExploreOptions {
  /** Whether to look for states from which the work can't be finished by calm steps. */
  readonly checksProgress: boolean;
  /** The most states to visit. */
  readonly limit: number;
}

const stuck = 'from here the work is never finished, even without further faults';

/**
 * Visits all states of a model, nearest first, so that a counterexample is as short as possible.
 *
 * @throws Error if there are more states than the limit
 */
export function explore<State>(model: Model<State>, { checksProgress, limit }: ExploreOptions): Exploration {
  const first = model.encode(model.initial);
  const numbers = new Map([[first, 0]]);
  const keys = [first];
  const parents = [0];
  const finished: number[] = [];
  // The calm steps, as pairs of numbers: from, to.
  const calm: number[] = [];
  for (let number = 0; number < keys.length; number++) {
    const state = model.decode(keys[number] ?? '');
    const violation = model.violation(state);
    if (violation)
      return { states: keys.length, counterexample: { violation, trace: traceTo(model, keys, parents, number) } };
    if (checksProgress && model.isFinished(state)) finished.push(number);
    for (const { next, isCalm } of model.steps(state)) {
      const key = model.encode(next);
      let target = numbers.get(key);
      if (target === undefined) {
        target = keys.length;
        if (target >= limit) throw new Error(`There are more than ${limit} states.`);
        numbers.set(key, target);
        keys.push(key);
        parents.push(number);
      }
      if (checksProgress && isCalm && target !== number) calm.push(number, target);
    }
  }
  const number = checksProgress ? firstStuck(keys.length, calm, finished) : -1;
  if (number < 0) return { states: keys.length };
  return { states: keys.length, counterexample: { violation: stuck, trace: traceTo(model, keys, parents, number) } };
}

/** Returns the nearest state from which no finished one can be reached; -1 if there is none. */
function firstStuck(count: number, calm: readonly number[], finished: readonly number[]): number {
  // The edges by target, in one array.
  const starts = new Int32Array(count + 2);
  for (let at = 1; at < calm.length; at += 2) {
    const place = (calm[at] ?? 0) + 2;
    starts[place] = (starts[place] ?? 0) + 1;
  }
  for (let at = 2; at < starts.length; at++) starts[at] = (starts[at] ?? 0) + (starts[at - 1] ?? 0);
  const sources = new Int32Array(calm.length / 2);
  for (let at = 0; at < calm.length; at += 2) {
    const target = (calm[at + 1] ?? 0) + 1;
    const place = starts[target] ?? 0;
    sources[place] = calm[at] ?? 0;
    starts[target] = place + 1;
  }
  const canFinish = new Uint8Array(count);
  const queue = [...finished];
  for (const number of finished) canFinish[number] = 1;
  for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
    for (let at = starts[number] ?? 0; at < (starts[number + 1] ?? 0); at++) {
      const source = sources[at] ?? 0;
      if (canFinish[source] === 1) continue;
      canFinish[source] = 1;
      queue.push(source);
    }
  }
  return canFinish.indexOf(0);
}

/** Returns the labels of the steps that lead to a state. They aren't kept: the steps of each state on the way are found again. */
function traceTo<State>(
  model: Model<State>,
  keys: readonly string[],
  parents: readonly number[],
  number: number,
): string[] {
  const trace: string[] = [];
  for (let at = number; at > 0; at = parents[at] ?? 0) {
    const steps = model.steps(model.decode(keys[parents[at] ?? 0] ?? ''));
    trace.push(steps.find(({ next }) => model.encode(next) === keys[at])?.label ?? '');
  }
  return trace.reverse();
}
