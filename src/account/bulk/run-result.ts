import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError, type ErrorCode, withoutPeriod } from '../../domain/errors.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';
import { shortened } from './key-rows.ts';
import type { PaceLimits } from './request-pace.ts';
import type { RowFile } from './row-file.ts';
import type { FailedRow } from './row-runner.ts';

/** How to work on the rows of a file. */
export interface BulkOptions extends PaceLimits {
  /** The path of the file, or `-` for standard input. */
  readonly from: string;
  /** The file for the rows that failed. */
  readonly failed: string | undefined;
}

/** Most failures that the result has. The file of failed rows has all of them. */
const mostFailures = 100;
/** Most failures that a note shows. */
const mostShown = 5;

/** A failure in the result. */
interface ShownFailure {
  readonly line: number;
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/** The result of a run, as JSON shows it: counts of rows by how they ended. */
export interface RunSummary {
  readonly rows: number;
  readonly failed: number;
  /** The first 100. */
  readonly failures: readonly ShownFailure[];
  readonly seconds: number;
  readonly [count: string]: number | string | null | readonly ShownFailure[];
}

/** How a run ended. */
interface EndOfRun {
  readonly summary: RunSummary;
  readonly failed: readonly FailedRow[];
  readonly failedFile: string | undefined;
  /** Number of rows that ended. */
  readonly done: number;
  /** Why the others weren't begun. */
  readonly end: CommandError | undefined;
  readonly file: Pick<RowFile, 'name'>;
  /** Says for people what was done. */
  readonly doneText: string;
}

/** Returns the first failures for the result, in the order of the file. */
export function showFailures(failed: readonly FailedRow[]): ShownFailure[] {
  return [...failed]
    .sort((one, other) => one.line - other.line)
    .slice(0, mostFailures)
    .map(({ line, name, error: { code, message } }) => ({ line, name, code, message }));
}

/**
 * Prints the result of a run, and sets the exit code: 10 if the outcome of a row is unknown, else 1 if one failed.
 *
 * @throws CommandError if not all rows were begun
 */
export async function endOfRun(
  { output, result, world }: Pick<Context, 'output' | 'result' | 'world'>,
  { summary, failed, failedFile, done, end, file, doneText }: EndOfRun,
): Promise<void> {
  const unknown = failed.filter(({ error }) => error.outcome === 'unknown');
  noteFailures(output, summary, failedFile);
  if (end && done < summary.rows) {
    const where = `${grouped(done - failed.length)} of ${counted(summary.rows, 'row')}`;
    const isInterrupted = world.interrupt.aborted;
    const isApplied = done > failed.length;
    throw end.with({
      code: isInterrupted ? 'interrupted' : unknown.length > 0 ? 'outcome_unknown' : codeOf(end, isApplied),
      message: isInterrupted ? `Interrupted after ${where}` : `${end.message}. ${where} of ${file.name} are done`,
      hint: [isApplied && isAway(end) ? undefined : end.hint, 'Run the same command again to continue.']
        .filter(Boolean)
        .join(' '),
      retryable: end.retryable && unknown.length === 0,
      outcome: unknown.length > 0 ? 'unknown' : isApplied ? 'applied' : 'not_applied',
    });
  }
  output.done(doneText);
  const columns = Object.keys(summary).flatMap((field): Column<RunSummary>[] =>
    field === 'failures' ? [] : [{ field, header: titleOf(field), value: (row) => cellOf(row[field]) }],
  );
  await output.record(summary, { columns, fields: Object.keys(summary), drawing: () => '' });
  if (unknown.length > 0) result.exitCode = new CommandError('outcome_unknown', '').exitCode;
  else if (failed.length > 0) result.exitCode = 1;
}

/** Returns the code of a run that ended early. "Unreachable" would say that nothing was changed. */
function codeOf(end: CommandError, isApplied: boolean): ErrorCode {
  return isApplied && (isAway(end) || end.code === 'unreachable' || end.code === 'timeout')
    ? 'partly_failed'
    : end.code;
}

/** Returns whether the state database is away. The hint of such an error says that nothing was sent. */
function isAway({ code }: CommandError): boolean {
  return code === 'state_unreachable';
}

function cellOf(value: RunSummary[string] | undefined): string | number | null {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function titleOf(field: string): string {
  return field.charAt(0).toUpperCase() + field.slice(1);
}

function noteFailures(
  output: Context['output'],
  { failures, failed }: RunSummary,
  failedFile: string | undefined,
): void {
  if (failed === 0) return;
  const shown = failures
    .slice(0, mostShown)
    .map(({ line, name, message }) => `  line ${line}, ${shortened(name)}: ${withoutPeriod(message)}.`);
  const more = failed > shown.length ? [`  and ${grouped(failed - shown.length)} more.`] : [];
  const where =
    failedFile === undefined ? '' : `, and ${failed === 1 ? 'is' : 'are'} in ${failedFile}, which --from takes`;
  output.note([`${counted(failed, 'row')} failed${where}:`, ...shown, ...more].join('\n'));
}
