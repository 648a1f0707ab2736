import path from 'node:path';
import type { Clipboard } from '../../output/clipboard.ts';
import type { ShellProfile } from '../../output/shell-profile.ts';
import type { Choice } from '../../prompts/question.ts';
import type { Step } from './wizard.ts';

/** Where a new key goes. */
export type Destination =
  | { readonly kind: 'dotenv'; readonly file: string }
  | { readonly kind: 'shell'; readonly profile: ShellProfile; readonly file: string }
  | { readonly kind: 'clipboard'; readonly clipboard: Clipboard }
  | { readonly kind: 'screen' };

/** Where the key shall go: asked before it is made, so that the place can be proven. */
export const destination: Step = async (wizard) => {
  const { context, prompts } = wizard;
  if (isPending(wizard.subscriptions)) return 'silent';
  const clipboard = await context.clipboard();
  const profile = await context.shellProfile();
  const choices: Choice<Destination | 'file'>[] = [
    { name: '.env in this folder', value: { kind: 'dotenv', file: '.env' } },
    { name: 'another dotenv file', value: 'file' },
  ];
  if (profile) {
    const file = path.join(context.profiles.folder, 'env');
    choices.push({
      name: `every new ${profile.shell}: ${profile.file} loads it`,
      short: `every new ${profile.shell}`,
      value: { kind: 'shell', profile, file },
    });
  }
  if (clipboard) choices.push({ name: 'the clipboard', value: { kind: 'clipboard', clipboard } });
  choices.push({ name: 'the screen, once', value: { kind: 'screen' } });
  const picked = await prompts.pick('Where shall the key go?', choices, 'there is nobody to ask');
  if (picked !== 'file') {
    wizard.destination = picked;
    return 'asked';
  }
  const file = await prompts.text('Which file?', 'there is nobody to ask');
  wizard.destination = { kind: 'dotenv', file: file.trim() };
  return 'asked';
};

/** Whether the key of what was bought comes by mail. */
export function isPending(subscriptions: readonly { readonly status?: string | null | undefined }[] = []): boolean {
  return subscriptions.length > 0 && subscriptions.every(({ status }) => status === 'pending_key');
}
