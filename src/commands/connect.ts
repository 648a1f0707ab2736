import { fromHome } from '../account/secrets/destinations.ts';
import { keyOption, keyPoolOption } from '../cli/key-options.ts';
import { parseCount } from '../cli/options.ts';
import { choiceArgument } from '../cli/values.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import { usageError } from '../domain/errors.ts';
import type { Column } from '../output/output.ts';
import { factLines, inWords } from '../output/text.ts';
import { shellLines } from '../output/wrap.ts';
import {
  type ConnectContext,
  type ConnectPlan,
  carryOutPlan,
  diffsOf,
  hasChanges,
  isInstalled,
  planConnection,
  planDisconnection,
  type Trial,
  tryConnection,
} from '../tools/connect.ts';
import { type ConnectedTool, listTools } from '../tools/list.ts';
import type { Place, Tool } from '../tools/tool.ts';
import { tools } from '../tools/tools.ts';

const fields = [
  'tool',
  'status',
  'place',
  'key',
  'model',
  'baseUrl',
  'files',
  'backups',
  'start',
  'works',
  'detail',
  'diff',
  'snippets',
] as const;

interface Flags {
  readonly key?: string;
  readonly pool?: string;
  readonly model?: string;
  readonly contextWindow?: number;
  readonly project?: true;
  readonly dryRun?: true;
  readonly undo?: true;
}

/** Which tool `ci connect` connects, and to what. */
export interface Options extends Flags {
  /** Undefined: list the tools. */
  readonly tool: string | undefined;
}

/** `ci connect`: connects a coding agent or another tool to a key. */
export default function connect(command: Verb, context: Context, execute = run): void {
  const names = tools.map(({ name, title }) => ({ name, description: title }));
  command
    .tell({
      fields: [...new Set([...fields, ...listFields])],
      changes: true,
      examples: [
        'ci connect',
        'ci connect opencode',
        'ci connect claude-code --pool kimi26 --project',
        'ci connect codex --dry-run',
        'ci connect opencode --undo',
      ],
    })
    .addArgument(
      choiceArgument(
        '[tool]',
        `Tool: ${inWords(
          names.map(({ name }) => name),
          'or',
        )}`,
        names,
        (typed) => usageError(`"${typed}" is not a tool that can be connected`, 'Run `ci connect` to list the tools.'),
      ),
    )
    .addOption(keyOption())
    .addOption(keyPoolOption())
    .option('--model <id>', 'Model to use by default')
    .option(
      '--context-window <tokens>',
      "Context window of the model, if it isn't known",
      parseCount('--context-window'),
    )
    .option('--project', "Change this directory's settings of the tool instead of yours")
    .option('--dry-run', 'Print the changes without making them')
    .option('--undo', 'Give back the settings as they were')
    .action((tool: string | undefined, flags: Flags) => execute({ tool, ...flags }, context));
}

/** Connects a tool, undoes that, or lists the tools. */
export async function run(options: Options, context: ConnectContext): Promise<void> {
  const { tool: name, undo, project, dryRun } = options;
  const tool = tools.find((each) => each.name === name);
  if (!tool) {
    checkAlone(options);
    return list(context);
  }
  if (options.model?.trim() === '') throw usageError('--model is empty', 'Run `ci models` to see the models of a key.');
  const place: Place = project ? 'project' : 'user';
  if (undo) {
    checkUndo(options);
    return disconnect(context, { tool, place, dryRun });
  }
  const plan = await planConnection(context, { ...options, tool, place });
  if (dryRun) return printPlan(context, plan);
  const hadChanges = hasChanges(plan);
  const backups = await carryOutPlan(context, plan);
  const trial = await tryConnection(context, plan);
  await printConnected(context, { plan, hadChanges, backups, trial });
  if (trial.failure) context.result.exitCode = trial.failure.exitCode;
}

/** Refuses options that need a tool. @throws CommandError (usage) */
function checkAlone({ tool: _tool, ...flags }: Options): void {
  const [flag] = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (flag !== undefined) throw usageError('No tool was given', 'Pass one, such as `ci connect opencode`.');
}

