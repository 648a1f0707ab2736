import type { Verb } from '../../cli/verb.ts';
import { stateAddress } from '../../config/state-database.ts';
import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';

const fields = ['database', 'schema', 'from', 'to', 'sql'] as const;

/** How `ci state init` works. */
export interface Options {
  readonly sql?: true;
}

/** `ci state init`: creates or upgrades the tables of the state database. */
export default function init(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [6, 9],
      examples: ['ci state init', 'ci state init --sql > state.sql'],
    })
    .option('--sql', 'Print the SQL that creates the tables, and send nothing')
    .action((options: Options) => execute(options, context));
}

/** Creates or upgrades the tables, or prints the SQL for it. */
export async function run(
  { sql }: Options,
  context: Pick<Context, 'output' | 'profiles' | 'record' | 'settings'>,
): Promise<void> {
  if (sql) return printSql(context);
  const { output, record } = context;
  const { database } = await record.database();
  const { initialize } = await import('../../state/postgres/initialize.ts');
  const { from, to } = await initialize(database);
  const { label, schema } = database.address;
  if (from === to) output.note(`The tables are up to date (version ${to}).`);
  else if (from === 0) output.done(`Created the tables (version ${to}) in the schema ${schema} of ${label}.`);
  else output.done(`Upgraded the tables from version ${from} to ${to} in the schema ${schema} of ${label}.`);
  await output.record({ database: label, schema, from, to }, { columns, fields, drawing: () => '' });
}

async function printSql({
  output,
  profiles,
  settings,
}: Pick<Context, 'output' | 'profiles' | 'settings'>): Promise<void> {
  const { defaultSchema } = await import('../../state/postgres/state-url.ts');
  const { initSql } = await import('../../state/postgres/schema.ts');
  const address = stateAddress(settings, profiles);
  const sql = initSql(address?.schema ?? defaultSchema, address?.user);
  if (output.format === undefined || output.format === 'table') return output.raw(sql);
  await output.record({ sql }, { fields });
}

const columns: readonly Column<{
  readonly database: string;
  readonly schema: string;
  readonly from: number;
  readonly to: number;
}>[] = [
  { field: 'database', header: 'Database', value: ({ database }) => database },
  { field: 'schema', header: 'Schema', value: ({ schema }) => schema },
  { field: 'from', header: 'From version', value: ({ from }) => from },
  { field: 'to', header: 'To version', value: ({ to }) => to },
];
