import type { CommandTree } from '../help/command-tree.ts';
import { topics } from '../help/topics.ts';
import type { Source, Values, Word } from '../values.ts';

/** What can be typed in one or several places, as a script looks it up. */
interface Slots {
  /** A command's path, and `--flag`, the number of an argument from 1, or `+` for all from there on; `*` is any path. */
  readonly slots: readonly (readonly [path: string, slot: string])[];
  /** `words`: one of these; `list`: several, with commas between; `any`: what is not known here; else a source to ask. */
  readonly kind: 'words' | 'list' | 'any' | Exclude<Source, 'fields'>;
  readonly words: readonly Word[];
  readonly alone: readonly Word[];
}

/** The command tree as all completion scripts look things up in it. A path is the words that lead to a command, without `ci`. */
export interface Tables {
  /** What can stand below commands, and the other names of that. */
  readonly commands: readonly {
    readonly paths: readonly string[];
    readonly commands: readonly Word[];
    readonly aliases: readonly Word[];
  }[];
  /** The name of a command that has others: `pools/ls` and `keys/ls` are `list`. */
  readonly aliases: readonly { readonly name: string; readonly aliases: readonly string[] }[];
  /** A command's own options, by their long flags. */
  readonly options: readonly { readonly path: string; readonly options: readonly Word[] }[];
  /** The options that go anywhere. */
  readonly global: readonly Word[];
  /** The long flag of a short one. */
  readonly short: readonly { readonly path: string; readonly short: string; readonly long: string }[];
  /** The options that may be given more than once. */
  readonly repeatable: readonly (readonly [path: string, long: string])[];
  readonly values: readonly Slots[];
}

const help: Word = { name: 'help', description: 'show help for a command, or on a topic' };

/** The tables of the whole program. */
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
    global: [...everywhere.map(asWord), { name: '--help', description: 'show help for a command' }],
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

/** `ci help`, which is no command of the tree: the commands below it, and the topics. */
function helpOf({ commands }: CommandTree): CommandTree {
  const page = ({ name, aliases, description, commands }: CommandTree): CommandTree => ({
    ...nothing,
    ...{ name, aliases, description },
    commands: commands.map(page),
  });
  const about = Object.entries(topics).map(([name, { description }]) => ({ ...nothing, name, description }));
  const man = { ...nothing, name: 'man', description: 'the manual page, for man -l -' };
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

/** `--fields` of each command, which has fields of its own. */
function fieldSlots(places: readonly Place[], values: Values, long: string): Slots[] {
  const own = places
    .filter(({ command }) => command.fields.length > 0)
    .map(({ path, command }) =>
      slotOf(path, long, { ...values, source: null, words: command.fields.map((name) => ({ name, description: '' })) }),
    );
  return [...own, slotOf('*', long, null)];
}

/** Slots of the same values in one; those of any path last, so that a script that takes the first takes a path's own. */
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

/** Puts together what is the same but for where it belongs. */
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
