import { Option } from 'commander';
import { defaultSettling, type Settling } from '../context/settling.ts';
import { type Block, blockNames, isBlock, utcHours } from '../domain/blocks.ts';
import { parseDuration } from '../domain/duration.ts';
import { CommandError, messageWithHint, usageError } from '../domain/errors.ts';
import { type Cents, parseUsd } from '../domain/money.ts';
import { billingCycles } from '../domain/quote.ts';
import { inWords } from '../output/text.ts';
import { choiceOption, invalidValue, namesOf, oneOf, ValueArgument, ValueOption, type Word } from './values.ts';

/** Returns an argument that takes a pool. */
export function poolArgument(name = '[pool]', description = 'Slug or UUID'): ValueArgument {
  return new ValueArgument(name, description, namesOf('pools'));
}

/** The blocks, described by their hours. */
export const blockWords: readonly Word[] = blockNames.map((name) => ({ name, description: `${utcHours(name)} UTC` }));

export const wholeDay: Word = { name: 'all', description: 'The whole day' };

/** Returns an option that takes blocks: `--blocks asia,europe` or `--blocks all`. */
export function blocksOption(
  flags = '--blocks <names>',
  description = `Blocks, separated by commas: ${blockNames.join(', ')}; or \`${wholeDay.name}\``,
): Option {
  const option = blockListOption(flags, description, [wholeDay]);
  return option.argParser((text) => parseBlocks(text, option));
}

/**
 * Returns an option that takes a list of blocks, without a parser.
 *
 * @param alone - words that can be written instead of a list
 */
export function blockListOption(flags: string, description: string, alone: readonly Word[]): ValueOption {
  return new ValueOption(flags, description, { ...oneOf(blockWords), list: true, alone });
}

/** Returns the option for the number of seats: `--quantity 3`. */
export function quantityOption(): Option {
  return new Option('--quantity <seats>', 'Seats in each block, 1 to 20').argParser(parseQuantity).default(1);
}

/** Returns a parser of durations, in milliseconds. Its error names the option. */
export function durationOf(option: string): (text: string) => number {
  return (text) => parseDuration(text, option);
}

/** Returns the option for the billing cycle: `--billing-cycle year`. */
export function billingCycleOption(description = `Billing cycle: ${inWords(billingCycles, 'or')}`): Option {
  return choiceOption('--billing-cycle <cycle>', description, billingCycles).default('month');
}

/**
 * Parses a list of blocks. Returns each once, in the order of the day.
 *
 * @param option - the option that takes it, for the error
 * @throws CommandError (usage)
 */
export function parseBlocks(text: string, { long, values }: ValueOption): Block[] {
  const words = text.split(',').map((word) => word.trim().toLowerCase());
  if (words.length === 1 && words[0] === 'all') return [...blockNames];
  const wrong = words.find((word) => !isBlock(word));
  if (wrong !== undefined) {
    const lists = ['asia,europe', ...values.alone.map(({ name }) => name)].map((list) => `${long} ${list}`);
    throw usageError(
      wrong === '' ? `"${text}" is not a valid list of blocks` : `"${wrong}" is not a block`,
      `The blocks are ${inWords(blockNames)}. Use ${inWords(lists, 'or')}.`,
    );
  }
  return blockNames.filter((name) => words.includes(name));
}

function parseQuantity(text: string): number {
  // Source: Unlimited Subscriptions API, "Request body": seats per block, 1–20.
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 20) {
    throw invalidValue(text, 'number of seats', 'Use a whole number from 1 to 20.');
  }
  return Number(text);
}

/**
 * Returns a parser of amounts above 0 in USD.
 *
 * @param option - the option that takes the amount, for the error
 */
export function parseAmount(option?: string): (text: string) => Cents {
  return (text) => {
    let cents: Cents | undefined;
    try {
      cents = /\.\d{3,}/.test(text) ? undefined : parseUsd(text);
    } catch {
      cents = undefined;
    }
    if (cents === undefined || cents <= 0) {
      const what = `amount${option === undefined ? '' : ` for ${option}`}`;
      throw invalidValue(text, what, 'Use an amount in USD above 0, such as 49 or 49.50.');
    }
    return cents;
  };
}

/** Returns a function that says what is wrong with an answer, or undefined if nothing is. */
export function mistakeIn(parse: (text: string) => unknown): (typed: string) => string | undefined {
  return (typed) => {
    try {
      parse(typed);
      return undefined;
    } catch (error) {
      if (error instanceof CommandError) return messageWithHint(error);
      throw error;
    }
  };
}

/**
 * Returns a parser of whole numbers above 0.
 *
 * @param option - the option that takes the number, for the error
 */
export function parseCount(option: string): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
    throw invalidValue(text, `value for ${option}`, 'Use a whole number above 0.');
  };
}

/** Returns the error for an option without the one that it needs. */
export function missingOption(option: string, needed: string): CommandError {
  return usageError(`${option} needs ${needed}`, `Add ${needed}, or leave out ${option}.`);
}

/** The options for changes without a known outcome. */
export interface SettlingOptions {
  /** Milliseconds. */
  readonly settle?: number;
  readonly wait?: boolean;
  readonly again?: boolean;
}

/** Returns the option for how long to check for a change: `--settle 30s`. */
export function settleOption(
  description = 'How long to check for the change if the response is lost (default: 30s)',
): Option {
  return new Option('--settle <duration>', description).argParser(durationOf('--settle'));
}

/** Returns the option `--again`. */
export function againOption(): Option {
  return new Option('--again', "Go ahead even if an earlier change of this kind hasn't settled");
}

/** Returns the option `--no-wait`. */
export function noWaitOption(): Option {
  return new Option('--no-wait', 'Exit with code 6 instead of waiting for an earlier change to settle');
}

/** Returns how to handle changes without a known outcome. */
export function settlingOf({ settle, wait = true, again = false }: SettlingOptions): Settling {
  return { ...defaultSettling, patience: settle ?? defaultSettling.patience, wait, again };
}
