import { asClause } from '../../domain/errors.ts';
import { type Mistakes, shortened } from './key-rows.ts';
import { rowError } from './row-runner.ts';

/** A row that may name the destination of its secret. */
interface RowWithDestination {
  readonly line: number;
  readonly to: string | undefined;
}

/**
 * Returns a function that reports destinations that aren't valid, and those of several rows, because a place holds one secret.
 *
 * @param destinationOf - throws CommandError if a destination isn't valid
 */
export function destinationChecker(
  destinationOf: (to: string) => Promise<unknown>,
): (row: RowWithDestination, mistakes: Mistakes) => Promise<void> {
  const lines = new Map<string, number>();
  return async ({ line, to }, mistakes) => {
    if (to === undefined) return;
    const earlier = lines.get(to);
    // A program gets the name of the key. Other places hold one secret.
    if (earlier !== undefined && !to.startsWith('command:'))
      mistakes.add(
        line,
        `line ${earlier} has the destination "${shortened(to)}", too, and each secret would replace the other`,
      );
    if (earlier !== undefined) return;
    lines.set(to, line);
    try {
      await destinationOf(to);
    } catch (error) {
      mistakes.add(line, asClause(rowError(error).message));
    }
  };
}
