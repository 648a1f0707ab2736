import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import type { Column } from '../../output/output.ts';
import { fields, type Resolved, resolved, settingNames } from './setting.ts';

/** `ci config list`: lists the settings, and where each comes from. */
export default function list(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      local: true,
      examples: ['ci config list'],
    })
    .action(() => execute(context));
}

/** Lists the settings, and where each comes from. */
export async function run(context: Pick<Context, 'output' | 'profiles' | 'settings' | 'world'>): Promise<void> {
  const settings = settingNames.map((key) => resolved(context, key));
  await context.output.list(settings, { columns: resolvedColumns, fields, empty: '' });
}

/** The columns of a setting. */
export const resolvedColumns: readonly Column<Resolved>[] = [
  { field: 'key', header: 'KEY', value: ({ key }) => key },
  { field: 'value', header: 'VALUE', value: ({ value }) => value },
  { field: 'origin', header: 'FROM', value: ({ origin }) => origin },
];
