import type { Argument } from 'commander';
import { refuseSecret } from '../../cli/key-name.ts';
import { choiceArgument } from '../../cli/values.ts';
import type { Profile } from '../../config/saved-profiles.ts';
import {
  defaultSettlingTime,
  defaultTimeout,
  parseMaxKeyAge,
  parseSettlingTime,
  parseSpendLimit,
  stateUrlVariable,
} from '../../config/settings.ts';
import { shownStateUrl } from '../../config/state-database.ts';
import type { Context } from '../../context/context.ts';
import { parseDuration, withUnit } from '../../domain/duration.ts';
import { usageError } from '../../domain/errors.ts';
import { type Format, formats } from '../../domain/formats.ts';
import type { Column } from '../../output/output.ts';
import { inWords } from '../../output/text.ts';
import { maskedStateUrl, parseStateUrl } from '../../state/postgres/state-url.ts';

/** The settings that a profile can have. */
export const settingNames = [
  'output',
  'timeout',
  'max-monthly-spend',
  'settling-time',
  'default-key',
  'max-key-age',
  'state-url',
] as const;
export type SettingName = (typeof settingNames)[number];

export const fields = ['key', 'value', 'origin'] as const;

/** The value of a setting as it may be shown, and where it comes from. */
export interface Resolved {
  readonly key: SettingName;
  readonly value: string;
  readonly origin: string;
}

/** The columns of a setting. */
export const resolvedColumns: readonly Column<Resolved>[] = [
  { field: 'key', header: 'KEY', value: ({ key }) => key },
  { field: 'value', header: 'VALUE', value: ({ value }) => value },
  { field: 'origin', header: 'FROM', value: ({ origin }) => origin },
];

/** Returns an argument that takes the name of a setting. */
export function settingArgument(): Argument {
  return choiceArgument('[key]', `Setting: ${inWords(settingNames, 'or')}`, settingNames, (typed) =>
    usageError(`"${typed}" is not a setting`, `Choose ${inWords(settingNames, 'or')}.`),
  );
}

/**
 * Returns the setting that was typed, or asks for one.
 *
 * @throws CommandError (input_required) if none was typed and the command can't prompt
 */
export async function chosenSetting(
  context: Pick<Context, 'profiles' | 'prompts' | 'settings' | 'world'>,
  typed: SettingName | undefined,
): Promise<SettingName> {
  if (typed !== undefined) return typed;
  const missing = `Can't ask for a setting without a terminal. Pass ${inWords(settingNames, 'or')}`;
  context.prompts.requirePrompt(missing);
  const all = settingNames.map((key) => resolved(context, key));
  const names = await context.prompts.rows([
    { cells: settingNames },
    { cells: all.map(({ value }) => value) },
    { cells: all.map(({ origin }) => origin), optional: 1 },
  ]);
  const choices = settingNames.map((key, at) => ({ name: names[at] ?? key, value: key, short: key }));
  return context.prompts.pick('Setting:', choices, missing);
}

/** Returns the value of a setting as it may be shown, and where it comes from. */
export function resolved(context: Pick<Context, 'profiles' | 'settings' | 'world'>, key: SettingName): Resolved {
  const variable = variables[key];
  const inEnvironment = variable === undefined ? undefined : context.world.env[variable] || undefined;
  if (variable !== undefined && inEnvironment !== undefined) {
    return { key, value: key === 'state-url' ? maskedStateUrl(inEnvironment) : inEnvironment, origin: variable };
  }
  const origin = isSaved(context, key) ? `profile "${context.settings.profile.value}"` : 'default';
  return { key, value: valueInProfile(context, key), origin };
}

/** Returns the value of a setting in the profile in use as it may be shown, whatever the environment says. */
export function valueInProfile(context: Pick<Context, 'profiles' | 'settings'>, key: SettingName): string {
  return savedValue(context, key) ?? defaults[key];
}

/** Returns whether the profile in use has a setting. */
export function isSaved(context: Pick<Context, 'profiles' | 'settings'>, key: SettingName): boolean {
  return savedValue(context, key) !== undefined;
}

/** Prints a setting after a change. Notes that the environment overrides the saved one, if it does. */
export async function printChanged({ output }: Pick<Context, 'output'>, setting: Resolved): Promise<void> {
  const variable = variables[setting.key];
  if (variable !== undefined && setting.origin === variable)
    output.note(`${variable} is set and overrides ${setting.key}.`);
  await output.record(setting, { columns: resolvedColumns, fields, drawing: () => '' });
}

/** The variables that override settings. */
const variables: Partial<Record<SettingName, string>> = {
  output: 'CHEAPESTINFERENCE_OUTPUT',
  'state-url': stateUrlVariable,
};

function savedValue(
  { profiles, settings }: Pick<Context, 'profiles' | 'settings'>,
  key: SettingName,
): string | undefined {
  const profile = profiles.get(settings.profile.value) ?? {};
  return key === 'state-url' ? shownStateUrl(profile) : profile[members[key]];
}

const defaults: Readonly<Record<SettingName, string>> = {
  output: 'table',
  timeout: defaultTimeout,
  'max-monthly-spend': 'none',
  'settling-time': defaultSettlingTime,
  'default-key': 'none',
  'max-key-age': 'none',
  'state-url': 'none',
};

/** The member of a profile that holds each setting. */
const members = {
  output: 'output',
  timeout: 'timeout',
  'max-monthly-spend': 'maxMonthlySpend',
  'settling-time': 'settlingTime',
  'default-key': 'defaultKey',
  'max-key-age': 'maxKeyAge',
  'state-url': 'stateUrl',
} as const satisfies Record<SettingName, keyof Profile>;

/**
 * Saves a setting in the profile in use, or removes it.
 *
 * @param value - the new value; `default` removes the setting
 * @throws CommandError (usage) for an invalid value, before the config file is touched; (file_error), (keychain_error)
 */
export async function saveSetting(
  { profiles, settings }: Pick<Context, 'profiles' | 'settings'>,
  key: SettingName,
  value: string,
): Promise<void> {
  const profile = settings.profile.value;
  const { stateUrl } = withSetting({}, key, value);
  // The password may belong in the system keychain.
  if (key === 'state-url') await profiles.saveStateUrl(profile, stateUrl);
  else await profiles.save(profile, (before) => withSetting(before, key, value));
}

/** Returns a profile with a setting changed; `default` removes it. @throws CommandError (usage) for an invalid value */
export function withSetting(profile: Profile, key: SettingName, value: string): Profile {
  const { [members[key]]: _before, ...others } = profile;
  if (value === 'default') return others;
  if (key === 'timeout') {
    parseDuration(value, key);
    return { ...others, timeout: withUnit(value) };
  }
  if (key === 'settling-time') {
    parseSettlingTime(value);
    return { ...others, settlingTime: withUnit(value) };
  }
  if (key === 'max-key-age') {
    parseMaxKeyAge(value);
    return { ...others, maxKeyAge: withUnit(value) };
  }
  if (key === 'max-monthly-spend') {
    parseSpendLimit(value);
    return { ...others, maxMonthlySpend: value };
  }
  if (key === 'default-key') {
    if (value.trim() === '') throw usageError('The key name is empty', 'Pass the name or ID of a stored key.');
    refuseSecret(value);
    return { ...others, defaultKey: value };
  }
  if (key === 'state-url') {
    parseStateUrl(value);
    return { ...others, stateUrl: value.trim() };
  }
  const format: Format | undefined = formats.find((each) => each === value);
  if (format) return { ...others, output: format };
  throw usageError(`"${value}" is not a valid value for output`, `Choose ${inWords([...formats, 'default'], 'or')}.`);
}
