import type { Argument } from 'commander';
import { choiceArgument } from '../../cli/values.ts';
import type { Profile } from '../../config/saved-profiles.ts';
import { defaultSettlingTime, defaultTimeout, parseSettlingTime, parseSpendLimit } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { parseDuration } from '../../domain/duration.ts';
import { usageError } from '../../domain/errors.ts';
import { type Format, formats } from '../../domain/formats.ts';

/** What can be preferred in a profile, and what each is without a preference. */
export const preferences = ['output', 'timeout', 'max-monthly-spend', 'settling-time'] as const;
export type Preference = (typeof preferences)[number];

export const fields = ['key', 'value', 'origin'] as const;

/** One preference as it stands. */
export interface Resolved {
  readonly key: Preference;
  readonly value: string;
  readonly origin: string;
}

/** An argument that takes the name of a setting. */
export function preferenceArgument(): Argument {
  const names = preferences.join(', ');
  return choiceArgument('[key]', names, preferences, (typed) =>
    usageError(`there is no setting "${typed}"`, `The settings are: ${names}.`),
  );
}

/**
 * A setting as typed, or picked from all of them.
 *
 * @throws CommandError (input_required) when none was typed and nobody can be asked
 */
export async function chosenPreference(
  context: Pick<Context, 'profiles' | 'prompts' | 'settings' | 'world'>,
  typed: Preference | undefined,
): Promise<Preference> {
  if (typed !== undefined) return typed;
  const missing = `which setting? Name it: ${preferences.join(', ')}`;
  context.prompts.requireSomebody(missing);
  const all = preferences.map((key) => resolved(context, key));
  const names = await context.prompts.rows([
    { cells: preferences },
    { cells: all.map(({ value }) => value) },
    { cells: all.map(({ origin }) => origin), optional: 1 },
  ]);
  const choices = preferences.map((key, at) => ({ name: names[at] ?? key, value: key, short: key }));
  return context.prompts.pick('Which setting?', choices, missing);
}

/** The preference in use, and where it came from. */
export function resolved(
  { world: { env }, profiles, settings }: Pick<Context, 'profiles' | 'settings' | 'world'>,
  key: Preference,
): Resolved {
  const saved: Profile = profiles.get(settings.profile.value) ?? {};
  const inProfile = saved[memberOf(key)];
  const origin = `profile "${settings.profile.value}"`;
  const inEnvironment = key === 'output' ? env.CHEAPESTINFERENCE_OUTPUT || undefined : undefined;
  if (inEnvironment !== undefined) return { key, value: inEnvironment, origin: 'CHEAPESTINFERENCE_OUTPUT' };
  if (inProfile !== undefined) return { key, value: inProfile, origin };
  return { key, value: withoutPreference[key], origin: 'default' };
}

const withoutPreference: Readonly<Record<Preference, string>> = {
  output: 'table',
  timeout: defaultTimeout,
  'max-monthly-spend': 'none',
  'settling-time': defaultSettlingTime,
};

/** The member of a profile that holds a preference. */
function memberOf(key: Preference) {
  return members[key];
}

const members = {
  output: 'output',
  timeout: 'timeout',
  'max-monthly-spend': 'maxMonthlySpend',
  'settling-time': 'settlingTime',
} as const satisfies Record<Preference, keyof Profile>;

/** A profile with a preference set; `default` takes it out. @throws CommandError (usage) for a value that is none */
export function withPreference(profile: Profile, key: Preference, value: string): Profile {
  const { [memberOf(key)]: _before, ...others } = profile;
  if (value === 'default') return others;
  if (key === 'timeout') {
    parseDuration(value);
    return { ...others, timeout: value };
  }
  if (key === 'settling-time') {
    parseSettlingTime(value);
    return { ...others, settlingTime: value };
  }
  if (key === 'max-monthly-spend') {
    parseSpendLimit(value);
    return { ...others, maxMonthlySpend: value };
  }
  const format: Format | undefined = formats.find((each) => each === value);
  if (format) return { ...others, output: format };
  throw usageError(`output is "${value}"`, `Choose one of ${formats.join(', ')}, or default.`);
}
