import { stateFolder } from '../../config/folders.ts';
import type { Context } from '../../context/context.ts';
import { type Period, periods } from '../../domain/usage-periods.ts';
import { type ClientUsage, UsageLog } from '../../gateway/usage-log.ts';
import type { Column } from '../../output/output.ts';
import { grouped } from '../../output/text.ts';
import { gatewayFields } from './gateway-fields.ts';

/** Shows what each client of the gateways on this machine used. */
export async function gatewayUsage(
  { clocks, output, record, world }: Pick<Context, 'clocks' | 'output' | 'record' | 'world'>,
  period: Period,
): Promise<void> {
  const { id } = await record.ownAccount();
  const log = new UsageLog(stateFolder(world.env), world.env, id, clocks.wall);
  await output.list(log.read(periods[period].milliseconds), {
    columns,
    fields: gatewayFields,
    title: `Usage through the gateway in the ${periods[period].title}`,
    empty: `No requests through a gateway on this machine in the ${periods[period].title}.`,
  });
}

const columns: readonly Column<ClientUsage>[] = [
  {
    field: 'client',
    header: 'CLIENT',
    value: ({ client }) => client,
    show: ({ client }, style) => style.bold(client),
    total: (_rows, style) => style.bold('Total'),
  },
  { field: 'model', header: 'MODEL', value: ({ model }) => model, optional: 1 },
  count('requests', 'REQUESTS'),
  { ...count('creditRequests', 'PAID WITH CREDIT'), optional: 2 },
  count('promptTokens', 'PROMPT'),
  count('completionTokens', 'COMPLETION'),
];

function count(
  field: 'requests' | 'creditRequests' | 'promptTokens' | 'completionTokens',
  header: string,
): Column<ClientUsage> {
  return {
    field,
    header,
    right: true,
    value: (row) => row[field],
    show: (row) => grouped(row[field]),
    total: (rows) => grouped(rows.reduce((sum, row) => sum + row[field], 0)),
  };
}
