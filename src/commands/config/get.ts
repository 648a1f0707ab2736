import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { resolvedColumns } from './list.ts';
import { chosenPreference, fields, type Preference, preferenceArgument, resolved } from './preference.ts';

/** `ci config get`: one setting as it stands. */
export default function get(command: Verb, context: Context): void {
  command
    .tell({ fields, local: true, examples: ['ci config get output'] })
    .addArgument(preferenceArgument())
    .action((key?: Preference) => printSetting(context, key));
}

async function printSetting(context: Context, typed: Preference | undefined): Promise<void> {
  const { output } = context;
  const setting = resolved(context, await chosenPreference(context, typed));
  output.checkFields(fields);
  if (output.format === undefined) return output.line(setting.value);
  await output.record(setting, { columns: resolvedColumns, fields });
}
