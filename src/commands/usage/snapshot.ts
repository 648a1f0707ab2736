import { takeSnapshot } from '../../account/usage/take-snapshot.ts';
import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { utcMinute } from './times.ts';

const fields = ['status', 'time', 'keys', 'cached', 'requestsLeft', 'file'] as const;

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

/** `ci usage snapshot`: stores the usage of all keys as it is now. */
export default function snapshot(command: Verb, context: Context, execute = run): void {
  command.tell({ fields, examples: ['ci usage snapshot', 'ci usage snapshot --json'] }).action(() => execute(context));
}

/** Stores the usage of all keys as it is now. */
export async function run(
  context: Pick<Context, 'api' | 'clocks' | 'connections' | 'output' | 'record' | 'settings' | 'world'>,
): Promise<void> {
  const { isNew, counted: moment, keys, isCached, left, file } = await takeSnapshot(context);
  const result: Result = {
    status: isNew ? 'stored' : 'unchanged',
    time: new Date(moment.latest).toISOString(),
    keys,
    cached: isCached,
    requestsLeft: left,
    file,
  };
  const columns = fields.map((field) => ({ field, header: field, value: (row: Result) => row[field] }));
  await context.output.record(result, {
    fields,
    columns,
    drawing: (style, { status, time, requestsLeft }) => {
      const requests = `${counted(requestsLeft, 'usage request')} left in this 12-hour window.\n`;
      const what = status === 'stored' ? 'Stored' : 'Already stored';
      return `${style.good('✓')} ${what}: the usage of ${counted(keys, 'key')} at ${utcMinute(Date.parse(time))}\n${requests}`;
    },
  });
}
