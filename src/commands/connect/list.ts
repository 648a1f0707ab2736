import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';
import { type ConnectedTool, listTools } from '../../tools/list.ts';

export const fields = [
  'tool',
  'title',
  'installed',
  'connected',
  'place',
  'model',
  'key',
  'account',
  'files',
  'problem',
  'gateway',
] as const;

/** Lists the tools that can be connected, and what they are connected to. */
export async function list(context: Pick<Context, 'output' | 'world'>): Promise<void> {
  const { output } = context;
  await output.list(listTools(context), { columns, fields, empty: '' });
  if (output.isForPeople) output.note('\nConnect one with `ci connect TOOL`.');
}

const columns: readonly Column<ConnectedTool>[] = [
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
  {
    field: 'key',
    header: 'KEY',
    value: (row) => row.key,
    show: ({ key, gateway }, style) => (gateway ? style.dim('gateway') : (key ?? '')),
    optional: 1,
  },
  { field: 'account', header: 'ACCOUNT', value: (row) => row.account, optional: 2 },
  { field: 'place', header: 'PLACE', value: (row) => row.place, optional: 3 },
  { field: 'files', header: 'FILES', value: (row) => row.files.join(','), audience: 'programs' },
  // Last, because scripts read columns by their position.
  { field: 'gateway', header: 'GATEWAY', value: (row) => row.gateway, audience: 'programs' },
];
