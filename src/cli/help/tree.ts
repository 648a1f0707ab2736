import type { Command, Option } from 'commander';
import { ValueArgument, ValueOption, type Values } from '../values.ts';
import { exitsOf, Verb } from '../verb.ts';

/** A command for a program to read: what `ci help --json` prints. */
export interface CommandTree {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly description: string;
    readonly required: boolean;
    readonly variadic: boolean;
    /** What can be typed for it; null: anything. */
    readonly values: Values | null;
  }[];
  readonly options: readonly {
    readonly flags: string;
    readonly description: string;
    /** Whether it takes a value; it then always does. */
    readonly value: boolean;
    readonly default: string | null;
    readonly repeatable: boolean;
    /** What can be typed for its value; null: anything, or it takes none. */
    readonly values: Values | null;
  }[];
  readonly examples: readonly string[];
  readonly fields: readonly string[];
  readonly exitCodes: readonly number[];
  /** Whether it changes something. */
  readonly changes: boolean;
  readonly commands: readonly CommandTree[];
}

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
    options: command.options.map((option) => ({
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

function defaultOf({ defaultValue }: Option): string | null {
  return defaultValue === undefined || typeof defaultValue === 'boolean' ? null : String(defaultValue);
}
