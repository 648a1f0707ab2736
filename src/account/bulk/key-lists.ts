import type { Key } from '../../api/keys.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { waited } from '../changes/find-outcome.ts';

/** The shortest time between two lists, in milliseconds: while requests run, and when all of them wait for a list. */
const busyInterval = 4000;
const idleInterval = 400;
/** How much longer than reading a list the time between two is. */
const share = 4;
/** Pauses after failures, in milliseconds. */
const betweenTries = [1000, 2000, 4000, 8000] as const;

/** The shortest name that may be the beginning of another one, in characters. */
const shortestCut = 16;

function foldedName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** The keys of the account at one moment, by name and by ID. */
export class KeyList {
  readonly #byName = new Map<string, Key[]>();
  readonly #ids = new Set<string>();

  constructor(keys: readonly Key[]) {
    for (const key of keys) {
      if (key.isActive !== false) this.#ids.add(key.id);
      const name = key.name?.trim() ?? '';
      const namesakes = this.#byName.get(name);
      // A list may have a key twice.
      if (namesakes?.some(({ id }) => id === key.id)) continue;
      if (namesakes) namesakes.push(key);
      else this.#byName.set(name, [key]);
    }
  }

  /** Returns the keys of a name, ignoring spaces around it. */
  named(name: string): readonly Key[] {
    return this.#byName.get(name.trim()) ?? [];
  }

  /** Returns the active ones of them. */
  active(name: string): Key[] {
    return this.named(name).filter(({ isActive }) => isActive !== false);
  }

  /** Returns the active keys whose names an API may have made of this one: in lower case, without spaces, or cut. */
  similar(name: string): Key[] {
    const folded = foldedName(name);
    const isSimilar = (other: string) => {
      const short = foldedName(other);
      return short === folded || (short.length >= shortestCut && folded.startsWith(short));
    };
    const names = [...this.#byName.keys()].filter((other) => other !== name.trim() && isSimilar(other));
    return names.flatMap((each) => this.active(each));
  }

  /** Returns the IDs of the active keys. */
  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Returns whether a key is active. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }
}

/** Reads the keys of the account for all who wait for them at once, so that many changes with lost answers need few requests. */
export class KeyLists {
  readonly #context: Pick<Context, 'clocks' | 'connections'>;
  readonly #isIdle: () => boolean;
  #next: Promise<KeyList> | undefined;
  #reading: Promise<Key[]> | undefined;
  #last = new KeyList([]);
  /** When the last list was read, in milliseconds of the monotonic clock, and how long that took. */
  #readyAt = Number.NEGATIVE_INFINITY;
  #took = 0;

  /** @param isIdle - whether nothing else is being done, so that there is no reason to wait for more who need the list */
  constructor(context: Pick<Context, 'clocks' | 'connections'>, isIdle: () => boolean) {
    this.#context = context;
    this.#isIdle = isIdle;
  }

  /** The last list that was read; an empty one before. */
  get last(): KeyList {
    return this.#last;
  }

  /**
   * Returns the keys as they are after this call.
   *
   * @throws CommandError of the API; (interrupted)
   */
  next(): Promise<KeyList> {
    this.#next ??= this.#readSoon();
    return this.#next;
  }

  async #readSoon(): Promise<KeyList> {
    const { clocks, connections } = this.#context;
    const api = await connections.looking();
    while (this.#reading) await this.#reading.catch(() => {});
    for (let wait = this.#wait(); wait > 0; wait = this.#wait()) {
      if (!(await waited(this.#context, Math.min(wait, idleInterval)))) break;
    }
    // Who asks from now on needs a later list.
    this.#next = undefined;
    const start = clocks.monotonic();
    this.#reading = this.#read(() => api.keys.list());
    try {
      this.#last = new KeyList(await this.#reading);
      return this.#last;
    } finally {
      this.#reading = undefined;
      this.#readyAt = clocks.monotonic();
      this.#took = this.#readyAt - start;
    }
  }

  #wait(): number {
    const interval = Math.max(share * this.#took, this.#isIdle() ? idleInterval : busyInterval);
    return this.#readyAt + interval - this.#context.clocks.monotonic();
  }

  async #read(list: () => Promise<Key[]>): Promise<Key[]> {
    for (let count = 0; ; count++) {
      try {
        return await list();
      } catch (error) {
        const pause = betweenTries[count];
        if (!(error instanceof CommandError) || !error.retryable || pause === undefined) throw error;
        if (!(await waited(this.#context, Math.max(pause, error.retryAfter ?? 0)))) throw error;
      }
    }
  }
}
