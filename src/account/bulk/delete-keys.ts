import type { Key } from '../../api/keys.ts';
import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { CommandError } from '../../domain/errors.ts';
import { factLines, grouped } from '../../output/text.ts';
import { isUnderWay } from '../../state/change-log.ts';
import type { ChangingContext } from '../changes/carry-out.ts';
import { forgetKey, storedKeys } from '../stored-keys/store.ts';
import { BulkProgress } from './bulk-progress.ts';
import { FailedRowsFile } from './failed-rows.ts';
import { KeyChanges } from './key-changes.ts';
import { existingColumns, Mistakes, shortened, unknownColumns, wordOf } from './key-rows.ts';
import { type RecordedCreation, type RecordedCreations, recordedCreations } from './recorded-creations.ts';
import { type FileRow, RowFile } from './row-file.ts';
import { type FailedRow, rowError, runRows } from './row-runner.ts';
import { type BulkOptions, endOfRun, showFailures } from './run-result.ts';

/** The parts of the context that revoking many keys uses. */
export type DeleteKeysContext = ChangingContext & Pick<Context, 'api' | 'profiles' | 'prompts'>;

/** A key to revoke, as a row of a file says it. */
interface DeleteRow {
  readonly line: number;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly values: FileRow['values'];
}

/** What a row names. */
interface Target extends DeleteRow {
  /** Undefined if it doesn't exist, or was revoked before. */
  readonly key: Key | undefined;
  /** Creations of such a key that may still take effect, so that it would be there after all. */
  readonly creations: readonly RecordedCreation[];
}

/** How long a key that is missing counts as revoked from this machine, in milliseconds. */
const rememberedFor = 7 * 24 * 3_600_000;

/** Number of keys that the consent lists by name. */
const mostListed = 10;

/**
 * Revokes the keys of a file. A row with an ID means this key; a row with only a name means the only active key of that name. A key that is
 * gone already is counted, and isn't a failure.
 *
 * @throws CommandError (usage) with the lines of all mistakes, before anything is sent
 */
export async function deleteKeys(context: DeleteKeysContext, options: BulkOptions): Promise<void> {
  const { clocks, output, prompts, record, settings, world } = context;
  const file = await RowFile.read(world, options.from);
  const rows = await checkedRows(file);
  prompts.requireConsent();
  const api = await context.api();
  api.client.requireSignedIn();
  const failedFile =
    options.failed === undefined
      ? undefined
      : new FailedRowsFile(world, options.failed, {
          ...options,
          format: file.format,
          columns: existingColumns.filter((column) => column !== 'apiKey'),
        });
  try {
    await record.exclusively('keys', async () => {
      const start = clocks.monotonic();
      const keys = await api.keys.list();
      const { unfinished } = await recordedCreations(context);
      const { targets, failed } = found(rows, keys, { revoked: await revokedRecently(context), unfinished });
      const present = targets.filter(({ key, creations }) => key || creations.length > 0);
      if (prompts.canAsk && present.length > 0) {
        const names = present.slice(0, mostListed).map(({ key, name }) => key?.name ?? key?.id ?? name ?? '');
        const more = present.length > mostListed ? ` and ${grouped(present.length - mostListed)} more` : '';
        const gone = targets.length - present.length;
        output.note(
          factLines([
            ['Keys', `${names.join(', ')}${more}`],
            ...(gone > 0 ? [['Gone already', grouped(gone)] as const] : []),
            ...(failed.length > 0 ? [['Not clear', grouped(failed.length)] as const] : []),
            ['Account', accountLabel(settings)],
          ]),
        );
        const what = present.length === 1 ? 'this key' : `these ${grouped(present.length)} keys`;
        await prompts.consent(`Revoke ${what} immediately?`);
      }
      const counts = { revoked: 0, gone: targets.length - present.length };
      const done = () => counts.revoked + counts.gone + failed.length;
      const changes = await KeyChanges.open(context, options, () => done() + options.concurrency >= rows.length);
      const stored = new Set((await storedKeys(context)).map(({ id, name }) => id ?? name));
      const revoke = async ({ key, creations, name, line, values }: Target, leave: () => void) => {
        try {
          const created = await revokeCreated(changes, creations, leave);
          if (key) {
            if (!created.includes(key.id)) await changes.revoke(key);
            if (stored.has(key.id) || (key.name != null && stored.has(key.name)))
              await forgetKey(context, { id: key.id, name: key.name ?? undefined, apiKey: key.apiKey });
          }
          if (key || created.length > 0) counts.revoked++;
          else counts.gone++;
        } catch (error) {
          const failure = rowError(error);
          if (failure === changes.end || (failure.code === 'interrupted' && failure.outcome === 'not_applied')) return;
          failed.push({ line, name: key?.name ?? key?.id ?? name ?? '', values, error: failure });
        }
      };
      const progress = await BulkProgress.start(context, rows.length, () => ({
        done: done(),
        failed: failed.length,
        unclear: 0,
      }));
      try {
        await runRows(present, {
          places: 2 * options.concurrency,
          work: revoke,
          hasEnded: () => changes.end !== undefined,
        });
      } finally {
        progress.stop();
      }
      const isFailedWritten = failedFile?.write(failed, changes.end !== undefined, (message) => output.note(message));
      await endOfRun(context, {
        summary: {
          rows: rows.length,
          ...counts,
          failed: failed.length,
          failures: showFailures(failed),
          seconds: Math.round(clocks.monotonic() - start) / 1000,
        },
        failed,
        failedFile: isFailedWritten ? failedFile?.name : undefined,
        done: done(),
        end: changes.end,
        file,
        doneText: `Revoked ${counted(counts.revoked, 'key')}.${counts.gone > 0 ? ` ${grouped(counts.gone)} were gone already.` : ''}`,
      });
    });
  } finally {
    failedFile?.discard();
  }
}

