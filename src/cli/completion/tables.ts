import type { CommandTree } from '../help/command-tree.ts';
import { topics } from '../help/topics.ts';
import type { Source, Values, Word } from '../values.ts';

/** The values that can be typed in some places of a command line. */
interface Slots {
  /** The path of a command (`*`: any), and `--flag`, the number of an argument from 1, or `+` for all following arguments. */
  readonly slots: readonly (readonly [path: string, slot: string])[];
  /** `words`: one of the words; `list`: several, separated by commas; `any`: unknown values; otherwise a source of names. */
  readonly kind: 'words' | 'list' | 'any' | Exclude<Source, 'fields'>;
  readonly words: readonly Word[];
  readonly alone: readonly Word[];
}

/** The command tree as tables for completion scripts. A path is the words that lead to a command, without `ci`. */
export interface Tables {
  /** The commands below commands, and their aliases. */
  readonly commands: readonly {
    readonly paths: readonly string[];
    readonly commands: readonly Word[];
    readonly aliases: readonly Word[];
  }[];
  /** The names of commands with aliases: `pools/ls` and `keys/ls` are `list`. */
  readonly aliases: readonly { readonly name: string; readonly aliases: readonly string[] }[];
  /** The options of each command, by their long flags. */
  readonly options: readonly { readonly path: string; readonly options: readonly Word[] }[];
  /** The global options. */
  readonly global: readonly Word[];
  /** The long flags of short ones. */
  readonly short: readonly { readonly path: string; readonly short: string; readonly long: string }[];
  /** The options that can be repeated. */
  readonly repeatable: readonly (readonly [path: string, long: string])[];
  readonly values: readonly Slots[];
}

const help: Word = { name: 'help', description: 'Show help for a command or topic' };

/** Returns the tables of the command tree. */
export function tablesOf(program: CommandTree): Tables {
  const root: CommandTree = { ...program, commands: [...program.commands, helpOf(program)] };
  const everywhere = program.options.filter(({ flags }) => !flags.includes('--version'));
  const places = placesOf(root, '').map(({ path, command }) => ({
    path,
    command:
      path === '' ? { ...command, options: command.options.filter((each) => !everywhere.includes(each)) } : command,
  }));
  const options = [
    ...places.flatMap(({ path, command }) => command.options.map((option) => ({ path, option }))),
    ...everywhere.map((option) => ({ path: '*', option })),
  ];
  return {
    commands: grouped(
      places
        .filter(({ command }) => command.commands.length > 0)
        .map(({ path, command: { commands } }) => ({
          paths: [path],
          commands: commands.map(({ name, description }) => ({ name, description })),
          aliases: commands.flatMap(({ aliases, description }) => aliases.map((name) => ({ name, description }))),
        })),
      ({ commands, aliases }) => [commands, aliases],
      (one, other) => ({ ...one, paths: [...one.paths, ...other.paths] }),
    ),
    aliases: grouped(
      places.flatMap(({ path, command }) =>
        command.commands
          .filter(({ aliases }) => aliases.length > 0)
          .map(({ name, aliases }) => ({ name, aliases: aliases.map((alias) => `${path}/${alias}`) })),
      ),
      ({ name }) => name,
      (one, other) => ({ ...one, aliases: [...one.aliases, ...other.aliases] }),
    ),
    options: places
      .filter(({ command }) => command.options.length > 0)
      .map(({ path, command }) => ({ path, options: command.options.map(asWord) })),
    global: [...everywhere.map(asWord), { name: '--help', description: 'Show help for a command' }],
    short: [
      ...options.flatMap(({ path, option: { flags } }) => {
        const [, short, long] = /^(-\w), (--[\w-]+)/.exec(flags) ?? [];
        return short && long ? [{ path, short, long }] : [];
      }),
      { path: '*', short: '-h', long: '--help' },
    ],
    repeatable: options
      .filter(({ option }) => option.repeatable)
      .map(({ path, option }) => [path, asWord(option).name]),
    values: slotsOf([
      ...options
        .filter(({ option }) => option.value)
        .flatMap(({ path, option }) =>
          option.values?.source === 'fields'
            ? fieldSlots(places, option.values, asWord(option).name)
            : [slotOf(path, asWord(option).name, option.values)],
        ),
      ...places.flatMap(({ path, command }) =>
        command.arguments.flatMap(({ values, variadic }, at) =>
          values ? [slotOf(path, variadic ? '+' : String(at + 1), values)] : [],
        ),
      ),
    ]),
  };
}

/** Returns `ci help`, which isn't in the tree, with all commands and topics below it. */
function helpOf({ commands }: CommandTree): CommandTree {
  const page = ({ name, aliases, description, commands }: CommandTree): CommandTree => ({
    ...nothing,
    ...{ name, aliases, description },
    commands: commands.map(page),
  });
  const about = Object.entries(topics).map(([name, { description }]) => ({ ...nothing, name, description }));
  const man = { ...nothing, name: 'man', description: 'Source of the manual page' };
  return { ...nothing, ...help, commands: [...commands.map(page), ...about, man] };
}

const nothing: CommandTree = {
  name: '',
  aliases: [],
  description: '',
  arguments: [],
  options: [],
  examples: [],
  fields: [],
  exitCodes: [],
  changes: false,
  commands: [],
};

interface Place {
  readonly path: string;
  readonly command: CommandTree;
}

function placesOf(command: CommandTree, path: string): Place[] {
  return [{ path, command }, ...command.commands.flatMap((each) => placesOf(each, below(path, each.name)))];
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`;
}

function asWord({ flags, description }: { flags: string; description: string }): Word {
  return { name: /--[\w-]+/.exec(flags)?.[0] ?? flags, description };
}

function slotOf(path: string, slot: string, values: Values | null): Slots {
  const { words = [], source, list, alone = [] } = values ?? { source: null, list: false };
  const kind = source && source !== 'fields' ? source : words.length === 0 ? 'any' : list ? 'list' : 'words';
  return { slots: [[path, slot]], kind, words, alone };
}

/** Returns the slots of `--fields`, which takes other fields for each command. */
function fieldSlots(places: readonly Place[], values: Values, long: string): Slots[] {
  const own = places
    .filter(({ command }) => command.fields.length > 0)
    .map(({ path, command }) =>
      slotOf(path, long, { ...values, source: null, words: command.fields.map((name) => ({ name, description: '' })) }),
    );
  return [...own, slotOf('*', long, null)];
}

/** Merges slots with the same values. Slots of any path are last, because scripts take the first match. */
function slotsOf(all: readonly Slots[]): Slots[] {
  return grouped(
    [...all].sort((a, b) => Number(isAnywhere(a)) - Number(isAnywhere(b))),
    (each) => [isAnywhere(each), each.kind, each.words, each.alone],
    (one, other) => ({ ...one, slots: [...one.slots, ...other.slots] }),
  );
}

function isAnywhere({ slots }: Slots): boolean {
  return slots[0]?.[0] === '*';
}

/** Merges items that differ only in their place. */
function grouped<Each>(
  all: readonly Each[],
  same: (each: Each) => unknown,
  merged: (one: Each, other: Each) => Each,
): Each[] {
  const groups = new Map<string, Each>();
  for (const each of all) {
    const id = JSON.stringify(same(each));
    const before = groups.get(id);
    groups.set(id, before === undefined ? each : merged(before, each));
  }
  return [...groups.values()];
}
