import { mistakeIn } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import { defaultSettlingTime, parseSettlingTime } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { formats } from '../../domain/formats.ts';
import { shellWord } from '../../domain/shell-word.ts';
import {
  chosenSetting,
  fields,
  printChanged,
  resolved,
  type SettingName,
  settingArgument,
  valueInProfile,
  withSetting,
} from './setting.ts';

/** Which setting `ci config set` changes. */
export interface Options {
  /** Its name. Undefined: ask. */
  readonly key: SettingName | undefined;
  /** Its new value. Undefined: ask. */
  readonly value: string | undefined;
}

type SettingContext = Pick<Context, 'clocks' | 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>;

/** `ci config set`: changes a setting of the profile in use. */
export default function set(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: ['ci config set output json', 'ci config set timeout 60s', 'ci config set max-monthly-spend 200'],
    })
    .addArgument(settingArgument())
    .argument('[value]', 'New value, or `default` to remove the setting')
    .action((key?: SettingName, value?: string) => execute({ key, value }, context));
}

/** Saves a setting in the profile in use. */
export async function run({ key: typed, value: typedValue }: Options, context: SettingContext): Promise<void> {
  const { output, profiles } = context;
  const key = await chosenSetting(context, typed);
  const value = typedValue ?? (await askedValue(context, key));
  profiles.replaceDamaged();
  const profile = context.settings.profile.value;
  // Checks the value before the config file is touched.
  withSetting({}, key, value);
  await profiles.save(profile, (before) => withSetting(before, key, value));
  const setting = resolved(context, key);
  output.done(`${key} is now ${valueInProfile(context, key)} in profile "${profile}".`);
  if (key === 'settling-time' && parseSettlingTime(setting.value) < parseSettlingTime(defaultSettlingTime))
    output.note(`If the server takes longer than ${setting.value}, you may be charged twice.`);
  if (key === 'default-key' && setting.origin !== 'default') {
    await noteUnstored(context, setting.value);
    if (context.world.env.CHEAPESTINFERENCE_API_KEY)
      output.note('CHEAPESTINFERENCE_API_KEY is set and takes precedence. Unset it to use the default key.');
  }
  await printChanged(context, setting);
}

/** Notes that a default key isn't stored on this machine, because commands then fail. */
async function noteUnstored(context: SettingContext, key: string): Promise<void> {
  const { keyStoreOf } = await import('../../account/stored-keys/store.ts');
  const { findStored } = await import('../../domain/stored-key.ts');
  if (findStored((await keyStoreOf(context)).list(), key)) return;
  context.output.note(
    `No key "${key}" is stored on this machine yet. Store it with \`ci keys secret ${shellWord(key)} --add\`.`,
  );
}

async function askedValue(context: SettingContext, key: SettingName): Promise<string> {
  const { prompts } = context;
  const missing = `Can't ask for a value without a terminal. Pass one, such as \`ci config set ${key} default\``;
  if (key === 'output') {
    return prompts.pick(
      'Output format:',
      [...formats, 'default'].map((name) => ({ name, value: name })),
      missing,
    );
  }
  const { value, origin } = resolved(context, key);
  const check = mistakeIn((typed) => withSetting({}, key, typed));
  const suggestion = origin === 'default' ? undefined : value;
  return prompts.text(`${key} (such as ${examples[key]}, or "default" to remove it):`, missing, check, suggestion);
}

const examples = {
  timeout: '30s',
  'max-monthly-spend': '200',
  'settling-time': '120s',
  'default-key': 'prod-api',
  'max-key-age': '90d',
} as const satisfies Partial<Record<SettingName, string>>;
