import { periods } from '../../account/usage.ts';
import { pages } from '../../account/web-pages.ts';
import { methods } from '../../commands/api.ts';
import { preferences } from '../../commands/config/preference.ts';
import { blockNames, utcHours } from '../../domain/blocks.ts';
import { formats } from '../../domain/formats.ts';
import { shells } from '../../domain/shells.ts';

/** Where values come from that only the account, the machine or the command itself knows. */
export type Source = 'pools' | 'keys' | 'subscriptions' | 'profiles' | 'files' | 'fields';

/** A word that can be typed. */
export interface Word {
  readonly name: string;
  /** Empty where the word says it all. */
  readonly description: string;
}

/** What can be typed for an option's value or an argument. */
export interface Values {
  /** These words and no others. */
  readonly words: readonly Word[];
  /** In place of words: what they are the names of. */
  readonly source: Source | null;
  /** Whether several are taken, with commas between. */
  readonly list: boolean;
  /** Of the words of a list those that go with no other. */
  readonly alone: readonly Word[];
}

const block = oneOf(blockNames.map((name) => ({ name, description: `${utcHours(name)} UTC` })));

const blocks: Values = {
  ...block,
  list: true,
  alone: [{ name: 'all', description: 'the whole day' }],
};

/**
 * What can be typed where: for an option by its long flag, for an argument by its name, and after a command's path where the same
 * name means something else there. What is not here is anybody's own to say: a name, a number, a text.
 */
const table: Readonly<Record<string, Values>> = {
  '--output': oneOf(named(formats)),
  '--fields': { ...from('fields'), list: true },
  '--profile': from('profiles'),
  '--block': blocks,
  '--blocks': blocks,
  'pools watch --blocks': {
    ...blocks,
    alone: [
      { name: 'any', description: 'whichever opens' },
      { name: 'all', description: 'the whole day, together' },
    ],
  },
  block,
  '--billing-cycle': oneOf(named(['month', 'year'])),
  '--method': oneOf([
    { name: 'stripe', description: 'by card' },
    { name: 'usdc', description: 'on Base' },
  ]),
  '--period': oneOf(named(Object.keys(periods))),
  // Unlimited Subscriptions API, "List available plans": a pool's `status`; one that is a draft is not listed.
  '--status': oneOf(named(['active', 'funding', 'activating', 'paused'])),
  '--pool': from('pools'),
  '--subscription': from('subscriptions'),
  '--save': from('files'),
  '--input': from('files'),
  pool: from('pools'),
  key: from('keys'),
  keys: from('keys'),
  profile: from('profiles'),
  subscriptionId: from('subscriptions'),
  place: oneOf(Object.entries(pages).map(([name, url]) => ({ name, description: url }))),
  method: oneOf(named(methods)),
  shell: oneOf(named(shells)),
  'config get key': oneOf(named(preferences)),
  'config set key': oneOf(named(preferences)),
};

/**
 * What can be typed for an option or an argument; null where that is anybody's own to say.
 *
 * @param path - the command's: `pools list`
 * @param name - `--blocks`, or an argument's name
 */
export function valuesOf(path: string, name: string): Values | null {
  return table[`${path} ${name}`] ?? table[name] ?? null;
}

function oneOf(words: readonly Word[]): Values {
  return { words, source: null, list: false, alone: [] };
}

function from(source: Source): Values {
  return { words: [], source, list: false, alone: [] };
}

function named(names: readonly string[]): Word[] {
  return names.map((name) => ({ name, description: '' }));
}
