import type { Command, Option } from 'commander';
import { ValueArgument, ValueOption } from '../values.ts';
import { defaultOf, exitsOf, Verb } from '../verb.ts';
import type { CommandTree } from './command-tree.ts';

/** Returns a command and all commands below it, as data. */
export function commandTree(command: Command): CommandTree {
  const about = command instanceof Verb ? command.about : undefined;
  return {
    name: command.name(),
    aliases: command.aliases(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      required: argument.required,
      variadic: argument.variadic,
      values: argument instanceof ValueArgument ? argument.values : null,
    })),
    options: visible(command).map((option) => ({
      flags: option.flags,
      description: option.description,
      value: option.required,
      default: defaultOf(option),
      // An option that can be repeated collects its values in a list.
      repeatable: Array.isArray(option.defaultValue),
      values: option instanceof ValueOption ? option.values : null,
    })),
    examples: about?.examples ?? [],
    fields: about?.fields ?? [],
    exitCodes: about ? exitsOf(about) : [],
    changes: about?.changes ?? false,
    commands: command.commands.map(commandTree),
  };
}

/** Returns the options that help lists; other names of an option are hidden. */
function visible({ options }: Command): Option[] {
  return options.filter(({ hidden }) => !hidden);
}
