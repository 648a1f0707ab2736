import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { resolvedColumns } from './list.ts';
import { chosenPreference, fields, type Preference, preferenceArgument, resolved } from './preference.ts';

/** Which setting `ci config get` prints. */
export interface Options {
  /** Its name; undefined: ask. */
  readonly key: Preference | undefined;
}

/** `ci config get`: one setting as it stands. */
export default function get(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, local: true, examples: ['ci config get output'] })
    .addArgument(preferenceArgument())
    .action((key?: Preference) => execute({ key }, context));
}

/** Prints a setting. */
export async function run(
  { key }: Options,
  context: Pick<Context, 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>,
): Promise<void> {
  const { output } = context;
  const setting = resolved(context, await chosenPreference(context, key));
  output.checkFields(fields);
  if (output.format === undefined) return output.line(setting.value);
  await output.record(setting, { columns: resolvedColumns, fields });
}
