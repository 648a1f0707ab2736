import { CommandError } from '../../domain/errors.ts';
import type { Verb } from '../command.ts';
import type { Context } from '../context.ts';

const fields = ['profile'] as const;

/** `ci auth switch`: makes another profile the one in use. */
export default function switchProfile(command: Verb, context: Context): void {
  command
    .tell({
      fields,
      changes: true,
      local: true,
      exits: [5],
      examples: ['ci auth switch work'],
    })
    .argument('[profile]', 'its name')
    .action((profile?: string) => switchTo(context, profile));
}

async function switchTo({ output, profiles, prompts, settings }: Context, typed: string | undefined): Promise<void> {
  const names = profiles.names();
  const saved = names.length > 0 ? `Saved are: ${names.join(', ')}.` : '`ci auth login` saves one.';
  const choices = names.map((name) => ({ name, value: name }));
  const profile = typed ?? (await prompts.pick('Which profile?', choices, `which profile? ${saved}`));
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
