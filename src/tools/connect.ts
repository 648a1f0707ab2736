import { type CallFormat, nextHours, tryKey } from '../account/keys/try-key.ts';
import { type ChosenKey, chooseKey } from '../account/stored-keys/choose.ts';
import { keyStoreOf, originOfApi } from '../account/stored-keys/store.ts';
import { servedSandbox } from '../account/web-pages.ts';
import type { Api } from '../api/index.ts';
import { resolved, stateFolder } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { isSame } from '../documents/document.ts';
import { CommandError, usageError, withoutPeriod } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import { findStored, problemOf, type StoredKey } from '../domain/stored-key.ts';
import { harmless, inWords } from '../output/text.ts';
import { relativeTime, timeOfDay } from '../output/time.ts';
import { findProgram } from '../programs/find-program.ts';
import { realPathOf } from '../state/folder.ts';
import { withLock } from '../state/lock.ts';
import { applyFile, changesAnything, checkFiles, diffOf, type PlannedFile, planSettings, planUndo } from './changes.ts';
import { limitsFor, limitsOf, type OfferedModel } from './models.ts';
import { ownCommand } from './own-command.ts';
import { type Backup, type ConnectionRecord, ConnectionRecords, digestOf, type RecordedFile } from './records.ts';
import type { Connection, Place, Snippet, Start, Tool } from './tool.ts';

/** The parts of the context that connecting a tool uses. */
export type ConnectContext = Pick<
  Context,
  'clocks' | 'connections' | 'output' | 'profiles' | 'prompts' | 'result' | 'settings' | 'world'
>;

/** What to connect a tool to. */
export interface ConnectRequest {
  readonly tool: Tool;
  readonly place: Place;
  /** The stored key, by name or ID. */
  readonly key?: string | undefined;
  /** The pool whose stored key to use. */
  readonly pool?: string | undefined;
  readonly model?: string | undefined;
  /** The context window of the model in tokens, if it isn't known. */
  readonly contextWindow?: number | undefined;
}

/** The changes that connect a tool, or undo that. */
export interface ConnectPlan {
  readonly tool: Tool;
  readonly place: Place;
  readonly files: readonly PlannedFile[];
  /** The record of an earlier connection. */
  readonly earlier: ConnectionRecord | undefined;
  /** Undefined if it undoes one. */
  readonly target?: ConnectTarget;
}

/** What a tool is connected to. */
export interface ConnectTarget {
  readonly connection: Connection;
  readonly key: ChosenKey;
  readonly api: Pick<Api, 'inference'>;
  readonly start: Start;
  /** The start as a command for the user's shell. */
  readonly startCommand: string;
  readonly snippets: readonly Snippet[];
  /** Whether a request in the format of the tool was answered before anything was written. */
  readonly isTried: boolean;
}

/** Whether a key and a model work. */
export interface Trial {
  /** Null: it can't be said now, because the key is outside its hours or busy. */
  readonly works: boolean | null;
  /** A sentence for people. */
  readonly detail: string;
  readonly failure?: CommandError;
}

/** Returns the records of the connected tools. */
export function connectionRecords({ world }: Pick<Context, 'world'>): ConnectionRecords {
  return new ConnectionRecords(stateFolder(world.env), world.env);
}

/** Returns the directory that identifies a project; undefined for the settings of the user. */
export function projectOf(place: Place, { world }: Pick<Context, 'world'>): string | undefined {
  return place === 'project' ? realPathOf(resolved('.', world)) : undefined;
}

/** Returns whether the program of a tool is installed; undefined for a library. */
export function isInstalled({ programs }: Tool, { world }: Pick<Context, 'world'>): boolean | undefined {
  return programs.length === 0 ? undefined : programs.some((name) => 'file' in findProgram(name, world));
}

/**
 * Chooses the key and the model, and returns what connecting the tool would change. Changes nothing.
 *
 * @throws CommandError if the key doesn't work or doesn't offer the model, or if a file can't be changed
 */
