import { keyCommand } from '../account/own-command.ts';
import { type ChosenKey, chooseKey } from '../account/stored-keys/choose.ts';
import { keyStoreOf, originOfApi } from '../account/stored-keys/store.ts';
import { servedSandbox } from '../account/web-pages.ts';
import { resolved, stateFolder } from '../config/folders.ts';
import type { Context } from '../context/context.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { masked } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import type { UsedGateway } from '../gateway/shared-gateway.ts';
import { findProgram } from '../programs/find-program.ts';
import { realPathOf } from '../state/folder.ts';
import { changesAnything, diffOf, type PlannedFile, planSettings, planUndo } from './changes.ts';
import { chooseModel, type ModelChoice, offeredModels } from './choose-model.ts';
import { type ConnectionRecord, ConnectionRecords, type RecordedFile } from './records.ts';
import { gatewayStart, keyNameIn, startCommand } from './start-command.ts';
import type { Connection, FileSettings, Place, Snippet, Start, Tool } from './tool.ts';
import { type Attempt, requireResponses } from './try-connection.ts';

/** The parts of the context that connecting a tool uses. */
export type ConnectContext = Pick<
  Context,
  'api' | 'clocks' | 'connections' | 'output' | 'profiles' | 'prompts' | 'record' | 'result' | 'settings' | 'world'
>;

/** What to connect a tool to. */
export interface ConnectRequest extends ModelChoice {
  readonly tool: Tool;
  readonly place: Place;
  /** The stored key, by name or ID. */
  readonly key?: string | undefined;
  /** The pool whose stored key to use. */
  readonly pool?: string | undefined;
  /** Whether to use the gateway instead of one key. */
  readonly gateway?: boolean | undefined;
}

/** The changes that connect a tool, or undo that. */
export interface Plan {
  readonly tool: Tool;
  readonly place: Place;
  readonly files: readonly PlannedFile[];
  /** The record of an earlier connection. */
  readonly earlier: ConnectionRecord | undefined;
}

/** The changes that connect a tool. */
export interface ConnectionPlan extends Plan {
  readonly connection: Connection;
  /** The context window that the user passed, now or earlier, in tokens. */
  readonly contextWindow: number | undefined;
  /** Whether it uses the gateway. The key is then its token. */
  readonly gateway: boolean;
  readonly key: ChosenKey;
  readonly start: Start;
  /** The start as a command for the user's shell. */
  readonly startCommand: string;
  readonly snippets: readonly Snippet[];
  /** The request that shows whether it works. */
  readonly attempt: Attempt;
}

/** Returns the records of the connected tools. */
export function connectionRecords({ world }: Pick<Context, 'world'>): ConnectionRecords {
  return new ConnectionRecords(stateFolder(world.env), world.env);
}

/** Returns the directory that identifies a project; undefined for the settings of the user. */
export function projectOf(place: Place, { world }: Pick<Context, 'world'>): string | undefined {
  return place === 'project' ? realPathOf(resolved('.', world)) : undefined;
}

/** Returns the program of a tool that is installed; undefined if none is. */
export function installedProgram({ programs }: Tool, { world }: Pick<Context, 'world'>): string | undefined {
  return programs.find((name) => 'file' in findProgram(name, world));
}

/**
 * Chooses the key and the model, and returns what connecting the tool would change. Changes nothing, and sends only requests that cost
 * nothing. Without options, a tool that is connected keeps its key and its model.
 *
 * @throws CommandError if the key doesn't work or doesn't offer the model, or if a file can't be changed
 */
export async function planConnection(context: ConnectContext, request: ConnectRequest): Promise<ConnectionPlan> {
  const { tool, place } = request;
  if (place === 'project' && tool.noProject !== undefined) {
    throw usageError(`${tool.title} has no file for a project`, `${tool.noProject} Leave out --project.`);
  }
  const records = connectionRecords(context);
  const earlier = records.of(tool.name, projectOf(place, context));
  const gateway = usesGateway(request, earlier) ? await leasedGateway(context) : undefined;
  const key = gateway ? { secret: gateway.token, stored: undefined } : await chosenKey(context, request, earlier);
  const api = gateway
    ? await context.connections.throughGateway(gateway)
    : await context.connections.withApiKey(key.secret);
  const choice = modelChoice(request, earlier);
  const models = await offeredModels(context, { api, stored: key.stored }, choice);
  const model = await chooseModel(context, models, { ...choice, tool, earlier: earlier?.model });
  const connection = await connectionTo(context, { tool, key, model, models, gateway });
  if (tool.api === 'responses') await requireResponses(api, tool);
  const wanted = tool.files(place, connection, context.world);
  if (place === 'project') refuseOwnFiles(wanted, tool.files('user', connection, context.world));
  const files = wanted.map((settings) => {
    const recorded = earlier?.files.find((each) => isSameFile(each, settings));
    return planSettings(settings, recorded, backupOf(records, earlier, recorded));
  });
  const program = installedProgram(tool, context) ?? tool.programs[0] ?? '';
  const start = tool.start({ program, model: model.id, files: files.map(({ file }) => file) });
  return {
    tool,
    place,
    files: [...files, ...abandoned(records, earlier, files)],
    earlier,
    connection,
    contextWindow: choice.contextWindow,
    gateway: gateway !== undefined,
    key,
    start,
    startCommand: gateway ? gatewayStart(context, { tool, start }) : await startCommand(context, { tool, key, start }),
    snippets: tool.snippets?.({ model, baseUrl: connection.baseUrl }) ?? [],
    attempt: { tool, api, model: model.id, stored: key.stored, gateway: gateway !== undefined },
  };
}

