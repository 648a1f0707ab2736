/** The periods that the API counts usage for, in milliseconds. */
export const windows = [3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000, 30 * 24 * 3_600_000] as const;

/** What is counted. */
export const counts = ['requests', 'tokens', 'promptTokens', 'completionTokens'] as const;

/** The figures of a key: for each of {@link windows}, each of {@link counts}. Null: the API didn't say. */
export type Figures = readonly (number | null)[];

/** When the API counted: between these times of its clock, in epoch milliseconds. */
export interface Moment {
  readonly earliest: number;
  readonly latest: number;
}

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