/** Reads and checks all rows. @throws CommandError (usage) */
async function checkedRows(file: RowFile): Promise<DeleteRow[]> {
  const mistakes = new Mistakes();
  const unknown = unknownColumns(existingColumns);
  const seen = new Map<string, number>();
  const rows: DeleteRow[] = [];
  for await (const each of file.rows()) {
    const { line, values, problem } = each;
    unknown(each, mistakes);
    const [id, name] = [wordOf(values, 'id'), wordOf(values, 'name')];
    const what = id ?? name;
    const earlier = what === undefined ? undefined : seen.get(what);
    if (problem !== undefined) mistakes.add(line, problem);
    else if (what === undefined) mistakes.add(line, 'its name and its ID are missing');
    else if (earlier !== undefined) mistakes.add(line, `"${shortened(what)}" is also in line ${earlier}`);
    else {
      seen.set(what, line);
      rows.push({ line, id, name, values });
    }
  }
  mistakes.check(file);
  return rows;
}

/** Returns the IDs and names of the keys that commands revoked lately. */
async function revokedRecently({ clocks, record }: Pick<Context, 'clocks' | 'record'>): Promise<ReadonlySet<string>> {
  const history = await record.history();
  const account = await record.account();
  const revoked = new Set<string>();
  for (const { account: of, intent, settled } of await history.since(clocks.wall() - rememberedFor)) {
    if (of.id !== account.id || intent.action !== 'delete-key' || settled?.outcome === 'not_applied') continue;
    revoked.add(intent.id);
    if (intent.name !== undefined) revoked.add(intent.name.trim());
  }
  return revoked;
}

/** Revokes the keys that earlier commands may have created. @returns their IDs */
async function revokeCreated(
  changes: KeyChanges,
  creations: readonly RecordedCreation[],
  leave: () => void,
): Promise<readonly string[]> {
  const [first] = creations;
  if (!first) return [];
  if (creations.some(isUnderWay))
    throw new CommandError('unavailable', 'Another ci process is creating this key', { outcome: 'not_applied' });
  const onWait = () => {
    leave();
    return () => {};
  };
  const recovered = await changes.recover(first.intent, { changes: creations, hasSecret: () => false }, onWait);
  if (!recovered.key) return recovered.revoked;
  const { key } = recovered;
  if (key.id === undefined) return [];
  await changes.revoke({ id: key.id, name: first.intent.name });
  if (key.how !== 'delivered') await key.delivered();
  return [key.id];
}

/** What the record says about the keys of the rows. */
interface Recorded extends Pick<RecordedCreations, 'unfinished'> {
  /** The IDs and names of keys that were revoked lately. */
  readonly revoked: ReadonlySet<string>;
}

/**
 * Finds the keys that the rows name. A name that several active keys have is a failure, because it doesn't say which. So is a key that
 * doesn't exist, because its name may be a mistake, unless the record has that a command revoked it.
 */
function found(
  rows: readonly DeleteRow[],
  keys: readonly Key[],
  { revoked, unfinished }: Recorded,
): { targets: Target[]; failed: FailedRow[] } {
  const inactive = new Set(
    keys.flatMap(({ id, name, isActive }) => (isActive === false ? [id, name?.trim() ?? id] : [])),
  );
  const active = keys.filter(({ isActive }) => isActive !== false);
  const byId = new Map(active.map((key) => [key.id, key]));
  const byName = new Map<string, Key[]>();
  for (const key of active) {
    const name = key.name?.trim() ?? '';
    const namesakes = byName.get(name);
    // A list may have a key twice.
    if (namesakes?.some(({ id }) => id === key.id)) continue;
    if (namesakes) namesakes.push(key);
    else byName.set(name, [key]);
  }
  const targets: Target[] = [];
  const failed: FailedRow[] = [];
  const taken = new Set<string>();
  for (const row of rows) {
    const { id, name = '', line, values } = row;
    const named = id === undefined ? (byName.get(name) ?? []) : [];
    const key = id === undefined ? named[0] : byId.get(id);
    const fail = (code: 'not_found' | 'unavailable', message: string) =>
      failed.push({
        line,
        name: name || (id ?? ''),
        values,
        error: new CommandError(code, message, { outcome: 'not_applied' }),
      });
    const what = id ?? name;
    const creations = (id === undefined && unfinished.get(name)) || [];
    const isKnown = key || creations.length > 0 || revoked.has(what) || inactive.has(what);
    if (named.length > 1)
      fail('unavailable', `There are ${named.length} keys of this name; add a column with their IDs`);
    else if (!isKnown) fail('not_found', 'There is no such key');
    else targets.push({ ...row, key: key && taken.has(key.id) ? undefined : key, creations });
    if (key) taken.add(key.id);
  }
  return { targets, failed };
}
