import type { Verb } from '../../cli/verb.ts';
import type { Context } from '../../context/context.ts';
import {
  chosenSetting,
  fields,
  isSaved,
  printChanged,
  resolved,
  type SettingName,
  saveSetting,
  settingArgument,
} from './setting.ts';

/** Which setting `ci config unset` removes. */
export interface Options {
  /** Its name. Undefined: ask. */
  readonly key: SettingName | undefined;
}

/** `ci config unset`: removes a setting from the profile in use. */
export default function unset(command: Verb, context: Context, execute = run): void {
  command
    .tell({ fields, changes: true, local: true, examples: ['ci config unset max-monthly-spend'] })
    .addArgument(settingArgument())
    .action((key?: SettingName) => execute({ key }, context));
}

/** Removes a setting from the profile in use, so that its default applies. */
export async function run(
  { key: typed }: Options,
  context: Pick<Context, 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>,
): Promise<void> {
  const { output, profiles } = context;
  const key = await chosenSetting(context, typed);
  const profile = context.settings.profile.value;
  profiles.replaceDamaged();
  const wasSaved = isSaved(context, key);
  if (wasSaved) await saveSetting(context, key, 'default');
  const setting = resolved(context, key);
  output.done(
    wasSaved
      ? `${key} is no longer set in profile "${profile}".${setting.origin === 'default' ? ` The default is ${setting.value}.` : ''}`
      : `${key} isn't set in profile "${profile}".`,
  );
  await printChanged(context, setting);
}
