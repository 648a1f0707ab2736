import { Option } from 'commander';
import { defaultSettling, type Settling } from '../context/settling.ts';
import { type Block, blockNames, isBlock, utcHours } from '../domain/blocks.ts';
import { parseDuration } from '../domain/duration.ts';
import { CommandError, usageError } from '../domain/errors.ts';
import { type Cents, parseUsd } from '../domain/money.ts';
import { billingCycles } from '../domain/quote.ts';
import { inWords } from '../output/text.ts';
import { choiceOption, namesOf, oneOf, ValueArgument, ValueOption, type Word } from './values.ts';

/** An argument that takes a pool. */
export function poolArgument(name = '[pool]', description = 'slug or UUID'): ValueArgument {
  return new ValueArgument(name, description, namesOf('pools'));
}

/** The blocks as words, with their hours. */
export const blockWords: readonly Word[] = blockNames.map((name) => ({ name, description: `${utcHours(name)} UTC` }));

const wholeDay: Word = { name: 'all', description: 'the whole day' };

/** `--blocks asia,europe` or `--blocks all`. */
export function blocksOption(
  flags = '--blocks <names>',
  description = `${blockNames.join(', ')} (comma between), or ${wholeDay.name}`,
): Option {
  const option = blockListOption(flags, description, [wholeDay]);
  return option.argParser((text) => parseBlocks(text, option));
}

/**
 * An option that takes a list of blocks. Its parser is still to be given.
 *
 * @param alone - the words that can be written in place of a list
 */
export function blockListOption(flags: string, description: string, alone: readonly Word[]): ValueOption {
  return new ValueOption(flags, description, { ...oneOf(blockWords), list: true, alone });
}

/** `--quantity 1-20`. */
export function quantityOption(): Option {
  return new Option('--quantity <seats>', 'seats in each block, 1 to 20').argParser(parseQuantity).default(1);
}

/** Reads the length of time that an option takes, in milliseconds; the error names the option. */
export function durationOf(option: string): (text: string) => number {
  return (text) => parseDuration(text, option);
}

/** `--billing-cycle month|year`. */
export function billingCycleOption(): Option {
  return choiceOption('--billing-cycle <cycle>', inWords(billingCycles, 'or'), billingCycles).default('month');
}

/**
 * Reads a list of blocks; each is taken once, in the day's order.
 *
 * @param option - the one that takes it, for the error
 * @throws CommandError (usage)
 */
export function parseBlocks(text: string, { long, values }: ValueOption): Block[] {
  const words = text.split(',').map((word) => word.trim().toLowerCase());
  if (words.length === 1 && words[0] === 'all') return [...blockNames];
  const wrong = words.find((word) => !isBlock(word));
  if (wrong !== undefined) {
    const lists = ['asia,europe', ...values.alone.map(({ name }) => name)].map((list) => `${long} ${list}`);
    throw usageError(
      wrong === '' ? `${long} is "${text}": a name is missing` : `there is no block "${wrong}"`,
      `The blocks are ${blockNames.join(', ')}; write ${inWords(lists, 'or')}.`,
    );
  }
  return blockNames.filter((name) => words.includes(name));
}

function parseQuantity(text: string): number {
  // Source: Unlimited Subscriptions API, "Request body": seats per block, 1–20.
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 20) {
    throw usageError(`--quantity is "${text}"`, 'Seats are a whole number from 1 to 20.');
  }
  return Number(text);
}

/**
 * Reads an amount of USD above 0 typed for a flag.
 *
 * @throws CommandError (usage)
 */
export function parseAmount(flag: string, example = flag): (text: string) => Cents {
  return (text) => {
    let cents: Cents | undefined;
    try {
      cents = /\.\d{3,}/.test(text) ? undefined : parseUsd(text);
    } catch {
      cents = undefined;
    }
    if (cents === undefined || cents <= 0) {
      throw usageError(`${flag} is "${text}"`, `Write an amount of USD above 0: ${example} 49 or ${example} 49.50.`);
    }
    return cents;
  };
}

/** Returns a function that says what is wrong with an answer; undefined if it can be parsed. */
export function mistakeIn(parse: (text: string) => unknown): (typed: string) => string | undefined {
  return (typed) => {
    try {
      parse(typed);
      return undefined;
    } catch (error) {
      if (error instanceof CommandError) return [error.message, error.hint].filter(Boolean).join('. ');
      throw error;
    }
  };
}

/**
 * Reads a whole number above 0 typed for a flag.
 *
 * @throws CommandError (usage)
 */
export function parseCount(flag: string): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
    throw usageError(`${flag} is "${text}"`, 'Write a whole number above 0.');
  };
}

/** The options for changes without a known outcome. */
export interface SettlingOptions {
  /** Milliseconds. */
  readonly settle?: number;
  readonly wait?: boolean;
  readonly again?: boolean;
}

/** `--settle 30s`. */
export function settleOption(): Option {
  return new Option(
    '--settle <duration>',
    'how long to look for the change if the response is lost (default: 30s)',
  ).argParser(durationOf('--settle'));
}

/** `--again`. */
export function againOption(): Option {
  return new Option('--again', "go ahead even if an earlier change of this kind hasn't settled");
}

/** `--no-wait`. */
export function noWaitOption(): Option {
  return new Option('--no-wait', 'exit 6 instead of waiting for an earlier change to settle');
}

/** Returns how to handle changes without a known outcome. */
export function settlingOf({ settle, wait = true, again = false }: SettlingOptions): Settling {
  return { patience: settle ?? defaultSettling.patience, wait, again };
}
