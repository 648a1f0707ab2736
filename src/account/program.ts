import type { Context } from '../context/context.ts';
import { shellWord } from '../domain/shell-word.ts';

/** Returns `ci` with the options that select the current account, for commands to be pasted. */
export function programOf({ settings }: Pick<Context, 'settings'>): string {
  const { sandbox, profile, apiUrl } = settings;
  if (sandbox.value) return 'ci --sandbox';
  return [
    'ci',
    ...(profile.value === 'default' ? [] : [`--profile ${shellWord(profile.value)}`]),
    ...(apiUrl.origin === '--api-url' ? [`--api-url ${shellWord(apiUrl.value)}`] : []),
  ].join(' ');
}