export async function planConnection(context: ConnectContext, request: ConnectRequest): Promise<ConnectPlan> {
  const { tool, place } = request;
  if (place === 'project' && tool.noProject !== undefined) {
    throw usageError(`${tool.title} has no file for a project`, `${tool.noProject} Leave out --project.`);
  }
  const records = connectionRecords(context);
  const earlier = records.of(tool.name, projectOf(place, context));
  const key = await chooseKey(context, request);
  requireStored(tool, key);
  const api = await context.connections.withApiKey(key.secret);
  const models = await offeredModels(api, request);
  const model = await chooseModel(context, models, request, earlier?.model);
  const keyWords = [...ownCommand(context), 'keys', 'secret', (await nameOf(context, key)) ?? ''];
  const connection: Connection = {
    baseUrl: context.settings.sandbox.value ? servedSandbox : await originOfApi(context.settings),
    model,
    models,
    keyWords,
    keyCommand: keyWords.map(shellWord).join(' '),
    secret: key.secret,
    isPoolKey: key.stored?.keyType === 'subscription',
    now: new Date(context.clocks.wall()),
  };
  const isTried = tool.api === 'responses';
  if (isTried) await requireResponses(api, tool, model);
  const files = tool.files(place, connection, context.world).map((settings) => {
    const recorded = earlier?.files.find(({ file }) => file === settings.file);
    return planSettings(settings, recorded, backupOf(records, earlier, recorded));
  });
  const start = tool.start(
    { model },
    files.map(({ file }) => file),
  );
  return {
    tool,
    place,
    files: [...files, ...abandoned(records, earlier, files)],
    earlier,
    target: {
      connection,
      key,
      api,
      start,
      startCommand: await startCommand(context, { tool, key, start }),
      snippets: tool.snippets?.({ model, baseUrl: connection.baseUrl }) ?? [],
      isTried,
    },
  };
}

/** Returns the changes to files that were written earlier, but no longer are. */
function abandoned(
  records: ConnectionRecords,
  earlier: ConnectionRecord | undefined,
  files: readonly PlannedFile[],
): PlannedFile[] {
  const old = earlier?.files.filter(({ file }) => !files.some((each) => each.file === file)) ?? [];
  return old.map((recorded) => planUndo(recorded, backupOf(records, earlier, recorded)));
}

/** Returns what undoing a connection would change; undefined if the tool isn't connected. @throws CommandError (file_error) */
export function planDisconnection(
  context: Pick<Context, 'world'>,
  { tool, place }: Pick<ConnectRequest, 'tool' | 'place'>,
): ConnectPlan | undefined {
  const records = connectionRecords(context);
  const earlier = records.of(tool.name, projectOf(place, context));
  if (!earlier) return undefined;
  const files = earlier.files.map((recorded) => planUndo(recorded, backupOf(records, earlier, recorded)));
  return { tool, place, files, earlier };
}

/** Returns the changes of a plan as people read them. Secrets are masked. */
export function diffsOf({ files }: ConnectPlan): string {
  return files.map(diffOf).join('');
}

/** Returns whether a plan changes a file. */
export function hasChanges({ files }: ConnectPlan): boolean {
  return files.some(changesAnything);
}

/**
 * Shows a plan, asks for consent if it changes a file, and carries it out.
 *
 * @returns the backups
 * @throws CommandError (declined), (confirmation_required), (file_error)
 */
