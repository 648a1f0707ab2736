import type { Candidate } from './availability.ts';

/**
 * How long to wait after a refused purchase before trying the same candidate again, in milliseconds. If the API made the purchase
 * anyway, it may take a while to appear in the account. The time doubles with each refusal.
 */
const firstPause = 5000;
const longestPause = 120_000;

/** Pauses candidates after a refused purchase. */
export class RefusalBackoff {
  readonly #monotonic: () => number;
  readonly #refusals = new Map<Candidate, { readonly count: number; readonly until: number }>();

  /** @param monotonic - returns the milliseconds of a clock that can't be set */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Pauses a candidate after a refusal. */
  add(candidate: Candidate): void {
    const count = (this.#refusals.get(candidate)?.count ?? 0) + 1;
    const pause = Math.min(firstPause * 2 ** (count - 1), longestPause);
    this.#refusals.set(candidate, { count, until: this.#monotonic() + pause });
  }

  /** Returns whether a candidate is paused. */
  isPaused(candidate: Candidate): boolean {
    return this.#monotonic() < (this.#refusals.get(candidate)?.until ?? 0);
  }

  /** Forgets the refusals of candidates that have closed. If they reopen, that is a new opening. */
  keep(open: readonly Candidate[]): void {
    for (const candidate of this.#refusals.keys()) if (!open.includes(candidate)) this.#refusals.delete(candidate);
  }
}
