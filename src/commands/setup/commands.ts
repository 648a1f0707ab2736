import type { Context } from '../../context/context.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { Wizard } from './wizard.ts';

/** `ci` as the account in use is spoken for with. */
export function programOf({ settings }: Context): string {
  const { sandbox, profile, apiUrl } = settings;
  if (sandbox.value) return 'ci --sandbox';
  return [
    'ci',
    ...(profile.value === 'default' ? [] : [`--profile ${shellWord(profile.value)}`]),
    ...(apiUrl.origin === '--api-url' ? [`--api-url ${shellWord(apiUrl.value)}`] : []),
  ].join(' ');
}

/** What the wizard did, as commands for a script. */
export function commandsOf({
  context,
  purchase: bought,
  subscriptions = [],
  keys = [],
  keyName: name = '',
  destination: place,
}: Wizard): string[] {
  const ci = programOf(context);
  const save = place?.kind === 'dotenv' || place?.kind === 'shell' ? ` --save ${shellWord(place.file)}` : undefined;
  const [subscription] = subscriptions;
  // Seats bought together have their keys made with them, and printed: a file takes one.
  if (bought && keys.length > 1) return [`${ci} ${bought} --create-key ${shellWord(name)} --yes`];
  const target = bought ? `--pool ${subscription?.poolSlug}` : `--subscription ${subscription?.id}`;
  return [
    ...(bought ? [`${ci} ${bought} --yes`] : []),
    ...(keys.length === 1
      ? [`${ci} keys create ${shellWord(name)} ${target} --ensure${save ?? ' --secret-only --reveal'}`]
      : []),
  ];
}
