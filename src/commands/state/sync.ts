import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';

const fields = ['changes'] as const;

/** `ci state sync`: brings in the changes of this machine that the state database lacks. */
export default function sync(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, changes: true, local: true, exits: [6, 9], examples: ['ci state sync'] })
    .action(() => execute(context));
}

/** Brings in the changes that were made while the state database couldn't be reached. Its state prints a note about them. */
export async function run({ output, record }: Pick<Context, 'output' | 'record'>): Promise<void> {
  const changes = await (await record.database()).sync();
  if (changes === 0) output.note('Nothing to bring in.');
  await output.record(
    { changes },
    {
      columns: [{ field: 'changes', header: 'Changes', value: (row) => row.changes }],
      fields,
      drawing: () => '',
    },
  );
}