/** Refuses options that choose what to connect to. @throws CommandError (usage) */
function checkUndo({ key, pool, model, contextWindow }: Options): void {
  const options = { '--key': key, '--pool': pool, '--model': model, '--context-window': contextWindow };
  const [name] = Object.entries(options).flatMap(([each, value]) => (value === undefined ? [] : [each]));
  if (name !== undefined) throw usageError(`--undo and ${name} can't be combined`, 'Pass one of them.');
}

/** The result of `ci connect TOOL`. */
interface Result {
  readonly tool: string;
  readonly status: 'connected' | 'unchanged' | 'planned' | 'disconnected' | 'not connected';
  readonly place: Place;
  readonly key: string | null;
  readonly model: string | null;
  readonly baseUrl: string | null;
  readonly files: readonly string[];
  readonly backups: readonly string[];
  readonly start: string | null;
  readonly works: boolean | null;
  readonly detail: string | null;
  readonly diff: string | null;
  readonly snippets: readonly { readonly language: string; readonly code: string }[];
}

function resultOf({ tool, place, files, target, earlier }: ConnectPlan, status: Result['status']): Result {
  const stored = target?.key.stored;
  return {
    tool: tool.name,
    status,
    place,
    key: (target ? (stored?.name ?? stored?.id) : earlier?.key) ?? null,
    model: target?.connection.model.id ?? earlier?.model ?? null,
    baseUrl: target?.connection.baseUrl ?? earlier?.baseUrl ?? null,
    files: files.map(({ file }) => file),
    backups: [],
    start: target?.startCommand ?? null,
    works: null,
    detail: null,
    diff: null,
    snippets: target?.snippets ?? [],
  };
}

/** Prints what would be changed: a diff for people and pipes. */
async function printPlan({ output }: Pick<Context, 'output'>, plan: ConnectPlan): Promise<void> {
  const diff = diffsOf(plan);
  if (output.format !== undefined && output.format !== 'table')
    return output.record({ ...resultOf(plan, 'planned'), diff }, { fields });
  if (diff === '') output.note(`Nothing would change: ${plan.tool.title} is set up like this already.`);
  for (const line of diff.trimEnd().split('\n')) if (diff !== '') output.line(line);
}

async function disconnect(
  context: ConnectContext,
  { tool, place, dryRun }: { readonly tool: Tool; readonly place: Place; readonly dryRun: true | undefined },
): Promise<void> {
  const { output } = context;
  const plan = planDisconnection(context, { tool, place });
  if (!plan) {
    output.done(`${tool.title} isn't connected${inProject(place)}. Nothing was changed.`);
    return output.record(resultOf({ tool, place, files: [], earlier: undefined }, 'not connected'), layout(''));
  }
  if (dryRun) return printPlan(context, plan);
  await carryOutPlan(context, plan);
  output.done(`${tool.title} is no longer connected${inProject(place)}.`);
  await output.record(resultOf(plan, 'disconnected'), layout(shownFiles(context, plan)));
}

function inProject(place: Place): string {
  return place === 'project' ? ' in this directory' : '';
}

function shownFiles({ world }: Pick<Context, 'world'>, { files }: ConnectPlan): string {
  return factLines(files.map(({ file }, at) => [at === 0 ? 'Files' : '', fromHome(file, world.env.HOME)]));
}

/** Returns how a result is printed. @param drawing - for people */
function layout(drawing: string) {
  return { fields, columns, drawing: () => drawing };
}

const columns: readonly Column<Result>[] = [
  { field: 'tool', header: 'Tool', value: (row) => row.tool },
  { field: 'status', header: 'Status', value: (row) => row.status },
  { field: 'place', header: 'Place', value: (row) => row.place },
  { field: 'key', header: 'Key', value: (row) => row.key },
  { field: 'model', header: 'Model', value: (row) => row.model },
  { field: 'baseUrl', header: 'Base URL', value: (row) => row.baseUrl },
  { field: 'files', header: 'Files', value: (row) => row.files.join(',') },
  { field: 'backups', header: 'Backups', value: (row) => row.backups.join(',') },
  { field: 'start', header: 'Start', value: (row) => row.start },
  { field: 'works', header: 'Works', value: (row) => row.works },
  { field: 'detail', header: 'Detail', value: (row) => row.detail },
];

