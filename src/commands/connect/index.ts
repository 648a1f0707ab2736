import { keyOption, keyPoolOption } from '../../cli/key-options.ts';
import { parseCount } from '../../cli/options.ts';
import { choiceArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { usageError } from '../../domain/errors.ts';
import { nearest } from '../../domain/nearest.ts';
import { inWords } from '../../output/text.ts';
import { carryOutPlan, removeLeftovers } from '../../tools/carry-out.ts';
import {
  type ConnectContext,
  hasChanges,
  installedProgram,
  isConnected,
  planConnection,
  planDisconnection,
} from '../../tools/plan.ts';
import type { Place, Tool } from '../../tools/tool.ts';
import { tools } from '../../tools/tools.ts';
import { tryConnection } from '../../tools/try-connection.ts';
import { list, fields as listFields } from './list.ts';
import { printConnected, printDisconnected, printNotConnected, printPlan, fields as resultFields } from './result.ts';

interface Flags {
  readonly key?: string;
  readonly pool?: string;
  readonly gateway?: true;
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
      fields: [...new Set([...resultFields, ...listFields])],
      changes: true,
      examples: [
        'ci connect',
        'ci connect opencode',
        'ci connect claude-code --pool kimi26 --project',
        'ci connect opencode --gateway',
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
        (typed) => usageError(`"${typed}" is not a tool that can be connected`, hintFor(typed)),
      ),
    )
    .addOption(keyOption())
    .addOption(keyPoolOption())
    .option('--gateway', 'Use all your seats at once, through a gateway')
    .option('--model <id>', 'Model to use by default')
    .option(
      '--context-window <tokens>',
      "Context window of the model, if it isn't known",
      parseCount('--context-window'),
    )
    .option('--project', "Change the tool's settings for this directory instead of your own")
    .option('--dry-run', 'Print the changes without making them')
    .option('--undo', 'Restore the original settings')
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
  checkGateway(options);
  const plan = await planConnection(context, { ...options, tool, place });
  const hadChanges = hasChanges(plan);
  if (hadChanges && tool.keyFrom === 'file') {
    const what = plan.gateway ? 'token of the gateway' : 'key';
    context.output.note(
      `${tool.title} takes the ${what} only in plain text. It will be in a file that only you can read.`,
    );
  }
  if (dryRun) return printPlan(context, plan);
  const isMissing = tool.programs.length > 0 && installedProgram(tool, context) === undefined;
  const { output, prompts, result } = context;
  const noteMissing = () => output.note(`${tool.title} isn't installed on this machine.`);
  // Before the question, but not before an error.
  if (isMissing && prompts.asksConsent) noteMissing();
  const backups = await carryOutPlan(context, plan);
  const trial = await tryConnection(context, plan.attempt);
  if (isMissing && !prompts.asksConsent) noteMissing();
  await printConnected(context, { plan, hadChanges, backups, trial });
  if (trial.failure) result.exitCode = trial.failure.exitCode;
}

/** Returns the tool that may have been meant. */
function hintFor(typed: string): string {
  const [near] = nearest(
    typed,
    tools.map(({ name }) => name),
  );
  return `${near === undefined ? '' : `Did you mean ${near}? `}Run \`ci connect\` to list the tools.`;
}

/** Refuses options that need a tool. @throws CommandError (usage) */
function checkAlone({ tool: _tool, ...flags }: Options): void {
  const [flag] = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (flag !== undefined) throw usageError('No tool was given', 'Pass one, such as `ci connect opencode`.');
}

/** Refuses a key for the gateway, which has all of them. @throws CommandError (usage) */
function checkGateway({ key, pool, gateway }: Options): void {
  const other = key !== undefined ? '--key' : pool !== undefined ? '--pool' : undefined;
  if (gateway && other !== undefined) throw usageError(`--gateway and ${other} can't be combined`, 'Pass one of them.');
}

/** Refuses options that choose what to connect to. @throws CommandError (usage) */
function checkUndo({ key, pool, gateway, model, contextWindow }: Options): void {
  const options = {
    '--key': key,
    '--pool': pool,
    '--gateway': gateway,
    '--model': model,
    '--context-window': contextWindow,
  };
  const [name] = Object.entries(options).flatMap(([each, value]) => (value === undefined ? [] : [each]));
  if (name !== undefined) throw usageError(`--undo and ${name} can't be combined`, 'Pass one of them.');
}

async function disconnect(
  context: ConnectContext,
  { tool, place, dryRun }: { readonly tool: Tool; readonly place: Place; readonly dryRun: true | undefined },
): Promise<void> {
  const plan = planDisconnection(context, { tool, place });
  if (!plan) {
    if (!dryRun) removeLeftovers(context, { tool, place });
    const other: Place = place === 'user' ? 'project' : 'user';
    const isElsewhere = isConnected(context, { tool, place: other });
    return printNotConnected(context, { tool, place, files: [], earlier: undefined }, isElsewhere);
  }
  if (dryRun) return printPlan(context, plan);
  await carryOutPlan(context, plan);
  await printDisconnected(context, plan);
}
