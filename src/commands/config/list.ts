import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { fields, resolved, resolvedColumns, settingNames } from './setting.ts';

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
