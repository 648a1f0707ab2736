import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { runningGateways, stopGateway } from '../../gateway/background.ts';
import { waitForStart } from '../../gateway/seat-claims.ts';

const fields = ['pid', 'url'] as const;

/** How `ci gateway stop` stops a gateway. */
export interface Options {
  /** Without waiting for running requests. */
  readonly now?: boolean;
}

/** `ci gateway stop`: stops the gateways of the account in use. */
export default function stop(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, local: true, exits: [6, 9], examples: ['ci gateway stop', 'ci gateway stop --now'] })
    .option('--now', "Don't wait for running requests")
    .action((options: Options) => execute(options, context));
}

/** Stops the gateways of the account in use. */
export async function run(
  { now = false }: Options,
  context: Pick<Context, 'clocks' | 'output' | 'progress' | 'record' | 'world'>,
): Promise<void> {
  const { output, progress, record } = context;
  const { id, label } = await record.ownAccount();
  await progress.during('Waiting for a gateway that is starting', () => waitForStart(context));
  const gateways = runningGateways(context);
  const mine = gateways.of(id);
  for (const gateway of mine) {
    await progress.during('Waiting for running requests', () => stopGateway(context, gateway, { now }));
    output.done(`The gateway at ${gateway.url} has stopped.`);
  }
  if (mine.length === 0) {
    const others = gateways.list();
    output.note(
      others.length === 0
        ? 'No gateway is running on this machine.'
        : `No gateway of ${label} is running. \`ci gateway status\` shows those of other accounts.`,
    );
  }
  const rows = mine.map(({ pid, url }) => ({ pid, url }));
  if (!output.isForPeople) {
    await output.list(rows, {
      fields,
      empty: '',
      columns: [
        { field: 'pid', header: 'PID', value: (row) => row.pid },
        { field: 'url', header: 'URL', value: (row) => row.url },
      ],
    });
  }
}
