import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import { splitPassword } from '../../domain/url-password.ts';
import { chosenSetting, fields, resolved, resolvedColumns, type SettingName, settingArgument } from './setting.ts';

/** Which setting `ci config get` prints. */
export interface Options {
  /** Its name. Undefined: ask. */
  readonly key: SettingName | undefined;
}

/** `ci config get`: prints the value of a setting. */
export default function get(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, local: true, examples: ['ci config get output'] })
    .addArgument(settingArgument())
    .action((key?: SettingName) => execute({ key }, context));
}

/** Prints the value of a setting. */
export async function run(
  { key }: Options,
  context: Pick<Context, 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>,
): Promise<void> {
  const { output } = context;
  const setting = resolved(context, await chosenSetting(context, key));
  output.checkFields(fields);
  if (setting.key === 'state-url' && splitPassword(setting.value).password !== undefined)
    output.note('The password is masked, because it is a secret.');
  if (output.format === undefined) return output.line(setting.value);
  await output.record(setting, { columns: resolvedColumns, fields });
}