async function printConnected(
  context: ConnectContext,
  {
    plan,
    hadChanges,
    backups,
    trial,
  }: {
    readonly plan: ConnectPlan;
    readonly hadChanges: boolean;
    readonly backups: readonly string[];
    readonly trial: Trial;
  },
): Promise<void> {
  const { output, settings, world } = context;
  const { tool, target } = plan;
  const isLibrary = tool.programs.length === 0;
  const result: Result = {
    ...resultOf(plan, hadChanges || isLibrary ? 'connected' : 'unchanged'),
    backups,
    works: trial.works,
    detail: trial.detail,
  };
  if (isInstalled(tool, context) === false) output.note(`${tool.title} isn't installed on this machine.`);
  if (settings.sandbox.value)
    output.note('Programs can reach the sandbox while `ci sandbox serve` runs in another terminal.');
  const key = result.key === null ? '' : ` with key "${result.key}"`;
  await output.record(result, {
    fields,
    columns,
    drawing: (style, clean) => {
      const mark = trial.works === false ? style.bad('✗') : trial.works ? style.good('✓') : style.warning('!');
      if (isLibrary) {
        const code = clean.snippets.map(({ language, code: text }) => `${style.bold(language)}\n${text}\n`).join('');
        return `${code}${startText(context, clean.start ?? '')}${mark} ${clean.detail}\n`;
      }
      const facts = factLines([
        ...clean.files.map((file, at): [string, string] => [
          at === 0 ? 'Settings' : '',
          fromHome(file, world.env.HOME),
        ]),
        ...clean.backups.map((file, at): [string, string] => [
          at === 0 ? 'Backup' : '',
          fromHome(file, world.env.HOME),
        ]),
      ]);
      const what = hadChanges ? 'uses' : 'already uses';
      const note = target?.start.note === undefined ? '' : `${target.start.note}\n`;
      return `${style.good('✓')} ${tool.title} ${what} ${clean.model}${key}.\n${facts}\n${mark} ${clean.detail}\n\n${startText(context, clean.start ?? '')}${note}`;
    },
  });
}

function startText({ output }: Pick<Context, 'output'>, command: string): string {
  return `Start it with:\n${shellLines(command, output.width)}\n`;
}

const listFields = ['tool', 'title', 'installed', 'connected', 'place', 'model', 'key', 'files', 'problem'] as const;

async function list(context: ConnectContext): Promise<void> {
  const { output } = context;
  await output.list(listTools(context), { columns: listColumns, fields: listFields, empty: '' });
  if (output.isForPeople) output.note('\nConnect one with `ci connect TOOL`.');
}

const listColumns: readonly Column<ConnectedTool>[] = [
  { field: 'tool', header: 'TOOL', value: (row) => row.tool },
  {
    field: 'installed',
    header: 'INSTALLED',
    value: (row) => row.installed,
    show: ({ installed }, style) => (installed === null ? '' : installed ? style.good('yes') : style.dim('no')),
  },
  {
    field: 'connected',
    header: 'CONNECTED',
    value: (row) => row.connected,
    show: ({ connected, problem }, style) =>
      problem !== null ? style.warning(problem) : connected ? style.good('yes') : style.dim('no'),
  },
  { field: 'model', header: 'MODEL', value: (row) => row.model, optional: 2 },
  { field: 'key', header: 'KEY', value: (row) => row.key, optional: 1 },
  { field: 'place', header: 'PLACE', value: (row) => row.place, optional: 3 },
  { field: 'files', header: 'FILES', value: (row) => row.files.join(','), audience: 'programs' },
];