export async function carryOutPlan(context: ConnectContext, plan: ConnectPlan): Promise<readonly string[]> {
  const { output, prompts } = context;
  const { files, target, tool } = plan;
  const changed = files.filter(changesAnything);
  if (changed.length > 0) {
    prompts.requireConsent();
    if (prompts.asksConsent) {
      output.note(diffsOf(plan).trimEnd());
      if (target && tool.keyFrom === 'file') {
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
function apply(context: ConnectContext, plan: ConnectPlan, changed: readonly PlannedFile[]): readonly string[] {
  const { tool, place, files, earlier, target } = plan;
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
  if (target) {
    const backups: Backup[] = [];
    const recorded = files
      .filter(({ changes, after }) => changes.length > 0 && after !== undefined)
      .map((file) => recordedFile(file, backups));
    const { settings } = context;
    const record: ConnectionRecord = {
      tool: tool.name,
      project,
      ...(settings.sandbox.value ? { sandbox: true } : { profile: settings.profile.value }),
      baseUrl: target.connection.baseUrl,
      model: target.connection.model.id,
      key: target.key.stored && (target.key.stored.name ?? target.key.stored.id),
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
  if (!target && earlier) records.remove(earlier);
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

function backupOf(
  records: ConnectionRecords,
  record: ConnectionRecord | undefined,
  recorded: RecordedFile | undefined,
): string | undefined {
  return record && recorded?.backup !== undefined ? records.backup(record, recorded.backup) : undefined;
}

/** Refuses a key that isn't stored for a tool that takes it from this machine. @throws CommandError (usage) */
function requireStored({ title, keyFrom }: Tool, { stored, secret }: ChosenKey): void {
  if (stored || keyFrom !== 'command') return;
  throw usageError(
    `${title} gets its key with \`ci keys secret\`, but ${masked(secret)} from CHEAPESTINFERENCE_API_KEY isn't stored`,
    'Store it with `ci keys secret NAME --add`, or pass a stored key with --key.',
  );
}

/** Returns the name of a stored key, or its ID if others have that name, too; undefined if it isn't stored. */
async function nameOf(context: ConnectContext, { stored }: ChosenKey): Promise<string | undefined> {
  if (!stored) return undefined;
  const namesakes = (await keyStoreOf(context)).list().filter(({ name }) => name === stored.name);
  return namesakes.length > 1 ? stored.id : (stored.name ?? stored.id);
}

/** Matches the IDs that can be written to all files. They come from the API, and some of the files are scripts. */
const usableId = /^[A-Za-z0-9][\w.:/@+~-]{0,199}$/;

async function offeredModels(
  { inference }: Pick<Api, 'inference'>,
  { model, contextWindow }: ConnectRequest,
): Promise<OfferedModel[]> {
  const { data } = await inference.models();
  const ids = [...new Set(data.map(({ id }) => id))].filter((id) => usableId.test(id));
  const isOnly = ids.length === 1;
  return ids.map((id) => {
    const isMeant = contextWindow !== undefined && (id === model || isOnly);
    return { id, limits: isMeant ? limitsFor(contextWindow) : limitsOf(id) };
  });
}

/** Returns the model that `--model` names, the only one, or the one of the earlier connection. Otherwise, asks. */
async function chooseModel(
  { output, prompts }: ConnectContext,
  models: readonly OfferedModel[],
  { tool, model, contextWindow }: ConnectRequest,
  earlier: string | undefined,
): Promise<OfferedModel> {
  const [only, second] = models;
  const found = models.find(({ id }) => id === model);
  if (model !== undefined && !found) {
    throw usageError(`This key doesn't offer the model "${model}"`, modelsHint(models));
  }
  if (!only) throw new CommandError('unavailable', "This key doesn't offer any model", { outcome: 'not_applied' });
  const chosen =
    found ?? (second ? models.find(({ id }) => id === earlier) : only) ?? (await askModel(prompts, models));
  if (contextWindow !== undefined && chosen.limits?.context !== contextWindow) {
    throw usageError('--context-window needs --model, because this key offers several models', 'Add --model.');
  }
  if (!chosen.limits && tool.withoutLimits !== undefined) {
    const pass = 'pass it with --context-window';
    if (tool.needsLimits) {
      throw usageError(
        `The context window of ${harmless(chosen.id)} isn't known, and ${tool.title} needs it`,
        `Look it up in the documentation of the model, and ${pass}.`,
      );
    }
    output.note(
      `The context window of ${chosen.id} isn't known. Without it, ${tool.withoutLimits}. If you know it, ${pass}.`,
    );
  }
  return chosen;
}

function askModel(prompts: ConnectContext['prompts'], models: readonly OfferedModel[]): Promise<OfferedModel> {
  if (!prompts.canAsk)
    throw usageError('This key offers several models', `Pass one with --model. ${modelsHint(models)}`);
  const choices = models.map((model) => ({ name: model.id, value: model }));
  return prompts.search('Model:', choices, "Can't ask for the model without a terminal. Pass it with --model.");
}

function modelsHint(models: readonly OfferedModel[]): string {
  const shown = models.slice(0, 20).map(({ id }) => id);
  const others = models.length > shown.length ? `, and ${models.length - shown.length} more (\`ci models\`)` : '';
  return models.length === 0 ? "It doesn't offer any." : `It offers ${inWords(shown)}${others}.`;
}

/** Checks that the API has the only endpoint that a tool calls. @throws CommandError (unavailable) if it hasn't */
async function requireResponses(api: Pick<Api, 'inference'>, { title }: Tool, { id }: OfferedModel): Promise<void> {
  try {
    await tryKey(api, id, 'responses');
  } catch (error) {
    if (!(error instanceof CommandError) || ![404, 405, 501].includes(error.status ?? 0)) throw error;
    throw new CommandError('unavailable', `${title} needs /v1/responses, and the API doesn't have it`, {
      hint: 'Nothing was changed. Connect another tool, such as opencode: `ci connect opencode`.',
      status: error.status,
      outcome: 'not_applied',
      cause: error,
    });
  }
}

/** Returns the command that starts a tool with the key. */
async function startCommand(
  context: ConnectContext,
  { tool, key, start }: { readonly tool: Tool; readonly key: ChosenKey; readonly start: Start },
): Promise<string> {
  const { keyFrom } = tool;
  const variables = Object.entries(start.env ?? {}).map(([name, value]) => `${name}=${shellWord(value)} `);
  const words = start.words.map(shellWord).join(' ');
  const isSet = context.world.env.CHEAPESTINFERENCE_API_KEY === key.secret;
  if (keyFrom === 'command' || keyFrom === 'file' || (keyFrom === 'variable' && isSet))
    return variables.join('') + words;
  const format = keyFrom === 'OPENAI_API_KEY' ? 'openai' : keyFrom === 'ANTHROPIC_AUTH_TOKEN' ? 'anthropic' : 'none';
  const option =
    isSet || (await isUsedByDefault(context, key.stored))
      ? ''
      : ` --key ${shellWord((await nameOf(context, key)) ?? '')}`;
  const own = ownCommand(context).map(shellWord).join(' ');
  return `${variables.join('')}${own} run --for ${format}${option} -- ${words}`;
}

/** Returns whether `ci run` uses a stored key without options. */
async function isUsedByDefault(context: ConnectContext, key: StoredKey | undefined): Promise<boolean> {
  if (!key) return false;
  const stored = (await keyStoreOf(context)).list();
  const { defaultKey } = context.profiles.get(context.settings.profile.value) ?? {};
  const byDefault = defaultKey === undefined ? undefined : findStored(stored, defaultKey);
  const [only = byDefault, second] = stored;
  const used = byDefault ?? (second ? undefined : only);
  return used?.id === key.id && used?.name === key.name;
}

/** Sends one real request with the key and the model, unless the key is outside its hours. */
export async function tryConnection(context: ConnectContext, { tool, target }: ConnectPlan): Promise<Trial> {
  if (!target) throw new CommandError('internal', 'no tool was connected');
  const { api, connection, isTried, key } = target;
  const { connections, world } = context;
  const model = harmless(connection.model.id);
  if (isTried) return { works: true, detail: `The key works with ${model}.` };
  const now = await connections.now();
  const problem = key.stored && problemOf(key.stored, now);
  const later = (next: Date): Trial => ({
    works: null,
    detail: `The key works from ${timeOfDay(next, world.timeZone)} local time (${relativeTime(next, now)}), when its hours start.`,
  });
  if (problem?.kind === 'outside hours') return later(problem.next);
  const format: CallFormat = tool.api;
  try {
    const line = await tryKey(api, connection.model.id, format);
    return { works: true, detail: `The key works.${line === '' ? '' : ` ${model} says: ${line}`}` };
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    const next = nextHours(error, now);
    if (next) return later(next);
    const what = withoutPeriod(error.message);
    if (error.code === 'rate_limited')
      return { works: null, detail: `The key is busy with another request, so it couldn't be tried: ${what}.` };
    return { works: false, detail: `A request with the key failed: ${what}.`, failure: error };
  }
}
