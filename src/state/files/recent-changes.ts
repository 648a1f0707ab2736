import { statSync } from 'node:fs';
import path from 'node:path';
import type { ChangeLog, RecordedChange } from '../change-log.ts';
import { namesIn } from '../folder.ts';

/** How long a change without an outcome to find still matters, in milliseconds: a repeat is noticed for ten minutes. */
const recent = 15 * 60_000;

/**
 * Returns whether the record in files may have changes that the next change depends on, without reading it.
 *
 * @param folder - the state directory
 * @param now - epoch milliseconds
 */
export function hasRecentChanges(folder: string, now: number): boolean {
  if (namesIn(path.join(folder, 'open')).length > 0) return true;
  const recorded = statSync(path.join(folder, 'history.jsonl'), { throwIfNoEntry: false })?.mtimeMs;
  return recorded !== undefined && Math.abs(now - recorded) < recent;
}

/** Returns the changes of a record that are open or recent, each once. Open ones whose earlier state is lost can't be looked up. */
export async function recentChanges(log: ChangeLog, now: number): Promise<RecordedChange[]> {
  const changes = [...(await log.open()), ...(await log.since(now - recent))];
  return [...new Map(changes.map((change) => [change.id, change])).values()].filter(({ lacksBefore }) => !lacksBefore);
}
