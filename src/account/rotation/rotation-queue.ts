import { CommandError } from '../../domain/errors.ts';
import type { Rotation } from '../../state/rotation.ts';
import type { RotationStore, SharedRotation, SharedRotations, WantedRotation } from '../../state/rotation-store.ts';
import { RunningRotation } from './replace.ts';

/** The rotations on which a process works, as it gets them. */
export interface RotationQueue {
  /** The most rotations that there are. */
  readonly size: number;
  /** Returns the next rotations; an empty list after the last one for this process. */
  next(): Promise<readonly RunningRotation[]>;
}

/** Rotations that only this process works on. */
export class OwnQueue implements RotationQueue {
  readonly size: number;
  #running: readonly RunningRotation[];

  constructor(running: readonly RunningRotation[]) {
    this.size = running.length;
    this.#running = running;
  }

  async next(): Promise<readonly RunningRotation[]> {
    const running = this.#running;
    this.#running = [];
    return running;
  }
}

/** What a {@link SharedQueue} depends on. */
interface SharedQueueOptions {
  readonly store: RotationStore;
  readonly shared: SharedRotations;
  readonly wanted: readonly WantedRotation[];
  /** The rotations that this process added. */
  readonly added: readonly Rotation[];
  /** How many to take at a time. */
  readonly atOnce: number;
  /** Returns what this command changes in a rotation. */
  readonly changesOf: (taken: SharedRotation) => Partial<Rotation>;
  /** Returns whether to take no more. */
  readonly hasEnded: () => boolean;
}

/** Rotations that machines hand out to each other, a few at a time. */
export class SharedQueue implements RotationQueue {
  readonly size: number;
  readonly #options: SharedQueueOptions;
  #wanted: readonly WantedRotation[];
  #failure: CommandError | undefined;

  constructor(options: SharedQueueOptions) {
    this.#options = options;
    this.#wanted = options.wanted;
    this.size = options.wanted.length;
  }

  /** Why no more could be taken. */
  get failure(): CommandError | undefined {
    return this.#failure;
  }

  async next(): Promise<readonly RunningRotation[]> {
    const { shared, atOnce, hasEnded } = this.#options;
    if (this.#failure || hasEnded()) return [];
    try {
      const taken = await shared.take(this.#wanted, atOnce);
      const workers = new Map(this.#wanted.map(({ rotation, worker }) => [rotation.old.id, worker]));
      const ids = new Set(taken.map(({ rotation }) => rotation.old.id));
      this.#wanted = this.#wanted.filter(({ rotation }) => !ids.has(rotation.old.id));
      return await Promise.all(taken.map((each) => this.#begun(each, workers.get(each.rotation.old.id) === undefined)));
    } catch (error) {
      // What is under way goes on.
      if (!(error instanceof CommandError)) throw error;
      this.#failure = error;
      return [];
    }
  }

  /** Removes what this process added, and nobody took. Ignores a failure: then it counts as begun. */
  async withdraw(): Promise<void> {
    await this.#options.shared.withdraw(this.#options.added).catch(() => {});
  }

  /** @param isNew - whether nobody has worked on it */
  async #begun(taken: SharedRotation, isNew: boolean): Promise<RunningRotation> {
    const { store, shared, changesOf } = this.#options;
    const { rotation, host } = taken;
    const changes = changesOf(taken);
    const next = { ...rotation, ...changes };
    if (changes.place) await shared.saveHere(next);
    else if (Object.keys(changes).length > 0) await store.save(next);
    return new RunningRotation(next, store, { isNew, host: changes.place ? undefined : host });
  }
}
