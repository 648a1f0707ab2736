import { readStdin } from '../../cli/input.ts';
import { mistakeIn } from '../../cli/options.ts';
import type { Verb } from '../../cli/verb.ts';
import { defaultSettlingTime, parseSettlingTime } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { formats } from '../../domain/formats.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { splitPassword } from '../../domain/url-password.ts';
import {
  chosenSetting,
  fields,
  printChanged,
  resolved,
  type SettingName,
  saveSetting,
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

type SettingContext = Pick<Context, 'clocks' | 'output' | 'profiles' | 'prompts' | 'record' | 'settings' | 'world'>;

/** `ci config set`: changes a setting of the profile in use. */
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
        'ci config set state-url - < state-url.txt',
      ],
    })
    .addArgument(settingArgument())
    .argument('[value]', 'New value, `default` to remove the setting, or - to read state-url from standard input')
    .action((key?: SettingName, value?: string) => execute({ key, value }, context));
}

/** Saves a setting in the profile in use. */
export async function run({ key: typed, value: typedValue }: Options, context: SettingContext): Promise<void> {
  const { output, profiles } = context;
  const key = await chosenSetting(context, typed);
  const isTyped = typedValue !== undefined && (key !== 'state-url' || typedValue !== '-');
  const value = isTyped ? typedValue : await askedValue(context, key, typedValue);
  profiles.replaceDamaged();
  const profile = context.settings.profile.value;
  await saveSetting(context, key, value);
  const setting = resolved(context, key);
  output.done(`${key} is now ${valueInProfile(context, key)} in profile "${profile}".`);
  if (key === 'settling-time' && parseSettlingTime(setting.value) < parseSettlingTime(defaultSettlingTime))
    output.note(`If the server takes longer than ${setting.value}, you may be charged twice.`);
  if (key === 'state-url') {
    noteSecret(context, value, isTyped);
    if (setting.origin !== 'default') await noteUnmoved(context);
  }
  if (key === 'default-key' && setting.origin !== 'default') {
    await noteUnstored(context, setting.value);
    if (context.world.env.CHEAPESTINFERENCE_API_KEY)
      output.note('CHEAPESTINFERENCE_API_KEY is set and takes precedence. Unset it to use the default key.');
  }
  await printChanged(context, setting);
}

/** Notes where the password of a state URL is now, and where it shouldn't be. */
function noteSecret({ output, profiles, settings }: SettingContext, stateUrl: string, isTyped: boolean): void {
  if (splitPassword(stateUrl).password === undefined) return;
  if (profiles.get(settings.profile.value)?.stateKeychain) output.note('Its password is in the system keychain.');
  if (isTyped) {
    output.note(
      'Arguments end up in the history of your shell, and other users of this machine can see them. To enter a URL with a password, run `ci config set state-url -`.',
    );
  }
}

/** Notes that this machine has a record that the state database may lack, because commands then don't look up its open changes. */
async function noteUnmoved({ output, record }: SettingContext): Promise<void> {
  const { isOfSandbox } = await import('../../context/record.ts');
  const local = await record.localHistory();
  const changes = await local.newest(1, ({ account }) => !isOfSandbox(account));
  if (changes.length > 0)
    output.note(
      'Changes were made from this machine before. Run `ci state move` to bring them into the state database before the next change.',
    );
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

/** Asks for a value, or reads a secret from stdin. @param typed - `-` if the value is on stdin */
async function askedValue(context: SettingContext, key: SettingName, typed: string | undefined): Promise<string> {
  const { prompts, world } = context;
  if (key === 'state-url') {
    if (typed === '-' && world.stdin.isTTY !== true) return (await readStdin(world)).trim();
    const url = await prompts.secret(
      'State URL (postgres://…):',
      "Can't ask for a value without a terminal. Pipe it to `ci config set state-url -`",
      mistakeIn((answer) => withSetting({}, key, answer.trim())),
    );
    return url.trim();
  }
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
