/** What is counted. */
export const counts = ['requests', 'tokens', 'promptTokens', 'completionTokens'] as const;

/** The figures of a key: for each window (see `windows` of usage-bounds), each of {@link counts}. Null: the API didn't say. */
export type Figures = readonly (number | null)[];

/** What a snapshot has of a key. */
export interface KeyFigures {
  readonly id: string;
  readonly name: string | null;
  readonly type: string | null;
  /** Epoch milliseconds. */
  readonly createdAt: number | null;
  readonly figures: Figures;
}

/** A key in several snapshots. */
export interface KeyHistory extends Omit<KeyFigures, 'figures'> {
  /** Figures that didn't change from one snapshot to another, by the numbers of these snapshots. */
  readonly ranges: readonly { readonly first: number; readonly last: number; readonly figures: Figures }[];
}
