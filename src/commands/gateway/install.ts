import { serviceCommand } from '../../account/own-command.ts';
import { fromHome } from '../../account/secrets/destinations.ts';
import { installedUnit, removeUnit, systemctl, unitFile, writeUnit } from '../../account/user-units.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError, usageError } from '../../domain/errors.ts';
import { unitName, unitText } from '../../gateway/systemd.ts';
import { addServeOptions, type ServeFlags, serveArguments, serveOptionsOf } from './options.ts';

const fields = ['status', 'unit', 'file', 'running', 'problem', 'text'] as const;

/** How the gateway is installed, or that it is removed. */
export interface Options extends ServeFlags {
  readonly dryRun?: true;
  readonly undo?: true;
}

type InstallContext = Pick<Context, 'output' | 'profiles' | 'prompts' | 'result' | 'settings' | 'world'>;

/** The result of installing or removing the service. */
interface Result {
  readonly status: 'installed' | 'unchanged' | 'planned' | 'removed' | 'not installed';
  readonly unit: string;
  readonly file: string;
  /** Null: it isn't known. */
  readonly running: boolean | null;
  /** Why systemd didn't start it. */
  readonly problem: string | null;
  readonly text: string | null;
}

/** `ci gateway install`: starts the gateway with the user's session. */
export default function install(command: Verb, context: Context, execute = run): void {
  command.tell({
    fields,
    local: true,
    exits: [4, 6],
    examples: ['ci gateway install', 'ci gateway install --outside wait --dry-run', 'ci gateway install --undo'],
  });
  addServeOptions(command)
    .option('--dry-run', 'Print the systemd unit without installing it')
    .option('--undo', 'Stop the service and remove it')
    .action((options: Options) => execute(options, context));
}

/** Installs the gateway as a user service of systemd, or removes it. */
export async function run({ dryRun, undo, ...flags }: Options, context: InstallContext): Promise<void> {
  const { output, prompts, world } = context;
  if (dryRun && undo) throw usageError("--dry-run and --undo can't be combined", 'Pass one of them.');
  const file = unitFile(world.env, unitName);
  const result: Result = { status: 'planned', unit: unitName, file, running: null, problem: null, text: null };
  if (undo) return remove(context, result);
  const command = serviceCommand(context, { title: 'The service' });
  const options = serveOptionsOf(flags, world);
  const words = [...command, 'gateway', ...serveArguments(options, world), '--quiet'];
  const text = unitText(words, { env: world.env, drain: options.drain });
  if (dryRun) {
    if (output.format === undefined || output.format === 'table') return output.raw(text);
    return print(context, { ...result, text });
  }
  requireSystemd(context);
  const proxy = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((name) => world.env[name]);
  if (proxy !== undefined) output.note(`The service doesn't use the proxy in ${proxy}, which may have a password.`);
  const before = installedUnit(file);
  if (before !== text) {
    prompts.requireConsent();
    output.note(`Writes ${fromHome(file, world.env.HOME)}:\n\n${text}`);
    await prompts.consent('Install this service, and start it now?');
    writeUnit(file, text, world.env);
  }
  const problem =
    (await systemctl(world, 'daemon-reload')) ??
    (await systemctl(world, 'enable', unitName)) ??
    (await systemctl(world, before === text ? 'start' : 'restart', unitName)) ??
    null;
  if (problem !== null) context.result.exitCode = 1;
  await print(context, {
    ...result,
    status: before === text ? 'unchanged' : 'installed',
    running: problem === null,
    problem,
    text,
  });
}

async function remove(context: InstallContext, result: Result): Promise<void> {
  const { output, prompts, world } = context;
  const { file } = result;
  if (installedUnit(file) === undefined) {
    output.note("The service isn't installed. Nothing was changed.");
    return print(context, { ...result, status: 'not installed' });
  }
  prompts.requireConsent();
  await prompts.consent(`Stop the service, and remove ${fromHome(file, world.env.HOME)}?`);
  const problem = (await systemctl(world, 'disable', '--now', unitName)) ?? null;
  if (problem !== null) context.result.exitCode = 1;
  removeUnit(file);
  await systemctl(world, 'daemon-reload');
  await print(context, { ...result, status: 'removed', running: problem === null ? false : null, problem });
}

/** Refuses a system without systemd. @throws CommandError (unavailable) */
function requireSystemd({ world }: InstallContext): void {
  if (process.platform === 'linux' && world.env.PATH !== undefined) return;
  throw new CommandError('unavailable', 'Services are installed with systemd, which this system lacks', {
    hint: 'Start the gateway in the background with `ci gateway --background`.',
    outcome: 'not_applied',
  });
}

async function print({ output, world }: InstallContext, result: Result): Promise<void> {
  const columns = fields.map((field) => ({ field, header: field, value: (row: Result) => row[field] }));
  await output.record(result, {
    fields,
    columns: columns.filter(({ field }) => field !== 'text'),
    drawing: (style, { status, file, problem }) => {
      const shown = fromHome(file, world.env.HOME);
      if (status === 'not installed') return '';
      if (status === 'removed') {
        const stopped = problem === null ? '' : `${style.warning('!')} systemd didn't stop it: ${problem}\n`;
        return `${style.good('✓')} The service is removed: ${shown}\n${stopped}`;
      }
      const done = `${style.good('✓')} The service is installed: ${shown}\n`;
      if (problem === null) return `${done}${style.good('✓')} It is running, and starts when you log in.\n`;
      return `${done}${style.warning('!')} systemd didn't start it: ${problem}\nTo start it, run \`systemctl --user enable --now ${unitName}\`.\n`;
    },
  });
}
