import type { Outcome } from '../../../src/domain/errors.ts';
import { at } from '../../support/sandbox.ts';
import type { SimulatedProcess } from '../../virtual/process.ts';

/** What a command reported about the change. */
export interface Report {
  /** Undefined if it was killed, or reported it only in prose. */
  readonly outcome?: Outcome | undefined;
  readonly retryable: boolean;
  readonly code: string | undefined;
}

/** Reads the exit code and the error on the last line of stderr. */
export function reportOf({ exitCode, stderr }: SimulatedProcess): Report {
  if (exitCode === null) return { retryable: false, code: undefined };
  if (exitCode === 0) return { outcome: 'applied', retryable: false, code: undefined };
  const last = stderr
    .trimEnd()
    .split('\n')
    .findLast((line) => line.startsWith('{"error":'));
  if (last === undefined)
    return { outcome: exitCode === 10 ? 'unknown' : undefined, retryable: false, code: undefined };
  const error = at(JSON.parse(last), 'error');
  return { outcome: outcomeIn(error), retryable: at(error, 'retryable') === true, code: String(at(error, 'code')) };
}

function outcomeIn(value: unknown): Outcome | undefined {
  const outcome = at(value, 'outcome');
  return outcome === 'applied' || outcome === 'not_applied' || outcome === 'unknown' ? outcome : undefined;
}

/** A change in the record. */
export interface Recorded {
  /** The process that requested it. */
  readonly pid: unknown;
  readonly action: unknown;
  /** Its recorded outcomes, oldest first. */
  readonly outcomes: { readonly outcome: Outcome; readonly at: number }[];
}

/** Parses the record, one JSON value per line. A change starts with its intent, and may have several outcomes. */
export function recordedIn(text: string): Recorded[] {
  const changes = new Map<unknown, Recorded>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const entry: unknown = JSON.parse(line);
    const id = at(entry, 'id');
    const outcome = outcomeIn(entry);
    if (outcome !== undefined) {
      changes.get(id)?.outcomes.push({ outcome, at: Date.parse(String(at(entry, 'at'))) });
    } else if (at(entry, 'intent') !== undefined) {
      changes.set(id, { pid: at(entry, 'process', 'pid'), action: at(entry, 'intent', 'action'), outcomes: [] });
    }
  }
  return [...changes.values()];
}
