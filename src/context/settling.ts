/** How to handle changes without a known outcome. */
export interface Settling {
  /** How long to check for a change after its response was lost, in milliseconds. */
  readonly patience: number;
  /** Whether to wait for earlier changes that haven't settled. */
  readonly wait: boolean;
  /** Whether to go ahead even if an earlier change hasn't settled, or the same was bought moments ago. */
  readonly again: boolean;
  /** How to go ahead anyway, as an error advises it after "or". */
  readonly goAhead: string;
}

export const defaultSettling: Settling = { patience: 30_000, wait: true, again: false, goAhead: 'pass --again' };
