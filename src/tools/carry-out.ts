import path from 'node:path';
import { stateFolder } from '../config/folders.ts';
import { isSame, type Value } from '../documents/document.ts';
import { CommandError } from '../domain/errors.ts';
import { withLock } from '../state/lock.ts';
import { applyFile, changesAnything, checkFiles, type PlannedFile, requireUnchanged } from './changes.ts';
import { type ConnectContext, type ConnectionPlan, connectionRecords, diffsOf, type Plan, projectOf } from './plan.ts';
import {
  type Backup,
  type ConnectionRecord,
  type ConnectionRecords,
  hashesIn,
  hidden,
  type RecordedFile,
} from './records.ts';

/**
 * Shows a plan, asks for consent if it changes a file, and carries it out.
 *
 * @returns the backups
 * @throws CommandError (declined), (confirmation_required), (file_error)
 */
export async function carryOutPlan(context: ConnectContext, plan: Plan | ConnectionPlan): Promise<readonly string[]> {
  const { output, prompts } = context;
  const changed = plan.files.filter(changesAnything);
  if (changed.length > 0) {
    prompts.requireConsent();
    checkFiles(changed);
    if (prompts.asksConsent) {
      for (const line of diffsOf(plan).trimEnd().split('\n')) output.note(line);
      await prompts.consent(changed.length === 1 ? 'Change this file?' : `Change these ${changed.length} files?`);
    }
  }
  const { env } = context.world;
  const { monotonic, sleep: pause } = context.clocks;
  const lock = { folder: stateFolder(env), name: 'connections', env, patience: 30_000, monotonic, pause };
  return withLock(lock, async () => apply(context, plan, changed));
}

/**
 * Writes the record and then the files, so that a connection can be undone whenever this process is killed. The record has the values of
 * earlier connections, too, because a file may still have them.
 */
function apply(
  context: ConnectContext,
  plan: Plan | ConnectionPlan,
  changed: readonly PlannedFile[],
): readonly string[] {
  const { tool, place, earlier } = plan;
  const records = connectionRecords(context);
  if (!isSame(records.of(tool.name, projectOf(place, context)), earlier)) {
    throw new CommandError('busy', `Another command has just changed the connection of ${tool.title}`, {
      hint: 'Run the command again.',
      outcome: 'not_applied',
      retryable: true,
    });
  }
  for (const file of changed) requireUnchanged(file);
  const connects = 'connection' in plan;
  const backups = connects ? saveRecord(context, records, plan) : [];
  for (const [at, file] of changed.entries()) {
    try {
      applyFile(file);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const done = changed.slice(0, at).map((each) => each.file);
      if (done.length === 0 && connects && !earlier) forget(context, records, plan);
      throw done.length === 0 ? error.with({ outcome: 'not_applied' }) : halfDone(error, { tool, done, connects });
    }
  }
  if (connects || !earlier) return backups;
  const lost = lostFiles(plan, earlier);
  if (lost.length === 0) records.remove(earlier);
  else {
    const kept = records.archive(earlier, new Date(context.clocks.wall()));
    for (const { file, backup } of lost) {
      const place = path.join(kept, backup);
      context.output.note(`${file} was removed or emptied since. What it had before is in ${place}.`);
    }
  }
  return backups;
}

/** Removes the backups that a killed process has left of a tool that isn't connected. @throws CommandError (file_error) */
export function removeLeftovers(
  context: Pick<ConnectContext, 'world'>,
  { tool, place }: Pick<Plan, 'tool' | 'place'>,
): void {
  connectionRecords(context).remove({ tool: tool.name, project: projectOf(place, context) });
}

/** Returns the files that had content before they were changed, and have none now. */
function lostFiles({ files }: Plan, earlier: ConnectionRecord): { readonly file: string; readonly backup: string }[] {
  return files.flatMap(({ file, before }) => {
    const backup = earlier.files.find((each) => each.file === file)?.backup;
    return backup !== undefined && (before ?? '').trim() === '' ? [{ file, backup }] : [];
  });
}

/** Records a connection. @returns the backups */
function saveRecord(context: ConnectContext, records: ConnectionRecords, plan: ConnectionPlan): readonly string[] {
  const backups: Backup[] = [];
  const hashes = hashesIn(plan.earlier);
  const hide = (value: Value) => hidden(value, plan.connection.secret, hashes);
  const files = plan.files
    .filter(({ changes, after }) => changes.length > 0 && after !== undefined)
    .map((file) => recordedFile(file, { hide, backups }));
  if (files.length === 0) return [];
  const record = { ...recordOf(context, plan), files };
  records.save(record, backups);
  return backups.map(({ name }) => records.backupFile(record, name));
}

/** Removes the record of a connection that was never made. */
function forget(context: ConnectContext, records: ConnectionRecords, plan: ConnectionPlan): void {
  records.remove(recordOf(context, plan));
}

function recordOf({ settings, world }: ConnectContext, plan: ConnectionPlan): ConnectionRecord {
  const { connection, contextWindow, gateway, key, place, tool } = plan;
  return {
    tool: tool.name,
    project: projectOf(place, { world }),
    ...(settings.sandbox.value ? { sandbox: true } : { profile: settings.profile.value }),
    baseUrl: connection.baseUrl,
    model: connection.model.id,
    contextWindow,
    key: key.stored && { id: key.stored.id, name: key.stored.name },
    gateway: gateway || undefined,
    files: [],
  };
}

function recordedFile(
  { file, format, original, originalMode, changes, digests, folders, holdsSecret }: PlannedFile,
  { hide, backups }: { readonly hide: (value: Value) => Value; readonly backups: Backup[] },
): RecordedFile {
  const backup = original === undefined ? undefined : `${backups.length + 1}-${file.split(/[\\/]/).at(-1)}`;
  if (backup !== undefined && original !== undefined) backups.push({ name: backup, text: original });
  return {
    file,
    format,
    holdsSecret: holdsSecret || undefined,
    backup,
    mode: originalMode,
    digests: [...digests],
    changes: changes.map((change) => ({
      ...change,
      path: change.path.map((step) => (typeof step === 'string' ? step : { ...step })),
      value: hide(change.value),
      earlier: change.earlier?.map(hide),
      ignored: change.ignored && [...change.ignored],
    })),
    folders: [...folders],
  };
}

/** Returns the error if some files were changed, and others weren't. */
function halfDone(
  error: CommandError,
  {
    tool,
    done,
    connects,
  }: { readonly tool: Plan['tool']; readonly done: readonly string[]; readonly connects: boolean },
): CommandError {
  const undo = `\`ci connect ${tool.name} --undo\``;
  return error.with({
    outcome: 'applied',
    hint: `Already changed: ${done.join(', ')}. To ${connects ? 'restore' : 'continue'}, run ${undo}.`,
  });
}
