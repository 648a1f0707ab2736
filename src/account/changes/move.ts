import type { Context } from '../../context/context.ts';
import { isOfSandbox } from '../../context/record.ts';
import { isOpen, isUnderWay, type RecordedChange } from '../../state/change-log.ts';

/** What became of the changes in the record of this machine. */
export interface MovedRecord {
  /** Those that the state database lacked. */
  readonly added: number;
  /** Those whose outcome it lacked. */
  readonly updated: number;
  /** The others that it had. */
  readonly known: number;
  /** Those that weren't moved because a process is working on them. */
  readonly running: number;
  /** Open ones that weren't moved because their record is incomplete, so that other machines couldn't find the outcome. */
  readonly incomplete: number;
}

/**
 * Brings all changes in the record of this machine into the state database, except those in the sandbox. The files stay. Can be repeated
 * after it was interrupted.
 *
 * @throws CommandError (usage) if there is no state database; (file_error), (state_unreachable), (unavailable)
 */
export async function moveRecord({
  clocks,
  progress,
  record,
}: Pick<Context, 'clocks' | 'progress' | 'record'>): Promise<MovedRecord> {
  const state = await record.database();
  const { addRecorded } = await import('../../state/postgres/move.ts');
  // What was recorded while the database was away is newer than the record of this machine.
  await state.sync();
  const local = await record.localHistory();
  const whole = new Map((await local.open()).map((change) => [change.id, change]));
  const recorded = (await local.newest(Number.POSITIVE_INFINITY))
    .filter(({ account }) => !isOfSandbox(account))
    .map((change) => whole.get(change.id) ?? change);
  const isIncomplete = (change: RecordedChange) => change.lacksBefore === true && isOpen(change);
  const running = recorded.filter(isUnderWay).length;
  const incomplete = recorded.filter(isIncomplete).length;
  const movable = recorded.filter((change) => !isUnderWay(change) && !isIncomplete(change));
  const { added, updated } = await progress.during('Bringing in changes', () =>
    addRecorded(state.database, clocks, movable),
  );
  return { added, updated, known: movable.length - added - updated, running, incomplete };
}
