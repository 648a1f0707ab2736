import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { runningGateways } from '../../gateway/background.ts';
import { askStatus, type ReportedStatus } from '../../gateway/gateway-client.ts';
import { openingText, seatColumns } from '../../gateway/seat-table.ts';
import type { Style } from '../../output/style.ts';
import { fitted } from '../../output/table.ts';

const fields = ['pid', 'url', 'account', 'startedAt', 'seats', 'queue', 'running', 'outside', 'problem'] as const;

/** A running gateway, and what it reports. */
interface GatewayRow extends Omit<ReportedStatus, 'now'> {
  readonly pid: number;
  readonly url: string;
  readonly account: string;
  readonly startedAt: string;
  /** Why it doesn't report anything. */
  readonly problem: string | null;
}

/** `ci gateway status`: shows the running gateways. */
export default function status(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      exits: [5],
      examples: ['ci gateway status', "ci gateway status --json | jq '.[0].queue'"],
    })
    .action(() => execute(context));
}

/** Shows the gateways that run on this machine. @throws CommandError (not_found) if none runs */
export async function run(context: Pick<Context, 'output' | 'world'>): Promise<void> {
  const { output, world } = context;
  const gateways = runningGateways(context).list();
  if (gateways.length === 0) {
    throw new CommandError('not_found', 'No gateway is running on this machine', {
      hint: 'Start one with `ci gateway`, or in the background with `ci gateway --background`.',
    });
  }
  const rows = await Promise.all(
    gateways.map(async (gateway): Promise<GatewayRow> => {
      const { pid, url, label: account, startedAt } = gateway;
      const row = { pid, url, account, startedAt, seats: [], queue: null, running: null, outside: null, problem: null };
      try {
        const { now: _now, ...reported } = await askStatus(gateway);
        return { ...row, ...reported };
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        return { ...row, problem: error.message };
      }
    }),
  );
  await output.list(rows, {
    fields,
    empty: '',
    columns: [
      { field: 'pid', header: 'PID', value: (row) => row.pid },
      { field: 'url', header: 'URL', value: (row) => row.url },
      { field: 'account', header: 'ACCOUNT', value: (row) => row.account },
      { field: 'startedAt', header: 'STARTED', value: (row) => row.startedAt },
      { field: 'seats', header: 'SEATS', value: (row) => row.seats.length },
      { field: 'running', header: 'RUNNING', value: (row) => row.running },
      { field: 'queue', header: 'QUEUE', value: (row) => row.queue },
      { field: 'outside', header: 'OUTSIDE', value: (row) => row.outside },
      { field: 'problem', header: 'PROBLEM', value: (row) => row.problem },
    ],
    drawing: (style, clean) =>
      clean.map((row) => drawn(row, { style, width: output.width, timeZone: world.timeZone })).join('\n'),
  });
}

function drawn(
  { url, pid, account, seats, running, queue, problem }: GatewayRow,
  { style, width, timeZone }: { readonly style: Style; readonly width: number; readonly timeZone: string },
): string {
  const { bold, dim, bad } = style;
  const head = `${bold(url)}  ${dim(`${account}, process ${pid}`)}\n`;
  if (problem !== null) return `${head}${bad(problem)}\n`;
  const rows = seats.map(({ pool, key, hours, state, client, opensAt }) => ({
    ...{ pool: pool ?? '', key, hours, client: client ?? '' },
    state: state === 'outside hours' ? openingText(opensAt === null ? undefined : new Date(opensAt), timeZone) : state,
  }));
  const table = fitted(seatColumns(rows, style), width);
  return `${head}${seats.length > 0 ? table : 'No seats.\n'}${running} running, ${queue} waiting.\n`;
}
