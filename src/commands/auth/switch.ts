import { namesOf, ValueArgument } from '../../cli/values.ts';
import type { Verb } from '../../cli/verb.ts';
import { defaultApiUrl } from '../../config/api-url.ts';
import { shownKey } from '../../config/saved-profiles.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Choice } from '../../prompts/question.ts';

const fields = ['profile'] as const;

/** Which profile `ci auth switch` chooses. */
export interface Options {
  /** Its name; undefined: ask. */
  readonly profile: string | undefined;
}

/** `ci auth switch`: makes another profile the one in use. */
export default function switchProfile(command: Verb, context: Context, execute = run): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [5],
      examples: ['ci auth switch work'],
    })
    .addArgument(new ValueArgument('[profile]', 'its name', namesOf('profiles')))
    .action((profile?: string) => execute({ profile }, context));
}

/** Makes another profile the one in use. */
export async function run(
  { profile: typed }: Options,
  context: Pick<Context, 'output' | 'profiles' | 'prompts' | 'settings'>,
): Promise<void> {
  const { output, profiles, settings } = context;
  const names = profiles.names();
  const saved = names.length > 0 ? `Saved are: ${names.join(', ')}.` : '`ci auth login` saves one.';
  const profile = typed ?? (await pickedProfile(context, names, `which profile? ${saved}`));
  if (!names.includes(profile))
    throw new CommandError('not_found', `there is no profile "${profile}"`, { hint: saved });
  await profiles.switchTo(profile);
  output.done(`Profile "${profile}" is in use.`);
  if (settings.profile.origin === 'CHEAPESTINFERENCE_PROFILE') {
    output.note(`CHEAPESTINFERENCE_PROFILE is set to "${settings.profile.value}" and goes before it.`);
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
  prompts.requireSomebody(missing);
  if (names.length === 0) {
    throw new CommandError('not_found', 'no profiles are saved', { hint: '`ci auth login` saves one.' });
  }
  return prompts.pick('Which profile?', await profileChoices(context, names), missing);
}

/** Profiles to choose from: the key of each, where it is sent, and which is in use. */
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
