import type { Command } from 'commander';
import { exitsOf, Verb } from '../command.ts';

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
  }[];
  readonly options: readonly {
    readonly flags: string;
    readonly description: string;
    /** Whether it takes a value; it then always does. */
    readonly value: boolean;
    readonly default: string | null;
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
    })),
    options: command.options.map(({ flags, description, required, defaultValue }) => ({
      flags,
      description,
      value: required,
      default: defaultValue === undefined || typeof defaultValue === 'boolean' ? null : String(defaultValue),
    })),
    examples: about?.examples ?? [],
    fields: about?.fields ?? [],
    exitCodes: about ? exitsOf(about) : [],
    changes: about?.changes ?? false,
    commands: command.commands.map(commandTree),
  };
}
