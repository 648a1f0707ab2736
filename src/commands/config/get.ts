import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { resolvedColumns } from './list.ts';
import { chosenPreference, fields, preferences, resolved } from './preference.ts';

/** `ci config get`: one setting as it stands. */
export default function get(command: Verb, context: Context): void {
  command
    .tell({ fields, local: true, examples: ['ci config get output'] })
    .argument('[key]', preferences.join(', '))
    .action((key?: string) => printSetting(context, key));
}

async function printSetting(context: Context, typed: string | undefined): Promise<void> {
  const { output } = context;
  const setting = resolved(context, await chosenPreference(context, typed));
  output.checkFields(fields);
  if (output.format === undefined) return output.line(setting.value);
  await output.record(setting, { columns: resolvedColumns, fields });
}