/** Returns whether to use the gateway: if the user says so, or a tool that already uses it is connected again. */
function usesGateway({ key, pool, gateway }: ConnectRequest, earlier: ConnectionRecord | undefined): boolean {
  return gateway ?? (earlier?.gateway === true && key === undefined && pool === undefined);
}

/** Uses the gateway until the end of the command. */
async function leasedGateway(context: ConnectContext): Promise<UsedGateway> {
  const { useGateway } = await import('../gateway/shared-gateway.ts');
  const gateway = await useGateway(context);
  context.connections.closeAtEnd({ close: async () => gateway.close() });
  return gateway;
}

/** Returns the key that a tool is to use. @throws CommandError */
async function chosenKey(
  context: ConnectContext,
  request: ConnectRequest,
  earlier: ConnectionRecord | undefined,
): Promise<ChosenKey> {
  const key = await chooseKey(context, await keyChoice(context, request, earlier));
  requireStored(request.tool, key);
  return key;
}

/** Refuses a project whose files are those of the user, as in the home directory. @throws CommandError (usage) */
function refuseOwnFiles(files: readonly FileSettings[], own: readonly FileSettings[]): void {
  const same = files.find((file) => own.some((each) => isSameFile(each, file)));
  if (same) throw usageError(`${same.file} has your own settings, not those of a project`, 'Leave out --project.');
}

/** Returns which key to use: the one of the earlier connection if no other is named and it is still stored. */
async function keyChoice(
  context: ConnectContext,
  { key, pool }: ConnectRequest,
  earlier: ConnectionRecord | undefined,
): Promise<Pick<ConnectRequest, 'key' | 'pool'>> {
  const { id, name } = earlier?.key ?? {};
  const before = id ?? name;
  if (key !== undefined || pool !== undefined || before === undefined) return { key, pool };
  const stored = (await keyStoreOf(context)).list();
  return { key: stored.some((each) => each.id === id && each.name === name) ? before : undefined };
}

/** Returns which model to use. A context window that the user passed earlier belongs to the model of then. */
function modelChoice({ model, contextWindow }: ConnectRequest, earlier: ConnectionRecord | undefined): ModelChoice {
  const isSame = model === undefined || model === earlier?.model;
  if (contextWindow !== undefined || !isSame || earlier?.contextWindow === undefined) return { model, contextWindow };
  return { model: earlier.model, contextWindow: earlier.contextWindow };
}

async function connectionTo(
  context: ConnectContext,
  {
    tool,
    key,
    model,
    models,
    gateway,
  }: Pick<Connection, 'model' | 'models'> &
    Pick<ConnectionPlan, 'tool' | 'key'> & { readonly gateway: UsedGateway | undefined },
): Promise<Connection> {
  const { clocks, settings } = context;
  const name = keyNameIn(await keyStoreOf(context), key) ?? '';
  const command = gateway ? ['gateway', 'token', ...gateway.tokenOptions] : ['keys', 'secret', name];
  const keyWords = tool.keyFrom === 'command' ? keyCommand(context, { command, title: tool.title }) : [];
  return {
    baseUrl: gateway?.url ?? (settings.sandbox.value ? servedSandbox : await originOfApi(settings)),
    model,
    models,
    keyWords,
    keyCommand: keyWords.map(shellWord).join(' '),
    secret: key.secret,
    isPoolKey: key.stored?.keyType === 'subscription',
    now: new Date(clocks.wall()),
  };
}

/** Returns the changes to files that were written earlier, but no longer are. */
function abandoned(
  records: ConnectionRecords,
  earlier: ConnectionRecord | undefined,
  files: readonly PlannedFile[],
): PlannedFile[] {
  const old = earlier?.files.filter((recorded) => !files.some((each) => isSameFile(each, recorded))) ?? [];
  return old.map((recorded) => planUndo(recorded, backupOf(records, earlier, recorded)));
}

/** Returns whether two paths lead to the same file, maybe through links. */
function isSameFile(a: { readonly file: string }, b: { readonly file: string }): boolean {
  return a.file === b.file || realPathOf(a.file) === realPathOf(b.file);
}

/** Returns what undoing a connection would change; undefined if the tool isn't connected. @throws CommandError (file_error) */
export function planDisconnection(
  context: Pick<Context, 'world'>,
  { tool, place }: Pick<ConnectRequest, 'tool' | 'place'>,
): Plan | undefined {
  const records = connectionRecords(context);
  const earlier = records.of(tool.name, projectOf(place, context));
  if (!earlier) return undefined;
  const files = earlier.files.map((recorded) => planUndo(recorded, backupOf(records, earlier, recorded)));
  return { tool, place, files, earlier };
}

/** Returns whether a tool is connected in a place, as far as is known. */
export function isConnected(
  context: Pick<Context, 'world'>,
  { tool, place }: Pick<ConnectRequest, 'tool' | 'place'>,
): boolean {
  try {
    return connectionRecords(context).of(tool.name, projectOf(place, context)) !== undefined;
  } catch (error) {
    // The working directory was removed, or the record is damaged.
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** Returns the changes of a plan as people read them. Secrets are masked. */
export function diffsOf({ files }: Plan): string {
  return files.map(diffOf).join('');
}

/** Returns whether a plan changes a file. */
export function hasChanges({ files }: Plan): boolean {
  return files.some(changesAnything);
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
