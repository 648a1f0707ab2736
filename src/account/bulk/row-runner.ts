import { CommandError } from '../../domain/errors.ts';
import type { FileRow } from './row-file.ts';

/** A row that failed. */
export interface FailedRow {
  readonly line: number;
  readonly name: string;
  readonly values: FileRow['values'];
  readonly error: CommandError;
}

/** What the rows of a run have in common. */
interface RowRun<Row> {
  /** How many rows may be worked on at a time. */
  readonly places: number;
  /** Works on a row. `leave` gives its place to the next row, because it only waits from now on. */
  readonly work: (row: Row, leave: () => void) => Promise<void>;
  /** Whether to take no more rows. */
  readonly hasEnded: () => boolean;
}

/** Works on rows, several at a time, in their order. Returns once all that were begun have ended. */
export async function runRows<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  { places, work, hasEnded }: RowRun<Row>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let taken = 0;
  let wake = () => {};
  let failure: { readonly error: unknown } | undefined;
  const run = async (row: Row) => {
    let isWaiting = false;
    const leave = () => {
      if (isWaiting) return;
      isWaiting = true;
      taken--;
      wake();
    };
    taken++;
    try {
      await work(row, leave);
    } catch (error) {
      failure ??= { error };
    } finally {
      leave();
    }
  };
  for await (const row of rows) {
    if (failure || hasEnded()) break;
    const ended = run(row).finally(() => running.delete(ended));
    running.add(ended);
    while (taken >= places) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  await Promise.all(running);
  if (failure) throw failure.error;
}

/** Returns an error as that of a row. @throws anything else */
export function rowError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  throw error;
}
