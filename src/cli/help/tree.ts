import type { Command, Option } from 'commander';
import { ValueArgument, ValueOption } from '../values.ts';
import { exitsOf, Verb } from '../verb.ts';
import type { CommandTree } from './command-tree.ts';

/** A command and all below it. */
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
      // What gathers its values begins with none.
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

function defaultOf({ defaultValue }: Option): string | null {
  return defaultValue === undefined || typeof defaultValue === 'boolean' ? null : String(defaultValue);
}
