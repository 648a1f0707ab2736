import { programOf } from '../../account/program.ts';
import { shellWord } from '../../domain/shell-word.ts';
import type { Wizard } from './wizard.ts';

/** Returns what the wizard did, as commands for a script. */
export function commandsOf({
  context,
  purchase: bought,
  subscriptions = [],
  keys = [],
  keyName: name = '',
  saved,
  tools = [],
}: Wizard): string[] {
  const ci = programOf(context);
  const save = saved?.options === undefined ? '' : ` ${saved.options}`;
  const [subscription] = subscriptions;
  const connected = tools.map(({ tool }) => `${ci} connect ${tool} --key ${shellWord(keys[0]?.name ?? '')} --yes`);
  if (bought && keys.length > 1) return [`${ci} ${bought} --create-key ${shellWord(name)}${save} --yes`, ...connected];
  const variable = (at: number) => (at === 0 || !saved?.variables ? '' : ` --var ${saved.variables[at]}`);
  const created = keys.map((key, at) => {
    const target = bought
      ? `--pool ${shellWord(subscription?.poolSlug ?? '')}`
      : `--subscription ${shellWord(key.subscriptionId)}`;
    const delivery = save === '' ? ' --secret-only --reveal' : `${save}${variable(at)}`;
    return `${ci} keys create ${shellWord(key.name)} ${target} --ensure${delivery}`;
  });
  return [...(bought ? [`${ci} ${bought} --yes`] : []), ...created, ...connected];
}
