import { usageError } from '../domain/errors.ts';
import { pathOf, unknownCommand, type Verb } from './verb.ts';

/**
 * Returns whether the words lead to a command of a noun that has options of its own. The noun must not have them then: its commands
 * may have options with the same names, which commander would take for those of the noun.
 */
export function isCommandTyped(noun: Verb): boolean {
  const [first, next] = noun.parent?.args ?? [];
  return first === noun.name() && noun.commands.some((command) => command.name() === next);
}

/** Refuses options of a noun before one of its commands, where they would have no effect. */
export function refuseOptionsBeforeCommand(noun: Verb): void {
  noun.hook('preSubcommand', (_noun, command) => {
    const isTyped = noun.options.some((option) => noun.getOptionValueSource(option.attributeName()) === 'cli');
    // Help is shown whatever else was typed.
    if (!isTyped || noun.args.some((word) => word === '--help' || word === '-h')) return;
    throw usageError(
      `The options before "${command.name()}" have no effect`,
      `Put them after it: \`${pathOf(noun)} ${command.name()} [options]\`.`,
    );
  });
}

/** Refuses a word after a noun that runs without a command, because it can only be meant as one. */
export function refuseUnknownCommand(noun: Verb): void {
  noun.allowExcessArguments().hook('preAction', async (_noun, command) => {
    const [typed] = command === noun ? noun.args : [];
    if (typed === undefined) return;
    const names = noun.commands.map((each) => each.name());
    throw await unknownCommand(typed, names, noun);
  });
}
