import { takeSnapshot } from '../../account/usage/take-snapshot.ts';
import { type Scheduler, schedulers } from '../../account/usage/timer/timer.ts';
import { choiceOption } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { usageError } from '../../domain/errors.ts';
import { timerFields } from './timer-fields.ts';
import { utcMinute } from './times.ts';

const snapshotFields = ['status', 'time', 'keys', 'cached', 'requestsLeft', 'file'] as const;

/** The result of a snapshot. */
interface Result {
  readonly status: 'stored' | 'unchanged';
  /** When the API counted. */
  readonly time: string;
  readonly keys: number;
  readonly cached: boolean;
  readonly requestsLeft: number;
  readonly file: string;
}

/** Whether `ci usage snapshot` takes a snapshot, or installs or removes the timer that does. */
export interface Options {
  readonly install?: true;
  readonly uninstall?: true;
  readonly timer?: Scheduler;
  readonly dryRun?: true;
}

type SnapshotContext = Pick<
  Context,
  'api' | 'clocks' | 'connections' | 'output' | 'profiles' | 'prompts' | 'record' | 'result' | 'settings' | 'world'
>;

/** `ci usage snapshot`: stores the usage of all keys as it is now. */
export default function snapshot(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields: [...new Set([...snapshotFields, ...timerFields])],
      examples: [
        'ci usage snapshot',
        'ci usage snapshot --install',
        'ci usage snapshot --install --timer cron --dry-run',
        'ci usage snapshot --uninstall',
      ],
    })
    .option('--install', 'Take snapshots regularly, with a timer')
    .option('--uninstall', 'Remove the timer')
    .addOption(choiceOption('--timer <kind>', 'With --install, the kind of timer: systemd or cron', schedulers))
    .option('--dry-run', 'With --install, print the timer without installing it')
    .action((options: Options) => execute(options, context));
}

/** Takes a snapshot, or installs or removes the timer. */
export async function run(options: Options, context: SnapshotContext): Promise<void> {
  const { install, uninstall, timer, dryRun } = options;
  if (install && uninstall) throw usageError("--install and --uninstall can't be combined", 'Pass one of them.');
  const other = timer === undefined ? (dryRun ? '--dry-run' : undefined) : '--timer';
  if (!install && other !== undefined) throw usageError(`${other} can only be used with --install`, 'Pass --install.');
  if (!install && !uninstall) return store(context);
  const { installTimer, removeTimer } = await import('./timer.ts');
  return install ? installTimer(context, { scheduler: timer, dryRun: dryRun === true }) : removeTimer(context);
}

/** Stores the usage of all keys as it is now. */
async function store(context: SnapshotContext): Promise<void> {
  const { isNew, counted: moment, keys, isCached, left, file } = await takeSnapshot(context);
  const result: Result = {
    status: isNew ? 'stored' : 'unchanged',
    time: new Date(moment.latest).toISOString(),
    keys,
    cached: isCached,
    requestsLeft: left,
    file,
  };
  const columns = snapshotFields.map((field) => ({ field, header: field, value: (row: Result) => row[field] }));
  await context.output.record(result, {
    fields: snapshotFields,
    columns,
    drawing: (style, { status, time, requestsLeft }) => {
      const requests = `${counted(requestsLeft, 'usage request')} left in this 12-hour window.\n`;
      const what = status === 'stored' ? 'Stored' : 'Already stored';
      return `${style.good('✓')} ${what}: the usage of ${counted(keys, 'key')} at ${utcMinute(Date.parse(time))}\n${requests}`;
    },
  });
}
