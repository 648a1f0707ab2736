import type { Candidate } from './availability.ts';

/**
 * The pause before a candidate whose purchase was refused is tried again, in milliseconds. If the API carried out the purchase
 * anyway, the account may take a while to show it. The pause doubles with each refusal.
 */
const firstPause = 5000;
const longestPause = 120_000;

/** Pauses the candidates whose purchase was refused. */
export class RefusalBackoff {
  readonly #monotonic: () => number;
  readonly #refusals = new Map<Candidate, { readonly count: number; readonly until: number }>();

  /** @param monotonic - milliseconds on a clock that nobody sets */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Pauses a candidate after a refusal. */
  add(candidate: Candidate): void {
    const count = (this.#refusals.get(candidate)?.count ?? 0) + 1;
    const pause = Math.min(firstPause * 2 ** (count - 1), longestPause);
    this.#refusals.set(candidate, { count, until: this.#monotonic() + pause });
  }

  /** Whether a candidate isn't tried for now. */
  isPaused(candidate: Candidate): boolean {
    return this.#monotonic() < (this.#refusals.get(candidate)?.until ?? 0);
  }

  /** Forgets the refusals of candidates that aren't open any more. If they reopen, that is a new opening. */
  keep(open: readonly Candidate[]): void {
    for (const candidate of this.#refusals.keys()) if (!open.includes(candidate)) this.#refusals.delete(candidate);
  }
}
