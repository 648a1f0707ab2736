import path from 'node:path';
import { openDotenv } from '../../account/secrets/dotenv.ts';
import { CommandError } from '../../domain/errors.ts';
import type { Choice } from '../../prompts/question.ts';
import type { Destination, Step } from './wizard.ts';

/** Where the key shall go: asked before it is made, so that the place can be proven. */
export const destination: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (isPending(wizard.subscriptions)) return 'silent';
  const [{ findClipboard }, { findShellProfile }] = await Promise.all([
    import('../../output/clipboard.ts'),
    import('../../output/shell-profile.ts'),
  ]);
  const clipboard = await findClipboard(context.world.env);
  const profile = findShellProfile(context.world.env);
  const choices: Choice<Destination | 'file'>[] = [
    { name: '.env in this folder', value: { kind: 'dotenv', file: '.env' } },
    { name: 'another dotenv file', value: 'file' },
  ];
  if (profile) {
    const file = path.join(context.profiles.folder, 'env');
    choices.push({
      name: `every new ${profile.shell}: ${fromHome(profile.file, context.world.env.HOME)} loads it`,
      short: `every new ${profile.shell}`,
      value: { kind: 'shell', profile, file },
    });
  }
  if (clipboard) choices.push({ name: 'the clipboard', value: { kind: 'clipboard', clipboard } });
  choices.push({ name: 'the screen, once', value: { kind: 'screen' } });
  const picked = await prompts.pick('Where shall the key go?', choices, 'there is nobody to ask');
  wizard.destination = picked === 'file' ? undefined : picked;
  return 'asked';
};

/** Which dotenv file: asked again until it can be written. */
export const dotenvFile: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (wizard.destination || isPending(wizard.subscriptions)) return 'silent';
  const file = await prompts.text('Which file?', 'there is nobody to ask', async (typed) => {
    if (typed.trim() === '') return 'Type the path of a file.';
    try {
      await (await openDotenv(context, typed.trim())).discard();
      return undefined;
    } catch (error) {
      if (error instanceof CommandError) return `${error.message}.`;
      throw error;
    }
  });
  wizard.destination = { kind: 'dotenv', file: file.trim() };
  return 'asked';
};

/** A path as people write it: what is in the home folder begins with `~`. */
function fromHome(file: string, home = ''): string {
  return home !== '' && file.startsWith(home + path.sep) ? `~${file.slice(home.length)}` : file;
}

/** Whether the key of what was bought comes by mail. */
export function isPending(subscriptions: readonly { readonly status?: string | null | undefined }[] = []): boolean {
  return subscriptions.length > 0 && subscriptions.every(({ status }) => status === 'pending_key');
}
