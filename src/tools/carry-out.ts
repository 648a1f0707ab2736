import { stateFolder } from '../config/folders.ts';
import { isSame } from '../documents/document.ts';
import { CommandError } from '../domain/errors.ts';
import { withLock } from '../state/lock.ts';
import { applyFile, changesAnything, checkFiles, type PlannedFile } from './changes.ts';
import { type ConnectContext, type ConnectionPlan, connectionRecords, diffsOf, type Plan, projectOf } from './plan.ts';
import { type Backup, type ConnectionRecord, digestOf, type RecordedFile } from './records.ts';

/**
 * Shows a plan, asks for consent if it changes a file, and carries it out.
 *
 * @returns the backups
 * @throws CommandError (declined), (confirmation_required), (file_error)
 */
export async function carryOutPlan(context: ConnectContext, plan: Plan | ConnectionPlan): Promise<readonly string[]> {
  const { output, prompts } = context;
  const { files, tool } = plan;
  const changed = files.filter(changesAnything);
  if (changed.length > 0) {
    prompts.requireConsent();
    if (prompts.asksConsent) {
      for (const line of diffsOf(plan).trimEnd().split('\n')) output.note(line);
      if ('connection' in plan && tool.keyFrom === 'file') {
        output.note(`\n${tool.title} takes the key only in clear. It will be in a file that only you can read.`);
      }
      await prompts.consent(changed.length === 1 ? 'Change this file?' : `Change these ${changed.length} files?`);
    }
    checkFiles(changed);
  }
  const { env } = context.world;
  const { monotonic, sleep: pause } = context.clocks;
  const lock = { folder: stateFolder(env), name: 'connections', env, patience: 30_000, monotonic, pause };
  return withLock(lock, async () => apply(context, plan, changed));
}

/** Writes the record and the files. The record comes first, so that a connection can be undone whenever this process is killed. */
function apply(
  context: ConnectContext,
  plan: Plan | ConnectionPlan,
  changed: readonly PlannedFile[],
): readonly string[] {
  const { tool, place, files, earlier } = plan;
  const records = connectionRecords(context);
  const project = projectOf(place, context);
  if (!isSame(records.of(tool.name, project), earlier)) {
    throw new CommandError('busy', `Another command has just changed the connection of ${tool.title}`, {
      hint: 'Run the command again.',
      outcome: 'not_applied',
      retryable: true,
    });
  }
  let kept: readonly string[] = [];
  if ('connection' in plan) {
    const { connection, key } = plan;
    const backups: Backup[] = [];
    const recorded = files
      .filter(({ changes, after }) => changes.length > 0 && after !== undefined)
      .map((file) => recordedFile(file, backups));
    const { settings } = context;
    const record: ConnectionRecord = {
      tool: tool.name,
      project,
      ...(settings.sandbox.value ? { sandbox: true } : { profile: settings.profile.value }),
      baseUrl: connection.baseUrl,
      model: connection.model.id,
      key: key.stored && (key.stored.name ?? key.stored.id),
      files: recorded,
    };
    if (recorded.length > 0) records.save(record, backups);
    kept = backups.map(({ name }) => records.backupFile(record, name));
  }
  for (const [at, file] of changed.entries()) {
    try {
      applyFile(file);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const done = changed.slice(0, at).map((each) => each.file);
      if (done.length === 0) throw error.with({ outcome: 'not_applied' });
      throw error.with({
        outcome: 'applied',
        hint: `Already changed: ${done.join(', ')}. To give them back, run \`ci connect ${tool.name} --undo\`.`,
      });
    }
  }
  if (!('connection' in plan) && earlier) records.remove(earlier);
  return kept;
}

function recordedFile(planned: PlannedFile, backups: Backup[]): RecordedFile {
  const { file, format, original, originalMode, after = '', changes, folders } = planned;
  const backup = original === undefined ? undefined : `${backups.length + 1}-${file.split(/[\\/]/).at(-1)}`;
  if (backup !== undefined && original !== undefined) backups.push({ name: backup, text: original });
  return {
    file,
    format,
    backup,
    mode: originalMode,
    digest: digestOf(after),
    changes: changes.map((change) => ({
      ...change,
      path: change.path.map((step) => (typeof step === 'string' ? step : { ...step })),
      ignored: change.ignored && [...change.ignored],
    })),
    folders: [...folders],
  };
}
