import { namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { defaultApiUrl } from '../../config/api-url.ts';
import { shownKey } from '../../config/saved-profiles.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Choice } from '../../prompts/question.ts';

const fields = ['profile'] as const;

/** What `ci auth switch` switches to. */
export interface Options {
  /** The name of the profile; undefined: ask. */
  readonly profile: string | undefined;
}

/** `ci auth switch`: switches to another profile. */
export default function switchProfile(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [5],
      examples: ['ci auth switch work'],
    })
    .addArgument(new ValueArgument('[profile]', 'Name of the profile', namesOf('profiles')))
    .action((profile?: string) => execute({ profile }, context));
}

/** Switches to another profile. */
export async function run(
  { profile: typed }: Options,
  context: Pick<Context, 'output' | 'profiles' | 'prompts' | 'settings'>,
): Promise<void> {
  const { output, profiles, settings } = context;
  const names = profiles.names();
  const saved = names.length > 0 ? `Saved profiles: ${names.join(', ')}.` : 'Run `ci auth login` to save one.';
  const profile =
    typed ??
    (await pickedProfile(context, names, `Can't ask for the profile without a terminal. Pass its name. ${saved}`));
  if (!names.includes(profile))
    throw new CommandError('not_found', `Profile "${profile}" doesn't exist`, { hint: saved });
  await profiles.switchTo(profile);
  output.done(`Switched to profile "${profile}".`);
  if (settings.profile.origin === 'CHEAPESTINFERENCE_PROFILE') {
    output.note(
      `CHEAPESTINFERENCE_PROFILE is set to "${settings.profile.value}" and takes precedence. Unset it to use "${profile}".`,
    );
  }
  await output.record(
    { profile },
    { columns: [{ field: 'profile', header: 'Profile', value: (row) => row.profile }], fields, drawing: () => '' },
  );
}

async function pickedProfile(
  context: Pick<Context, 'profiles' | 'prompts'>,
  names: readonly string[],
  missing: string,
): Promise<string> {
  const { prompts } = context;
  prompts.requirePrompt(missing);
  if (names.length === 0) {
    throw new CommandError('not_found', 'No profiles are saved', { hint: 'Run `ci auth login` to save one.' });
  }
  return prompts.pick('Profile:', await profileChoices(context, names), missing);
}

/** Returns the choices of profiles: the key of each, the host that gets it, and which profile is in use. */
async function profileChoices(
  { profiles, prompts }: Pick<Context, 'profiles' | 'prompts'>,
  names: readonly string[],
): Promise<Choice<string>[]> {
  const saved = names.map((name) => profiles.get(name) ?? {});
  const rows = await prompts.rows([
    { cells: names },
    { cells: saved.map((each) => shownKey(each) ?? 'no key'), optional: 2 },
    { cells: saved.map(({ apiUrl }) => new URL(apiUrl ?? defaultApiUrl).host), optional: 1 },
    { cells: names.map((name) => (name === profiles.current ? 'in use' : '')), optional: 3 },
  ]);
  return names.map((name, at) => ({ name: rows[at] ?? name, value: name, short: name }));
}
