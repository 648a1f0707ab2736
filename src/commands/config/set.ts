import { mistakeIn } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import { defaultSettlingTime, parseSettlingTime } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { formats } from '../../domain/formats.ts';
import { resolvedColumns } from './list.ts';
import {
  chosenPreference,
  fields,
  type Preference,
  preferenceArgument,
  resolved,
  withPreference,
} from './preference.ts';

/** What `ci config set` sets. */
export interface Options {
  /** The setting; undefined: ask. */
  readonly key: Preference | undefined;
  /** Its value; undefined: ask. */
  readonly value: string | undefined;
}

type SettingContext = Pick<Context, 'output' | 'profiles' | 'prompts' | 'settings' | 'world'>;

/** `ci config set`: prefers something from now on, in the profile in use. */
export default function set(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      examples: [
        'ci config set output json',
        'ci config set timeout 60s',
        'ci config set max-monthly-spend 200',
        'ci config set output default',
      ],
    })
    .addArgument(preferenceArgument())
    .argument('[value]', 'its value; default takes it out')
    .action((key?: Preference, value?: string) => execute({ key, value }, context));
}

/** Saves a setting in the profile in use. */
export async function run({ key: typed, value: typedValue }: Options, context: SettingContext): Promise<void> {
  const { output, profiles } = context;
  const key = await chosenPreference(context, typed);
  const value = typedValue ?? (await askedValue(context, key));
  profiles.replaceDamaged();
  const profile = context.settings.profile.value;
  // A value that is none is told before anything is made ready to be written.
  withPreference({}, key, value);
  // The format is decided before it changes: what is printed now is printed as it was to be.
  await profiles.save(profile, (before) => withPreference(before, key, value));
  const setting = resolved(context, key);
  output.done(`${key} is ${setting.value} in profile "${profile}".`);
  if (key === 'settling-time' && parseSettlingTime(setting.value) < parseSettlingTime(defaultSettlingTime))
    output.note(`A server that takes longer than ${setting.value} can charge you twice.`);
  if (setting.origin === 'CHEAPESTINFERENCE_OUTPUT') output.note('CHEAPESTINFERENCE_OUTPUT is set and goes before it.');
  await output.record(setting, { columns: resolvedColumns, fields, drawing: () => '' });
}

async function askedValue(context: SettingContext, key: Preference): Promise<string> {
  const { prompts } = context;
  const missing = `which value? Write it behind: \`ci config set ${key} default\``;
  if (key === 'output') {
    return prompts.pick(
      `Which ${key}?`,
      [...formats, 'default'].map((name) => ({ name, value: name })),
      missing,
    );
  }
  const { value, origin } = resolved(context, key);
  const check = mistakeIn((typed) => withPreference({}, key, typed));
  const suggestion = origin === 'default' ? undefined : value;
  return prompts.text(`Which ${key}? ${examples[key]}, say; default takes it out:`, missing, check, suggestion);
}

const examples = { timeout: '30s', 'max-monthly-spend': '200', 'settling-time': '120s' } as const satisfies Partial<
  Record<Preference, string>
>;
