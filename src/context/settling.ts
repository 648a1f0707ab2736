/** How to handle changes without a known outcome, as the user chose. */
export interface Settling {
  /** How long to look for a change after its response was lost, milliseconds. */
  readonly patience: number;
  /** Whether to wait for earlier changes that haven't settled. */
  readonly wait: boolean;
  /** Whether to go ahead although an earlier change hasn't settled, or the same was bought moments ago. */
  readonly again: boolean;
}

export const defaultSettling: Settling = { patience: 30_000, wait: true, again: false };
