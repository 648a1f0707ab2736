import { fromHome } from '../../account/secrets/destinations.ts';
import { serveSandboxNote } from '../../account/web-pages.ts';
import type { Context } from '../../context/context.ts';
import { addressText, defaultAddress } from '../../gateway/address.ts';
import type { Column, Layout } from '../../output/output.ts';
import type { Style } from '../../output/style.ts';
import { factLines } from '../../output/text.ts';
import { shellLines } from '../../output/wrap.ts';
import type { ConnectionPlan, Plan } from '../../tools/plan.ts';
import { diffsOf } from '../../tools/plan.ts';
import { startLabel } from '../../tools/start-command.ts';
import type { Place, Snippet } from '../../tools/tool.ts';
import type { Trial } from '../../tools/try-connection.ts';

export const fields = [
  'tool',
  'status',
  'place',
  'key',
  'gateway',
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

/** The result of connecting a tool, or of undoing that. */
interface Result {
  readonly tool: string;
  readonly status: 'connected' | 'unchanged' | 'planned' | 'disconnected' | 'not connected';
  readonly place: Place;
  readonly key: string | null;
  /** Whether it uses the gateway instead of one key. */
  readonly gateway: boolean;
  readonly model: string | null;
  readonly baseUrl: string | null;
  readonly files: readonly string[];
  readonly backups: readonly string[];
  /** The command that starts the tool. */
  readonly start: string | null;
  /** Null: it wasn't tried, or couldn't be. */
  readonly works: boolean | null;
  readonly detail: string | null;
  readonly diff: string | null;
  readonly snippets: readonly Snippet[];
}

type ResultContext = Pick<Context, 'output' | 'settings' | 'world'>;

const columns: readonly Column<Result>[] = [
  { field: 'tool', header: 'Tool', value: (row) => row.tool },
  { field: 'status', header: 'Status', value: (row) => row.status },
  { field: 'place', header: 'Place', value: (row) => row.place },
  { field: 'key', header: 'Key', value: (row) => row.key },
  { field: 'gateway', header: 'Gateway', value: (row) => row.gateway },
  { field: 'model', header: 'Model', value: (row) => row.model },
  { field: 'baseUrl', header: 'Base URL', value: (row) => row.baseUrl },
  { field: 'files', header: 'Files', value: (row) => row.files.join(',') },
  { field: 'backups', header: 'Backups', value: (row) => row.backups.join(',') },
  { field: 'start', header: 'Start', value: (row) => row.start },
  { field: 'works', header: 'Works', value: (row) => row.works },
  { field: 'detail', header: 'Detail', value: (row) => row.detail },
];

const layout: Layout<Result> = { fields, columns };

function undone({ tool, place, files, earlier }: Plan, status: Result['status']): Result {
  return {
    tool: tool.name,
    status,
    place,
    key: earlier?.key?.name ?? earlier?.key?.id ?? null,
    gateway: earlier?.gateway === true,
    model: earlier?.model ?? null,
    baseUrl: earlier?.baseUrl ?? null,
    files: files.map(({ file }) => file),
    backups: [],
    start: null,
    works: null,
    detail: null,
    diff: null,
    snippets: [],
  };
}

function connected(plan: ConnectionPlan, status: Result['status']): Result {
  const { connection, gateway, key, snippets, startCommand } = plan;
  return {
    ...undone(plan, status),
    key: key.stored?.name ?? key.stored?.id ?? null,
    gateway,
    model: connection.model.id,
    baseUrl: connection.baseUrl,
    start: startCommand,
    snippets,
  };
}

/** Prints what a plan would change: a diff, unless another format was chosen. */
export async function printPlan({ output }: ResultContext, plan: Plan | ConnectionPlan): Promise<void> {
  const diff = diffsOf(plan);
  if (output.format !== undefined && output.format !== 'table') {
    const result = 'connection' in plan ? connected(plan, 'planned') : undone(plan, 'planned');
    return output.record({ ...result, diff }, layout);
  }
  if (diff === '') output.note('Nothing would change.');
  else for (const line of diff.trimEnd().split('\n')) output.line(line);
}

/** Prints that a tool isn't connected, so that nothing had to be undone. @param isElsewhere - whether it is in the other place */
export async function printNotConnected({ output }: ResultContext, plan: Plan, isElsewhere: boolean): Promise<void> {
  const title = `${plan.tool.title} isn't connected${inProject(plan)}. Nothing was changed.\n`;
  if (isElsewhere) {
    output.note(
      plan.place === 'user'
        ? `${plan.tool.title} is connected in this directory. Add --project.`
        : `${plan.tool.title} is connected in your own settings. Leave out --project.`,
    );
  }
  await output.record(undone(plan, 'not connected'), { ...layout, drawing: () => title });
}

/** Prints that a tool was disconnected. */
export async function printDisconnected({ output, world }: ResultContext, plan: Plan): Promise<void> {
  await output.record(undone(plan, 'disconnected'), {
    ...layout,
    drawing: (style, { files }) =>
      `${style.good('✓')} ${plan.tool.title} is no longer connected${inProject(plan)}.\n${paths({ Settings: files }, world.env.HOME)}\n`,
  });
}

function inProject({ place }: Plan): string {
  return place === 'project' ? ' in this directory' : '';
}

/** What was done to connect a tool. */
interface Done {
  readonly plan: ConnectionPlan;
  readonly hadChanges: boolean;
  readonly backups: readonly string[];
  readonly trial: Trial;
}

/** Prints that a tool is connected, whether the key works, and how to start it. For a library, prints source code. */
export async function printConnected(
  context: ResultContext,
  { plan, hadChanges, backups, trial }: Done,
): Promise<void> {
  const { output, settings } = context;
  const { tool } = plan;
  const { works, detail } = trial;
  const result = { ...connected(plan, hadChanges ? 'connected' : 'unchanged'), backups, works, detail };
  if (settings.sandbox.value && !plan.gateway && !output.isForPeople) output.note(serveSandboxNote);
  if (tool.snippets) await printSnippets(context, result);
  else await printSettings(context, { plan, hadChanges, result });
  if (plan.gateway) noteUnusualAddress(context, plan);
}

/** Prints which settings of a tool were changed. */
async function printSettings(
  context: ResultContext,
  { plan, hadChanges, result }: Pick<Done, 'plan' | 'hadChanges'> & { readonly result: Result },
): Promise<void> {
  const { output, world } = context;
  const { tool, start } = plan;
  await output.record(result, {
    ...layout,
    drawing: (style, clean) => {
      const key = clean.gateway ? ' through the gateway' : clean.key === null ? '' : ` with key "${clean.key}"`;
      const lines = [
        `${style.good('✓')} ${tool.title} ${hadChanges ? 'uses' : 'already uses'} ${clean.model}${key}.`,
        paths({ Settings: clean.files, Backup: clean.backups }, world.env.HOME),
        trialLine(style, clean),
        ...(clean.works === false ? [`To undo the changes, run \`ci connect ${tool.name} --undo\`.`] : []),
        '',
        ...(start.note === undefined ? [] : [start.note]),
        startText(context, clean),
      ];
      return `${lines.join('\n')}\n`;
    },
  });
}

/** Says that `ci run --gateway` wouldn't start the gateway where the tool expects it. */
function noteUnusualAddress({ output }: Pick<ResultContext, 'output'>, { tool, connection }: ConnectionPlan): void {
  const usual = `http://${addressText(defaultAddress)}`;
  const { baseUrl } = connection;
  if (baseUrl === usual) return;
  output.note(
    `${tool.title} uses the gateway at ${baseUrl}, but \`ci run --gateway\` starts one at ${usual} if none is running. Start yours again with the same options before you start ${tool.title}.`,
  );
}

/** Prints source code, which is the result for a library also in a pipe. */
async function printSnippets(context: ResultContext, result: Result): Promise<void> {
  const { output } = context;
  if (output.format !== undefined && output.format !== 'table') return output.record(result, layout);
  await output.loadStyle();
  const { style } = output;
  const code = result.snippets.map((snippet) => `${style.bold(`# ${snippet.language}`)}\n${snippet.code}`).join('\n');
  output.raw(code);
  output.note(`\n${trialLine(style, result)}\n${startText(context, result)}`);
}

function trialLine(style: Style, { works, detail }: Pick<Result, 'works' | 'detail'>): string {
  const mark = works === null ? style.warning('!') : works ? style.good('✓') : style.bad('✗');
  return `${mark} ${detail}`;
}

function startText({ output, settings }: ResultContext, { start, gateway }: Pick<Result, 'start' | 'gateway'>): string {
  return `${startLabel({ settings }, gateway)}\n${shellLines(start ?? '', output.width)}`;
}

function paths(labeled: Readonly<Record<string, readonly string[]>>, home: string | undefined): string {
  const facts = Object.entries(labeled).flatMap(([label, files]) =>
    files.map((file, at): [string, string] => [at === 0 ? label : '', fromHome(file, home)]),
  );
  return factLines(facts);
}
