import { baseUrlFacts, callCommand } from '../../account/keys/call-example.ts';
import { poolName } from '../../account/pools.ts';
import type { Description } from '../../account/secrets/destination.ts';
import { fromHome } from '../../account/secrets/destinations.ts';
import type { Pool } from '../../api/pools.ts';
import { accountLabel } from '../../config/settings.ts';
import { hoursInWords } from '../../domain/coverage.ts';
import type { Environment } from '../../domain/environment.ts';
import { masked } from '../../domain/secrets.ts';
import { factLines } from '../../output/text.ts';
import { shellLines } from '../../output/wrap.ts';
import { commandsOf } from './commands.ts';
import type { Wizard } from './wizard.ts';

export const fields = ['account', 'pool', 'subscriptions', 'keys', 'savedTo', 'tools', 'commands'] as const;

/** Prints what `ci setup` did, and how to do it again in a script. */
export async function summary(wizard: Wizard): Promise<void> {
  const { context, subscriptions = [], keys = [], pool: chosen, saved, tools = [] } = wizard;
  const result = {
    account: accountLabel(context.settings),
    pool: chosen ? poolName(chosen) : (subscriptions[0]?.poolSlug ?? null),
    subscriptions: subscriptions.map(({ id }) => id),
    keys: keys.map(({ id, name, apiKey }) => ({ id: id ?? null, name, apiKey: masked(apiKey) })),
    savedTo: saved?.savedTo ?? null,
    tools,
    commands: commandsOf(wizard),
  };
  await context.output.record(result, {
    columns: [
      { field: 'account', header: 'Account', value: (row) => row.account },
      { field: 'pool', header: 'Pool', value: (row) => row.pool },
      { field: 'subscriptions', header: 'Subscriptions', value: (row) => row.subscriptions.join(',') },
      {
        field: 'keys',
        header: 'Keys',
        value: (row) => row.keys.map(({ name, apiKey }) => `${name}=${apiKey}`).join(','),
      },
      { field: 'savedTo', header: 'Saved to', value: (row) => row.savedTo },
      { field: 'tools', header: 'Tools', value: (row) => row.tools.map(({ tool }) => tool).join(',') },
      { field: 'commands', header: 'Commands', value: (row) => row.commands.join('; ') },
    ],
    fields,
    drawing: (style, clean) => {
      const [subscription] = subscriptions;
      const lines: [string, string][] = [
        ['Pool', [clean.pool ?? '', subscription ? hoursInWords(subscription) : ''].join(' ')],
        [label('Subscription', clean.subscriptions), idList(clean.subscriptions)],
        [label('Key', clean.keys), keyList(clean.keys)],
        ['Saved to', saved ? placeOf(saved, context.world.env) : ''],
        ...clean.tools.map(({ tool, start }, at): [string, string] => [at === 0 ? 'Tools' : '', `${tool} (${start})`]),
        ['Account', clean.account],
        ...(keys.length === 0 ? [] : baseUrlFacts(context)),
      ];
      const shown = factLines(lines.filter(([, value]) => value !== ''));
      const { width } = context.output;
      const commands = shortCommands(clean.commands.map((command) => `${shellLines(command, width)}\n`));
      const call =
        keys.length === 0
          ? ''
          : `${callCommand(context, { saved, name: keys[0]?.name, model: modelOf(chosen) }, width)}\n`;
      return `${style.bold('Done.')}\n${shown}\n${call}\n${style.dim('The same in a script:')}\n${commands.join('')}`;
    },
  });
}

/** Returns commands for people. Of many, it has the first one and the number of the others, so that the summary fits a screen. */
function shortCommands(commands: readonly string[]): readonly string[] {
  return commands.length > 2 ? [...commands.slice(0, 1), `  …and ${commands.length - 1} more like it\n`] : commands;
}

/** Returns the model that a pool serves. */
function modelOf(pool: Pool | undefined): string | undefined {
  return pool?.modelId ?? pool?.models?.[0] ?? undefined;
}

function label(noun: string, items: readonly unknown[]): string {
  return items.length > 1 ? `${noun}s` : noun;
}

/** Returns ids for people. Commands take the first characters of an id, too. */
function idList(ids: readonly string[]): string {
  return ids.length > 1 ? shortList(ids.map((id) => id.slice(0, 8))) : ids.join('');
}

/** Returns keys for people: one with its masked secret, several with their names. */
function keyList(keys: readonly { readonly name: string; readonly apiKey: string }[]): string {
  return keys.length > 1
    ? shortList(keys.map(({ name }) => name))
    : keys.map(({ name, apiKey }) => `${name} ${apiKey}`).join('');
}

/** Returns a list for people. Of many items, it has the first ones and the number, so that the summary fits a screen. */
function shortList(items: readonly string[]): string {
  return items.length > 4 ? `${items.slice(0, 3).join(', ')} and ${items.length - 3} more` : items.join(', ');
}

/** Returns where keys are saved, for people; empty if they were only shown. */
function placeOf({ shownAs, variables = [] }: Description, { HOME }: Environment): string {
  const [first] = variables;
  if (shownAs === undefined || first === undefined) return shownAs ?? '';
  const count = variables.length;
  const others = count === 2 ? ' and …_2' : `, …_2 ${count === 3 ? 'and' : 'to'} …_${count}`;
  return `${fromHome(shownAs, HOME)}, as ${first}${count === 1 ? '' : others}`;
}
